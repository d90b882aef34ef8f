"""Whoever runs the product sees what waits and with whom the engine fails, and can repair it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from operations import freshness, health
from operations.health import EngineLane, Health
from operations.metrics import as_metrics
from operations.refusals import Denied
from sync_engine.nightly import advance, begin_due
from tests.app.cli.program import run
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S13")


MARKERS = {"dirty_member", "dirty_segment", "parked_member"}
MANY = """
INSERT INTO dirty_member (member_id, workspace_id, lane) SELECT n, n % 40 + 99, n % 2
  FROM generate_series(1000000, 1004000) n;
INSERT INTO dirty_segment (segment_id, block, workspace_id) SELECT n, n % 3 - 1, n % 40 + 99
  FROM generate_series(1000000, 1004000) n;
INSERT INTO parked_member (member_id, workspace_id, lane, since, failures, error)
SELECT n, n % 40 + 99, 0, now(), 5, 'ValueError' FROM generate_series(1010000, 1014000) n
"""


def below(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from below(each)


async def seen(world: World) -> Health:
    async with world.edge.read() as db:
        [found] = await health.of_all(db)
        return found


def spoil(engine: Engine, facts: str = '{"groups": [{}]}') -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE member SET facts = CAST(:facts AS jsonb)"), {"facts": facts})


@pytest.fixture
async def parked(world: World, sync_database: Engine) -> World:
    """Lea, whose facts cannot be read, is parked."""
    await world.segment("Sellers", 'department eq "Sales"')
    await world.member("Lea", department="Sales")
    settle(sync_database)
    await world.change("Lea", department="Legal")
    spoil(sync_database)
    settle(sync_database)
    return world


async def test_each_lane_says_what_waits_and_since_when(world: World) -> None:
    await world.member("Lea", department="Sales")
    await world.segment("Sellers", 'department eq "Sales"')

    lanes = {lane.name: lane for lane in (await seen(world)).lanes}

    assert {name: lane.waiting for name, lane in lanes.items()} == {
        "interactive": 1,
        "bulk": 0,
        "segments": 1,
        "dates": 0,
        "reports": 1,
    }
    assert 0 < lanes[EngineLane.INTERACTIVE].oldest_seconds < 600


async def test_who_is_parked_is_seen_with_why_and_is_right_after_repair_and_retry(
    parked: World, sync_database: Engine
) -> None:
    before = await seen(parked)
    async with parked.edge.read() as db:
        [lea] = await health.parked_in(db, parked.workspace_id, limit=10)
    assert (before.parked, lea.name, lea.failures) == (1, "Lea", 1)
    assert lea.error.startswith("TypeError")
    spoil(sync_database, '{"department": "legal"}')

    async with parked.edge.transaction() as db:
        await health.retry(db, by=parked.system)
    between = await seen(parked)
    settle(sync_database)

    assert (between.parked, sum(lane.waiting for lane in between.lanes)) == (0, 1)
    with sync_database.begin() as db:
        assert db.scalar(text("SELECT count(*) FROM membership WHERE until IS NULL")) == 0
    assert "markers.retried" in await parked.verbs()


async def test_trying_again_makes_nothing_look_fresher_than_it_is(parked: World) -> None:
    async def stands_at() -> int:
        async with parked.edge.read() as db:
            id = parked.segments["Sellers"]
            return (await freshness.of_segments(db, parked.workspace_id, [id]))[id].seq

    before = await stands_at()
    async with parked.edge.transaction() as db:
        await health.retry(db, by=parked.system)
    assert await stands_at() == before


async def test_somebody_without_the_right_has_nothing_tried_again(parked: World) -> None:
    with pytest.raises(Denied):
        async with parked.edge.transaction() as db:
            await health.retry(db, by=parked.caller("Lea"))


async def test_what_is_asked_of_one_workspace_reads_no_markers_of_another(
    world: World, sync_database: Engine
) -> None:
    with sync_database.begin() as db:
        db.execute(text(MANY))
        for statement in ("ANALYZE dirty_member", "ANALYZE dirty_segment", "ANALYZE parked_member"):
            db.execute(text(statement))
        about = {"only": world.workspace_id, "most": health.COUNT_CEILING}
        plan = db.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {health.FOUND.text}"), about)
        nodes = list(below(plan.scalar_one()[0]["Plan"]))

    read = [each for each in nodes if each.get("Relation Name") in MARKERS]
    assert {each["Relation Name"] for each in read} == MARKERS
    assert [each for each in read if each["Actual Rows"] or each["Node Type"] == "Seq Scan"] == []


async def test_programs_read_the_same_as_metrics(parked: World, sync_database: Engine) -> None:
    begin_due(sync_database, now=MONDAY.replace(hour=2))
    while advance(sync_database):
        pass
    async with parked.edge.read() as db:
        lines = list(as_metrics(await health.of_all(db)))

    assert 'coordinator_waiting_markers{workspace="acme",lane="bulk"} 0' in lines
    assert 'coordinator_parked_people{workspace="acme"} 1' in lines
    assert 'coordinator_drift_pairs{workspace="acme"} 0' in lines
    assert "# TYPE coordinator_drift_pairs gauge" in lines


@pytest.mark.timeout(180)
async def test_the_command_line_tells_it_and_has_it_tried_again(
    parked: World, sync_database: Engine, database_url: str
) -> None:
    with sync_database.begin() as db:
        db.execute(text("UPDATE parked_member SET retry_at = NULL, failures = 5"))
    given = {"DATABASE_URL": database_url}

    told = run("health", given=given)
    again = run("health", "--retry", given=given)

    assert (told.code, again.code) == (1, 0)
    assert "Lea" in told.out
    assert "when told" in told.out
    assert (await seen(parked)).parked == 0


async def test_drift_needs_somebody(world: World, sync_database: Engine) -> None:
    await world.segment("Sellers", 'department eq "Sales"')
    await world.member("Lea", department="Sales")
    settle(sync_database)
    with sync_database.begin() as db:
        db.execute(text("UPDATE membership SET until = now()"))

    begin_due(sync_database, now=MONDAY.replace(hour=2))
    advance(sync_database)

    found = await seen(world)
    assert found.verified is not None
    assert (found.verified.missing, found.verified.drift) == (1, 1)
    assert found.needs_somebody
    assert found.verified.at > dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
