"""Undoing beside the engine, beside another undoing, and cut off in the middle (S12)."""

import asyncio

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from operations import undo
from operations.refusals import Code, Refused
from sync_engine.drain import drain
from sync_engine.markers import BLOCK_BITS, Lane
from sync_engine.rebuild import rebuild
from sync_engine.state import Rules
from sync_engine.verify import verify
from tests.operations.test_undo import all_leave, sellers
from tests.operations.undoing import named, now_in, pinned, read, take_back
from tests.world import MONDAY, World, settle

__all__ = ["sellers"]

pytestmark = pytest.mark.spec("S12")

SOON = 0.3


async def test_of_several_who_undo_the_same_one_does(sellers: World, sync_database: Engine) -> None:
    id = await all_leave(sellers, sync_database)

    done = await asyncio.gather(*(take_back(sellers, id) for _ in range(4)), return_exceptions=True)

    refused = [each for each in done if isinstance(each, Refused)]
    assert [each.code for each in refused] == [Code.ALREADY_UNDONE] * 3
    settle(sync_database)
    assert len(pinned(sync_database)) == 3


async def test_undoing_waits_for_the_run_that_is_under_way_and_sees_what_it_wrote(
    sellers: World, sync_database: Engine
) -> None:
    """Or else it would pin somebody who, by then, stands otherwise than the change set left."""
    id = await all_leave(sellers, sync_database)
    pair = (sellers.members["Bo"], sellers.segments["Sales"])
    with sync_database.connect() as run:
        place = {"w": sellers.workspace_id, "b": pair[0] >> BLOCK_BITS}
        run.execute(text("SELECT pg_advisory_xact_lock(:w, :b)"), place)
        undoing = asyncio.create_task(take_back(sellers, id))
        await asyncio.sleep(SOON)
        assert not undoing.done()
        run.execute(
            text(
                "INSERT INTO membership (member_id, segment_id, since, opened_by_id)"
                " VALUES (:m, :s, clock_timestamp(), :c)"
            ),
            {"m": pair[0], "s": pair[1], "c": id + 1},
        )
        run.commit()

    with pytest.raises(Refused) as refused:
        await undoing

    assert named(refused.value.details) == {pair: "MOVED_SINCE"}
    assert pinned(sync_database) == {}


async def test_the_engine_passes_over_those_who_are_being_put_back_until_that_is_done(
    sellers: World, sync_database: Engine
) -> None:
    before = now_in(sync_database)
    id = await all_leave(sellers, sync_database)
    rules = Rules()
    async with sellers.edge.transaction() as db:
        await undo.undo(db, by=sellers.system, change_set_id=id, reason="It was wrong.", at=MONDAY)
        for name in ("Ada", "Bo"):
            assert (sellers.members[name], sellers.segments["Sales"]) not in now_in(sync_database)
        drained = drain(sync_database, rules, lanes=tuple(Lane), seconds=0)
        rebuilt = rebuild(sync_database, rules, seconds=0)
        assert (drained.people, rebuilt.people) == (0, 0)
    settle(sync_database)

    assert now_in(sync_database) == before
    assert verify(sync_database, sellers.workspace_id).is_clean


async def test_what_is_cut_off_has_done_nothing_and_can_be_done_again(
    sellers: World, sync_database: Engine
) -> None:
    before = now_in(sync_database)
    id = await all_leave(sellers, sync_database)

    with pytest.raises(DBAPIError):
        await _cut_off(sellers, sync_database, id)
    settle(sync_database)

    assert (pinned(sync_database), len(now_in(sync_database))) == ({}, 1)
    [row] = read(sync_database, "SELECT undone_at FROM change_set WHERE id = :id", id=id)
    assert row.undone_at is None
    assert "change_set.undone" not in await sellers.verbs()
    await take_back(sellers, id)
    settle(sync_database)
    assert now_in(sync_database) == before


async def _cut_off(world: World, engine: Engine, id: int) -> None:
    """All of it but the commit."""
    async with world.edge.transaction() as db:
        await undo.undo(db, by=world.system, change_set_id=id, reason="It was wrong.", at=MONDAY)
        pid = await db.scalar(text("SELECT pg_backend_pid()"))
        read(engine, "SELECT pg_terminate_backend(:pid)", pid=pid)
        await db.execute(text("SELECT 1"))
