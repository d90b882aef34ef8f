"""`coordinator holds` lists what waits and decides it (S11)."""

import pytest
from sqlalchemy import Engine

from operations import segments, workspaces
from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World, settle

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("S11")]


@pytest.fixture
@furnished
async def world(world: World, sync_database: Engine) -> World:
    """Three people are taken out of Sales at once, where none may go unasked."""
    for name in ("Ada", "Bo", "Cy"):
        await world.member(name, department="Sales")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Selling", segments_attached=["Sales"])
    async with world.edge.transaction() as db:
        await workspaces.edit_settings(db, by=world.system, hold_people=0, hold_percent=0)
    settle(sync_database)
    async with world.edge.transaction() as db:
        await segments.edit(
            db, by=world.system, segment_id=world.segments["Sales"], rule='department eq "Legal"'
        )
    settle(sync_database)
    return world


def holds(database_url: str, *arguments: str) -> Answer:
    return run("holds", *arguments, given={"DATABASE_URL": database_url})


def test_what_waits_is_listed_named_and_decided(world: World, database_url: str) -> None:
    listed = holds(database_url, "list")
    assert listed.code == 0, listed.err
    number = next(each for each in listed.out.split() if each.isdigit())
    assert "Sales" in listed.out
    shown = holds(database_url, "show", number)
    assert shown.out.splitlines() == [
        f"{name} ({name.lower()}@acme.example)   “Sales”" for name in ("Ada", "Bo", "Cy")
    ]

    some = ("--person", "ada@acme.example", "--reason", "She has moved.")
    approved = holds(database_url, "approve", number, *some)
    rest = ("--segment", "Sales", "--reason", "The feed is broken.", "--until", "2100-01-01")
    discarded = holds(database_url, "discard", number, *rest)

    assert approved.out == f"Hold {number} is OPEN: 1 approved, 0 discarded.\n", approved.err
    assert discarded.out == f"Hold {number} is DECIDED: 1 approved, 2 discarded.\n"
    assert holds(database_url, "list").out == "Nothing waits.\n"
