"""A company whose people are brought in by files."""

import pytest

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
