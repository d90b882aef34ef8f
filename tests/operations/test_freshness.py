"""How current derived things are: never said to be more than they are (S13, U2)."""

import datetime as dt

import pytest
from sqlalchemy import Engine

from operations import freshness
from sync_engine import passes, ticks
from sync_engine.rebuild import expand, rebuild
from sync_engine.state import Rules
from tests.world import MONDAY, World, settle


async def head_of(world: World) -> int:
    return len(await world.verbs())


async def is_reflected(world: World, seq: int) -> bool:
    async with world.edge.read() as db:
        return await freshness.has_reflected(db, world.workspace_id, seq)


async def seq_of(world: World, segment: str) -> int:
    async with world.edge.read() as db:
        id = world.segments[segment]
        return (await freshness.of_segments(db, world.workspace_id, [id]))[id].seq


@pytest.mark.spec("S13")
async def test_a_rule_is_not_reflected_before_its_blocks_are_rebuilt(
    world: World, sync_database: Engine
) -> None:
    await world.member("Lea", department="Sales")
    settle(sync_database)
    await world.segment("Sellers", 'department eq "Sales"')
    created = await head_of(world)

    expand(sync_database)
    between = await is_reflected(world, created), await seq_of(world, "Sellers")
    rebuild(sync_database, Rules())

    assert between[0] is False
    assert between[1] < created
    assert await is_reflected(world, created)


async def test_what_a_pass_gives_back_is_as_old_as_before(
    world: World, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.member("Lea", department="Sales")
    settle(sync_database)
    await world.segment("Sellers", 'department eq "Sales"')
    await world.segment("People", "department pr")
    created = await head_of(world)
    monkeypatch.setattr(passes, "CHANGES_A_PASS", 1)
    expand(sync_database)

    rebuild(sync_database, Rules(), seconds=0.0)

    assert await is_reflected(world, created) is False


async def test_a_new_day_is_not_reflected_before_its_people_are_looked_at(
    world: World, sync_database: Engine
) -> None:
    await world.member("Lea", hireDate="2026-03-03")
    await world.segment("Started", "hireDate le now")
    settle(sync_database)
    ticks.tick(sync_database, now=MONDAY + dt.timedelta(days=1))
    ticked = await head_of(world)
    before = await is_reflected(world, ticked), await seq_of(world, "Started")

    ticks.expand_ticks(sync_database, Rules())
    between = await is_reflected(world, ticked), await seq_of(world, "Started")
    settle(sync_database)

    assert before == (False, ticked - 1)
    assert between == (False, ticked - 1)
    assert await is_reflected(world, ticked)


@pytest.mark.spec("S13")
async def test_who_is_parked_is_not_reflected_and_keeps_nobody_else_waiting(
    world: World, sync_database: Engine
) -> None:
    await world.segment("Sellers", 'department eq "Sales"')
    settle(sync_database)
    await world.member("Lea", department="Sales")
    lea = await head_of(world)
    with sync_database.begin() as db:
        db.exec_driver_sql("UPDATE member SET facts = '{\"groups\": [{}]}'")
    settle(sync_database)
    await world.member("Ada", department="Sales")
    ada = await head_of(world)
    settle(sync_database)
    id = world.segments["Sellers"]

    async with world.edge.read() as db:
        seen = (await freshness.of_segments(db, world.workspace_id, [id]))[id]
    assert (seen.is_current, seen.parked_people, seen.waiting_people) == (False, 1, 0)
    assert seen.seq < lea
    assert (await is_reflected(world, lea), await is_reflected(world, ada)) == (False, True)
