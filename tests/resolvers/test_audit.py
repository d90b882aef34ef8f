"""The audit log through the schema: pages, fields, and whom each is for (A3)."""

from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Permission, Principal
from models.journal import record
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

LOG = """
query ($first: Int, $after: String, $verbs: [String!], $courseId: ID, $byMemberId: ID,
       $since: DateTime, $origins: [Origin!], $cause: String, $reason: String, $bySystem: Boolean) {
  viewAuditLog(first: $first, after: $after, verbs: $verbs, courseId: $courseId,
               byMemberId: $byMemberId, since: $since, origins: $origins, cause: $cause,
               reason: $reason, bySystem: $bySystem) {
    totalCount position pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes { seq verb at byName origin cause hash before after detail reason redactedAt
            by { id displayName } byConnectionId member { displayName }
            course { title } segment { name } department { name } }
  }
}
"""
ADDRESSES = "query ($verbs: [String!]) { viewAuditLog(verbs: $verbs) { nodes { verb client } } }"


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    """Mo manages, Fay looks after money, Dan after Training; Ina teaches Safety; Bo learns it."""
    for name in ("Mo", "Fay", "Dan", "Ina"):
        await world.member(name)
    await world.member("Bo", department="Sales")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", instructors=["Ina"], segments_attached=["Sales"])
    await world.course("Law", department="Legal")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    async with world.edge.transaction() as db:
        record(db, by=world.system, verb="invoice.issued", after={"number": 7})
    return world


async def test_an_entry_says_who_did_what_on_what_when_and_because_of_what(
    firm: World, ask: Ask
) -> None:
    ina = replace(firm.caller("Ina"), client="192.0.2.7")
    async with firm.edge.transaction() as db:
        record(
            db,
            by=ina,
            verb="thing.done",
            course_id=firm.courses["Safety"],
            segment_id=firm.segments["Sales"],
            member_id=firm.members["Bo"],
            before={"a": 1},
            after={"a": 2},
            detail={"b": [3]},
            reason="It had to be.",
        )
    page = await ask.one(LOG, by="Mo", first=1)
    [entry] = page["nodes"]

    assert entry.pop("cause")
    assert entry.pop("at")
    assert len(bytes.fromhex(entry.pop("hash"))) == 32
    assert entry == {
        "seq": str(page["totalCount"]),
        "verb": "thing.done",
        "byName": "Ina",
        "by": {"id": ask.id("Member", "Ina"), "displayName": "Ina"},
        "byConnectionId": None,
        "origin": "GRAPHQL",
        "member": {"displayName": "Bo"},
        "course": {"title": "Safety"},
        "segment": {"name": "Sales"},
        "department": {"name": "Training"},
        "before": {"a": 1},
        "after": {"a": 2},
        "detail": {"b": [3]},
        "reason": "It had to be.",
        "redactedAt": None,
    }


async def test_pages_go_back_in_time_and_stay_put_while_more_happens(firm: World, ask: Ask) -> None:
    expected = list(reversed(await firm.verbs()))
    seen: list[str] = []
    after = None
    while True:
        page = await ask.one(LOG, by="Mo", first=4, after=after)
        seen += [each["verb"] for each in page["nodes"]]
        await firm.change("Bo", title=f"{len(seen)}")
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == expected


async def test_counts_and_rows_are_of_what_one_may_see(firm: World, ask: Ask) -> None:
    verbs = {}
    for name in ("Mo", "Fay", "Dan", "Ina"):
        page = await ask.one(LOG, by=name, first=100)
        verbs[name] = [each["verb"] for each in page["nodes"]]
        assert page["totalCount"] == len(verbs[name]) > 0

    assert verbs["Mo"] == list(reversed(await firm.verbs()))
    assert verbs["Fay"] == ["invoice.issued"]
    assert verbs["Ina"] == ["segment.attached", "instructor.assigned", "course.created"]
    assert sorted({*verbs["Dan"]} - {*verbs["Ina"]}) == [
        "department.created",
        "grant.given",
        *(["team_member.added"] if "team_member.added" in verbs["Dan"] else []),
    ]


@pytest.mark.parametrize("name", ["Bo"])
async def test_nobody_else_is_told_anything(firm: World, ask: Ask, name: str) -> None:
    [error] = await ask.errors(LOG, by=name, courseId=ask.id("Course", "Safety"))

    assert error["extensions"]["code"] == "PERMISSION_DENIED"
    assert error["extensions"]["coordinate"] == "Query.viewAuditLog"
    assert error["extensions"]["requiredAnyOf"] == [["VIEW_AUDIT_LOG"]]


async def test_a_token_for_something_else_reads_nothing(firm: World, ask: Ask) -> None:
    scoped = replace(firm.caller("Mo"), limited_to=frozenset({Permission.LIST_ALL_MEMBERS}))

    assert await ask.code(LOG, by=scoped) == "PERMISSION_DENIED"


async def test_addresses_are_for_those_who_see_everything(firm: World, ask: Ask) -> None:
    dan = replace(firm.caller("Dan"), client="192.0.2.7")
    async with firm.edge.transaction() as db:
        record(db, by=dan, verb="thing.done", course_id=firm.courses["Safety"])

    [seen] = (await ask.one(ADDRESSES, by="Mo", verbs=["thing.done"]))["nodes"]
    assert seen == {"verb": "thing.done", "client": "192.0.2.7"}
    for name in ("Dan", "Ina"):
        answer = await ask.whole(ADDRESSES, by=name, verbs=["thing.done"])
        assert answer["data"]["viewAuditLog"]["nodes"] == [{"verb": "thing.done", "client": None}]
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "PERMISSION_DENIED"
        assert error["extensions"]["coordinate"] == "AuditEntry.client"


async def test_arguments_narrow_what_is_shown(firm: World, ask: Ask) -> None:
    async with firm.edge.transaction() as db:
        record(db, by=firm.caller("Dan"), verb="thing.done", reason="The Board asked.")
    newest = (await ask.one(LOG, by="Mo", first=1))["nodes"][0]
    everything: dict[str, Any] = {
        "verbs": ["course.*", "thing.done"],
        "byMemberId": ask.id("Member", "Dan"),
        "since": newest["at"],
        "origins": ["GRAPHQL", "SCIM"],
        "cause": newest["cause"],
        "reason": "board",
    }

    for arguments in (*({name: value} for name, value in everything.items()), everything):
        page = await ask.one(LOG, by="Mo", **arguments)
        assert page["nodes"][0] == newest
        assert page["totalCount"] < int(newest["seq"])
    assert (await ask.one(LOG, by="Mo", bySystem=True, reason="board"))["nodes"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"verbs": ["Not a verb"]},
        {"cause": "Not a cause"},
        {"first": 101},
        {"after": "not a cursor"},
        {"courseId": encode("Member", 1)},
    ],
)
async def test_arguments_that_mean_nothing_are_refused(
    firm: World, ask: Ask, arguments: dict[str, Any]
) -> None:
    assert await ask.code(LOG, by="Mo", **arguments) == "BAD_USER_INPUT"


async def test_a_page_costs_the_same_statements_however_long_it_is(
    firm: World, ask: Ask, statements: list[str]
) -> None:
    for n in range(50):
        async with firm.edge.transaction() as db:
            record(
                db,
                by=firm.caller(("Mo", "Dan")[n % 2]),
                verb="thing.done",
                course_id=firm.courses[("Safety", "Law")[n % 2]],
                segment_id=firm.segments["Sales"],
                member_id=firm.members["Bo"],
            )
    counted = set()
    for first in (1, 50):
        statements.clear()
        page = await ask.one(LOG, by="Mo", first=first)
        assert len(page["nodes"]) == first
        counted.add(len(statements))

    assert len(counted) == 1
