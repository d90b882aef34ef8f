"""How the engine fares, over the API: seen, and repaired, by whoever may manage it (S13)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from operations import health as engine
from resolvers.ids import encode
from tests.resolvers.asking import Ask
from tests.resolvers.school import settled
from tests.world import World

pytestmark = pytest.mark.spec("S13")

WHOLE = """{ health { needsSomebody parked givenUp openHolds heldRemovals
  lanes { lane waiting oldestSeconds } verified { pairs missing extra needless pending drift }
  parkedPeople { totalCount nodes { member { displayName } failures error } } } }"""
PARKED = """query ($first: Int, $after: String, $up: Boolean) { health {
  parkedPeople(first: $first, after: $after, isGivenUp: $up) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { member { displayName attributes } failures error since parkedAt retryAt } } } }"""
RETRY = """mutation ($who: [ID!]) { retryParkedPeople(memberIds: $who) {
  retriedCount health { parked lanes { lane waiting } } refusal { code message path } } }"""
LOG = """{ viewAuditLog(verbs: ["markers.retried"]) {
  nodes { by { displayName } origin detail } } }"""

PARK = text("""
INSERT INTO parked_member (member_id, workspace_id, lane, since, failures, error, retry_at)
SELECT id, workspace_id, 0, now() - interval '1 hour', :failures,
       'ValueError: No day is called ' || display_name,
       CASE WHEN :failures < 5 THEN now() + interval '1 hour' END
  FROM member WHERE id = ANY(:ids)
""")


def park(database: Engine, world: World, *names: str, failures: int = 5) -> None:
    """As the engine leaves them; after five failures it has given up."""
    ids = [world.members[name] for name in names]
    with database.begin() as db:
        db.execute(PARK, {"ids": ids, "failures": failures})


async def parked(ask: Ask, **narrowed: object) -> Sequence[str]:
    found = await ask.one(PARKED, by="Mo", **narrowed)
    return [each["member"]["displayName"] for each in found["parkedPeople"]["nodes"]]


async def test_a_manager_sees_what_waits_what_was_found_and_with_whom_the_engine_fails(
    school: World, ask: Ask, sync_database: Engine
) -> None:
    park(sync_database, school, "Di")
    with sync_database.begin() as db:
        db.execute(
            text(
                "INSERT INTO verification (workspace_id, ended_at, pairs_checked, missing, extra,"
                " needless) VALUES (:w, now(), 20000000000, 2, 1, 4)"
            ),
            {"w": school.workspace_id},
        )
    await school.change("Bo", department="Ops")

    found = await ask.one(WHOLE, by="Mo")

    lanes = {each["lane"]: each for each in found["lanes"]}
    assert {name: each["waiting"] for name, each in lanes.items()} == {
        "INTERACTIVE": 1,
        "BULK": 0,
        "SEGMENTS": 0,
        "DATES": 0,
        "REPORTS": 0,
    }
    assert 0 < lanes["INTERACTIVE"]["oldestSeconds"] < 600
    assert lanes["BULK"]["oldestSeconds"] == 0
    assert found["verified"] == {
        "pairs": 20_000_000_000,
        "missing": 2,
        "extra": 1,
        "needless": 4,
        "pending": 0,
        "drift": 7,
    }
    assert (found["parked"], found["givenUp"], found["needsSomebody"]) == (1, 1, True)
    assert (found["openHolds"], found["heldRemovals"]) == (0, 0)
    assert found["parkedPeople"] == {
        "totalCount": 1,
        "nodes": [
            {
                "member": {"displayName": "Di"},
                "failures": 5,
                "error": "ValueError: No day is called Di",
            }
        ],
    }


async def test_of_a_lane_no_more_is_counted_than_helps_and_its_oldest_is_exact(
    school: World, ask: Ask, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "COUNT_CEILING", 2)
    for name in ("Ada", "Bo", "Cy", "Di"):
        await school.change(name, department="Legal")
    with sync_database.begin() as db:
        db.execute(
            text("UPDATE dirty_member SET since = now() - interval '1 day' WHERE member_id = :id"),
            {"id": school.members["Di"]},
        )

    [interactive, *_] = (await ask.one(WHOLE, by="Mo"))["lanes"]

    assert interactive["waiting"] == 2
    assert 86_400 <= interactive["oldestSeconds"] < 87_000


async def test_people_who_are_parked_are_paged_and_narrowed_to_those_given_up_on(
    school: World, ask: Ask, sync_database: Engine
) -> None:
    park(sync_database, school, "Ada", "Cy", failures=5)
    park(sync_database, school, "Bo", failures=2)

    first = (await ask.one(PARKED, by="Mo", first=2))["parkedPeople"]
    after = first["pageInfo"]["endCursor"]
    rest = await parked(ask, first=2, after=after)

    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    shown = [each["member"]["displayName"] for each in first["nodes"]]
    assert sorted([*shown, *rest]) == ["Ada", "Bo", "Cy"]
    assert sorted(await parked(ask, up=True)) == ["Ada", "Cy"]
    assert await parked(ask, up=False) == ["Bo"]


async def test_those_who_are_named_are_tried_again_and_the_journal_says_by_whom(
    school: World, ask: Ask, sync_database: Engine
) -> None:
    park(sync_database, school, "Bo", "Cy", "Di")
    named = [ask.id("Member", name) for name in ("Bo", "Cy", "Ada")]

    one = await ask.one(RETRY, by="Mo", who=named)
    left = await parked(ask)
    everybody = await ask.one(RETRY, by="Mo")
    nobody = await ask.one(RETRY, by="Mo")
    await settled(ask)

    assert (one["retriedCount"], one["health"]["parked"], left) == (2, 1, ["Di"])
    assert one["health"]["lanes"][0] == {"lane": "INTERACTIVE", "waiting": 2}
    assert (everybody["retriedCount"], everybody["health"]["parked"]) == (1, 0)
    assert (nobody["retriedCount"], nobody["refusal"]) == (0, None)
    told = (await ask.one(LOG, by="Mo"))["nodes"]
    assert [each["by"]["displayName"] for each in told] == ["Mo", "Mo"]
    assert [each["origin"] for each in told] == ["GRAPHQL", "GRAPHQL"]
    assert (await ask.one(WHOLE, by="Mo"))["lanes"][0]["waiting"] == 0
    assert await parked(ask) == []


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ([], "BAD_USER_INPUT"),
        ([encode("Course", 1)], "BAD_USER_INPUT"),
        ([encode("Member", 2_000_000_000)], "NOT_FOUND"),
        ([encode("Member", n) for n in range(1, 502)], "LIMIT_REACHED"),
    ],
)
async def test_who_cannot_be_meant_is_refused_and_nobody_is_tried(
    school: World, ask: Ask, sync_database: Engine, who: list[str], code: str
) -> None:
    park(sync_database, school, "Di")
    also = who and [*who, ask.id("Member", "Di")]

    refused = await ask.one(RETRY, by="Mo", who=also)

    assert (refused["refusal"]["code"], refused["retriedCount"]) == (code, None)
    assert refused["health"] is None
    assert await parked(ask) == ["Di"]


async def test_nobody_else_sees_or_repairs_anything(
    school: World, ask: Ask, sync_database: Engine
) -> None:
    park(sync_database, school, "Ada")
    await school.grant("Di", Principal.FINANCE_MANAGER)

    for name in ("Ada", "Bo", "Di"):
        assert await ask.code(WHOLE, by=name) == "PERMISSION_DENIED"
        assert await ask.code(RETRY, by=name) == "PERMISSION_DENIED"
        mine = [ask.id("Member", "Ada")]
        assert await ask.code(RETRY, by=name, who=mine) == "PERMISSION_DENIED"
    assert await parked(ask) == ["Ada"]


async def test_a_token_for_the_engine_alone_is_told_no_attributes_by_way_of_an_error(
    school: World, ask: Ask, sync_database: Engine
) -> None:
    park(sync_database, school, "Di")
    limited = replace(school.caller("Mo"), limited_to=frozenset({Permission.PAUSE_RESUME_SYNC}))

    answer = await ask.whole(PARKED, by=limited)

    [row] = answer["data"]["health"]["parkedPeople"]["nodes"]
    assert (row["failures"], row["error"]) == (5, None)
    assert row["member"] == {"displayName": "Di", "attributes": None}
    assert {each["path"][-1] for each in answer["errors"]} == {"error", "attributes"}


async def test_another_workspace_is_neither_seen_nor_counted_nor_repaired(
    school: World,
    ask: Ask,
    sessions: async_sessionmaker[AsyncSession],
    sync_database: Engine,
) -> None:
    other = await World.new(sessions, "other")
    await other.member("Zoe")
    park(sync_database, other, "Zoe")
    park(sync_database, school, "Di")
    with sync_database.begin() as db:
        db.execute(
            text(
                "INSERT INTO verification (workspace_id, ended_at, missing) VALUES (:w, now(), 9)"
            ),
            {"w": other.workspace_id},
        )

    found = await ask.one(WHOLE, by="Mo")
    foreign = await ask.one(RETRY, by="Mo", who=[encode("Member", other.members["Zoe"])])
    everybody = await ask.one(RETRY, by="Mo")

    assert (found["parked"], found["parkedPeople"]["totalCount"]) == (1, 1)
    assert [each["waiting"] for each in found["lanes"]] == [0, 0, 0, 0, 0]
    assert found["verified"] is None
    assert foreign["refusal"]["code"] == "NOT_FOUND"
    assert everybody["retriedCount"] == 1
    async with other.edge.read() as db:
        by_id = {each.workspace_id: each for each in await engine.of_all(db)}
    assert (by_id[other.workspace_id].parked, by_id[school.workspace_id].parked) == (1, 0)


async def test_it_costs_as_many_statements_for_fifty_as_for_one(
    school: World, ask: Ask, sync_database: Engine, statements: list[str]
) -> None:
    park(sync_database, school, "Di")
    statements.clear()
    await ask.one(WHOLE, by="Mo")
    for_one = len(statements)
    for number in range(50):
        await school.member(f"Person {number}")
    park(sync_database, school, *(f"Person {number}" for number in range(50)))
    statements.clear()

    found = await ask.one(WHOLE.replace("parkedPeople", "parkedPeople(first: 100)"), by="Mo")

    assert len(found["parkedPeople"]["nodes"]) == 51
    assert len(statements) == for_one
