"""A company with a course, and a workshop that makes files of its people."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.permissions import Principal
from models.people import MemberState
from tests.files import Files, open_workshop
from tests.world import World


@pytest.fixture
async def pooled(database_url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    engine = create_async_engine(database_url)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


@pytest.fixture
async def company(pooled: async_sessionmaker[AsyncSession]) -> World:
    """Cora coordinates Safety, Enno may make groups; Lea, Luc and Lux learn, Luc with Enno."""
    world = await World.new(pooled)
    for name in ("Mona", "Dora", "Cora", "Ines", "Enno", "Lea", "Luc", "Nobody"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"], department="Sales")
    await world.member("Lux", state=MemberState.PENDING)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.department("Training")
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.course("Law", department="Legal", instructors=["Dora"])
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.group("Early", course="Safety", by="Enno")
    await world.enrol("Safety", "Lea", "Luc", "Lux")
    await world.enrol("Safety", "Luc", group="Early")
    return world


@pytest.fixture
async def files(company: World, database_url: str, tmp_path: Path) -> AsyncIterator[Files]:
    async with open_workshop(company, database_url, tmp_path / "files") as opened:
        yield opened
