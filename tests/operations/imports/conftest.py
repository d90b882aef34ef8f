"""A company whose people are brought in by files."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from operations import people
from operations.attributes import edit
from sync_engine.rules import Attribute, AttributeType, Owner
from tests.furnishing import furnished
from tests.world import World


@pytest.fixture
@furnished
async def office(world: World) -> World:
    """Mona manages, Ivo may invite, Cora coordinates “Safety”, Ines instructs it, Lea is there.
    Of everybody is known a phone number, which administrators write."""
    for name in ("Mona", "Ivo", "Cora", "Ines", "Lea"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    async with world.edge.transaction() as db:
        phone = Attribute("phone", AttributeType.STRING, Owner.ADMINISTRATOR)
        await edit(db, by=world.system, define=[phone])
        assert "phone" in await people.catalog_of(db, world.workspace_id)
    return world


@pytest.fixture
async def two_worlds(office: World, sessions: async_sessionmaker[AsyncSession]) -> World:
    """Another company beside the office, with a course and a group of the same kind."""
    other = await World.new(sessions, "other")
    await other.member("Zoe")
    await other.course("Safety")
    await other.group("Theirs", course="Safety")
    return other
