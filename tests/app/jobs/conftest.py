"""A company with a course, and a workshop that makes files of its people."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from access.permissions import Principal
from models.people import MemberState
from tests.files import Files, open_workshop
from tests.furnishing import furnished
from tests.world import World


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates Safety, Enno may make groups; Lea, Luc and Lux learn, Luc with Enno."""
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
