"""`coordinator changes` lists what the engine changed, shows one, and takes it back (S12)."""

import pytest
from sqlalchemy import Engine

from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.operations.undoing import newest
from tests.world import World, settle

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("S12")]


@pytest.fixture
@furnished
async def world(world: World, sync_database: Engine) -> World:
    """Maja has left Sales."""
    await world.member("Maja", department="Sales")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Selling", segments_attached=["Sales"])
    settle(sync_database)
    await world.change("Maja", department="Finance")
    settle(sync_database)
    return world


def changes(database_url: str, *arguments: str) -> Answer:
    return run("changes", *arguments, given={"DATABASE_URL": database_url})


async def test_a_change_set_is_found_shown_and_taken_back(
    world: World, database_url: str, sync_database: Engine
) -> None:
    id = str(newest(sync_database))

    listed = changes(database_url, "list", "--segment", "Sales", "--person", "maja@acme.example")
    shown = changes(database_url, "show", id)
    undone = changes(database_url, "undo", id, "--reason", "She is needed.", "--days", "7")
    settle(sync_database)
    again = changes(database_url, "undo", id, "--reason", "Once more.")

    first, second = listed.out.splitlines()
    assert first.startswith(f"{id}  ")
    assert "1 person left “Sales”, because of member.changed by LMS Coordinator" in first
    assert "1 person joined “Sales”" in second
    assert shown.out.splitlines()[0] == first
    assert shown.out.splitlines()[-1] == "  - Maja: “Sales”"
    assert (undone.code, undone.out) == (0, "Undone: 1 pinned in, 0 pinned out.\n")
    assert await world.coordinators_of("Selling") == {"Maja"}
    assert again.code == 1
    assert "was undone at" in again.err
