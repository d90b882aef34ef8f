"""What the engine changed, undone, and pins, through the contract (S12)."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.undoing import newest, read
from tests.resolvers.asking import Ask
from tests.world import World

pytestmark = pytest.mark.spec("S12")

LIST = """query ($segment: ID, $member: ID, $cause: String, $undone: Boolean, $first: Int) {
  changeSets(segmentId: $segment, memberId: $member, causeSeq: $cause, isUndone: $undone,
             first: $first) { totalCount nodes { id added removed } } }"""
ONE = """query ($id: ID!, $after: String) { changeSet(id: $id) {
  added removed examined suppressed held isUndone watermark summary causeCount
  causes { verb byName } segments { name }
  additions(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { since until member { displayName } segment { name } } }
  removals { totalCount nodes { member { displayName } until } } } }"""
UNDO = """mutation ($id: ID!, $until: DateTime) {
  undoChangeSet(id: $id, reason: "It was wrong.", expiresAt: $until) {
    pinnedIn pinnedOut changeSet { isUndone undoneAt summary }
    refusal { code message ... on UndoContradicted {
      count pairs { why member { displayName } segment { name } } } } } }"""
PINS = """query ($id: ID!) { segment(id: $id) { pins { totalCount nodes {
  isIn origin reason expiresAt member { displayName } segment { name } changeSet { id }
  createdBy { displayName } } } } }"""
UNPIN = """mutation ($segment: ID!, $members: [ID!]!) {
  unpin(segmentId: $segment, memberIds: $members, reason: "Enough.") {
    segment { name } changed { displayName } refusal { code } } }"""
WHY = """query ($course: ID!, $member: ID!) {
  explainMembership(courseId: $course, memberId: $member) {
    isCoordinator segments { sentences pin { isIn reason byName expiresAt } } } }"""


@pytest.fixture
@furnished
async def sellers(world: World, ask: Ask) -> World:
    """Ada, Bo and Cy came into Sales together, and Named has Ada."""
    for name in ("Mona", "Dora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.segment("Sales", 'department eq "Sales"', is_usable_by_departments=True)
    await world.course("Safety", segments_attached=["Sales"])
    ask.settle()
    for name in ("Ada", "Bo", "Cy"):
        await world.member(name, department="Sales")
    ask.settle()
    return world


async def test_a_change_set_says_what_why_and_whom(
    sellers: World, ask: Ask, sync_database: Engine
) -> None:
    id = encode("ChangeSet", newest(sync_database))

    found = await ask.one(ONE, by="Mona", id=id)
    rest = await ask.one(ONE, by="Mona", id=id, after=found["additions"]["pageInfo"]["endCursor"])

    assert (found["added"], found["removed"], found["examined"]) == (3, 0, 3)
    assert (found["isUndone"], found["causeCount"]) == (False, 3)
    assert found["causes"] == [{"verb": "member.added", "byName": "LMS Coordinator"}] * 3
    assert found["segments"] == [{"name": "Sales"}]
    assert "3 people joined “Sales”, because of member.added by LMS Coordinator" in found["summary"]
    assert found["summary"].endswith(", and 2 more.")
    people = [*found["additions"]["nodes"], *rest["additions"]["nodes"]]
    assert [each["member"]["displayName"] for each in people] == ["Ada", "Bo", "Cy"]
    assert all(each["segment"] == {"name": "Sales"} and not each["until"] for each in people)
    assert found["additions"]["totalCount"] == 3
    assert found["removals"] == {"totalCount": 0, "nodes": []}
    assert int(found["watermark"]) > 0


async def test_they_are_found_by_segment_person_and_cause_newest_first(
    sellers: World, ask: Ask, sync_database: Engine
) -> None:
    await sellers.change("Bo", department="Ops")
    await sellers.segment("Named", people_named=["Ada"])
    ask.settle()
    [moved] = read(sync_database, "SELECT seq FROM journal_entry WHERE verb = 'member.changed'")

    async def counted(**asked: object) -> tuple[int, list[tuple[int, int]]]:
        found = await ask.one(LIST, by="Mona", **asked)
        return found["totalCount"], [(each["added"], each["removed"]) for each in found["nodes"]]

    sales, named = ask.id("Segment", "Sales"), ask.id("Segment", "Named")
    ada, bo = ask.id("Member", "Ada"), ask.id("Member", "Bo")
    everything = await counted()
    assert everything[0] == len(everything[1]) >= 2
    assert (await counted(first=1))[1] == everything[1][:1]
    assert (0, 1) in (await counted(segment=sales))[1] or (1, 1) in (await counted(segment=sales))[
        1
    ]
    assert (3, 0) not in (await counted(segment=named))[1]
    assert (await counted(member=bo))[0] == 2
    assert (await counted(member=ada, segment=named))[0] == 1
    assert (await counted(cause=str(moved.seq)))[0] == 1
    assert await counted(cause="999999") == (0, [])
    assert await counted(undone=True) == (0, [])


async def test_undoing_pins_and_unpinning_lets_the_rule_decide(
    sellers: World, ask: Ask, sync_database: Engine
) -> None:
    id = encode("ChangeSet", newest(sync_database))
    about = {"course": ask.id("Course", "Safety"), "member": ask.id("Member", "Ada")}

    undone = await ask.one(UNDO, by="Mona", id=id, until="2126-01-01T00:00:00Z")
    ask.settle()
    pins = (await ask.one(PINS, by="Mona", id=ask.id("Segment", "Sales")))["pins"]
    why = await ask.one(WHY, by="Mona", **about)
    again = await ask.one(UNDO, by="Mona", id=id)

    assert (undone["pinnedIn"], undone["pinnedOut"], undone["refusal"]) == (0, 3, None)
    assert undone["changeSet"]["isUndone"] is True
    assert "; undone at " in undone["changeSet"]["summary"]
    assert pins["totalCount"] == 3
    assert pins["nodes"][0] == {
        "isIn": False,
        "origin": "UNDO",
        "reason": "It was wrong.",
        "expiresAt": "2126-01-01T00:00:00+00:00",
        "member": {"displayName": "Ada"},
        "segment": {"name": "Sales"},
        "changeSet": {"id": id},
        "createdBy": {"displayName": "Mona"},
    }
    assert why["isCoordinator"] is False
    [reason] = why["segments"]
    assert reason["pin"]["byName"] == "Mona"
    assert reason["sentences"][0].startswith("is pinned out of it until 2126-01-01 00:00:00 UTC")
    assert again["refusal"]["code"] == "ALREADY_UNDONE"

    unpinned = await ask.one(
        UNPIN, by="Mona", segment=ask.id("Segment", "Sales"), members=[about["member"]]
    )
    ask.settle()
    assert unpinned["changed"] == [{"displayName": "Ada"}]
    assert (await ask.one(WHY, by="Mona", **about))["isCoordinator"] is True


async def test_contradictions_name_who_and_where(
    sellers: World, ask: Ask, sync_database: Engine
) -> None:
    id = encode("ChangeSet", newest(sync_database))
    await sellers.change("Bo", department="Ops")
    ask.settle()

    refusal = (await ask.one(UNDO, by="Mona", id=id))["refusal"]

    assert (refusal["code"], refusal["count"]) == ("UNDO_CONTRADICTED", 1)
    assert refusal["pairs"] == [
        {
            "why": "MOVED_SINCE",
            "member": {"displayName": "Bo"},
            "segment": {"name": "Sales"},
        }
    ]


async def test_they_are_for_those_who_edit_segments_in_their_own_company(
    sellers: World,
    ask: Ask,
    sync_database: Engine,
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    id = encode("ChangeSet", newest(sync_database))
    for document in (LIST, ONE, UNDO):
        given = {} if document is LIST else {"id": id}
        assert await ask.code(document, by="Dora", **given) == "PERMISSION_DENIED"
    other = await World.new(sessions, "other")
    await other.member("Eve")
    await other.grant("Eve", Principal.WORKSPACE_MANAGER)
    elsewhere = Ask(other, settle=ask.settle)

    assert (await elsewhere.one(LIST, by="Eve"))["totalCount"] == 0
    assert await elsewhere.code(ONE, by="Eve", id=id) == "NOT_FOUND"
    assert (await elsewhere.one(UNDO, by="Eve", id=id))["refusal"]["code"] == "NOT_FOUND"
