"""Why at a past time, and the time line, over the API (S10)."""

import pytest
from sqlalchemy import text

from access.permissions import Principal
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

pytestmark = pytest.mark.spec("S10")

WHY = """query ($course: ID!, $member: ID, $at: DateTime, $seq: String) {
  explainMembership(courseId: $course, memberId: $member, at: $at, seq: $seq) {
    standing isCoordinator isPast seq at summary unknown account freshness { isCurrent }
    segments { name version endedAt ended { verb }
      clauses { actual changed { byName after } } } } }"""
LINE = """query ($course: ID!, $member: ID, $first: Int, $after: String) {
  coordinatorTimeline(courseId: $course, memberId: $member, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { turn was standing isCoordinator sentence seq cause { verb after } } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    """Sam came to Sales, left it, and came back; Ines instructs; Cora coordinates by hand."""
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name in ("Ines", "Cora", "Sam"):
        await world.member(name, department="Ops")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course(
        "Safety", instructors=["Ines"], coordinators_by_hand=["Cora"], segments_attached=["Sales"]
    )
    ask.settle()
    for department in ("Sales", "Ops", "Sales"):
        await world.change("Sam", department=department, title="Secret of state")
        ask.settle()
    return world


async def at_head(world: World, verb: str, nth: int) -> str:
    async with world.edge.read() as db:
        rows = await db.scalars(
            text(
                "SELECT seq FROM journal_entry WHERE workspace_id = :id AND verb = :verb"
                " ORDER BY seq"
            ),
            {"id": world.workspace_id, "verb": verb},
        )
        return str(list(rows)[nth])


async def test_a_place_in_the_journal_is_explained_as_it_stood(company: World, ask: Ask) -> None:
    seq = await at_head(company, "membership.changed", 0)
    about = {"course": ask.id("Course", "Safety"), "member": ask.id("Member", "Sam")}

    then = await ask.one(WHY, by="Mona", **about, seq=seq)
    by_time = await ask.one(WHY, by="Mona", **about, at=then["at"])
    now = await ask.one(WHY, by="Mona", **about)

    assert (then["standing"], then["isPast"], then["seq"]) == ("DERIVED", True, seq)
    assert then["freshness"] is None
    assert then["summary"].startswith(f"{then['at'][:10]} ")
    assert by_time["summary"] == then["summary"]
    assert (now["isPast"], now["freshness"]) == (False, {"isCurrent": True})
    [reason] = then["segments"]
    [clause] = reason["clauses"]
    assert clause["actual"] == "“Sales”"
    assert clause["changed"] == {"byName": "LMS Coordinator", "after": {"department": "Sales"}}


async def test_the_time_line_is_told_newest_first_and_in_pages(company: World, ask: Ask) -> None:
    about = {"course": ask.id("Course", "Safety"), "member": ask.id("Member", "Sam")}

    whole = await ask.one(LINE, by="Mona", **about)
    first = await ask.one(LINE, by="Mona", **about, first=2)
    rest = await ask.one(LINE, by="Mona", **about, after=first["pageInfo"]["endCursor"])

    assert [each["turn"] for each in whole["nodes"]] == ["GAINED", "LOST", "GAINED"]
    assert whole["totalCount"] == first["totalCount"] == 3
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert first["nodes"] + rest["nodes"] == whole["nodes"]
    assert [each["cause"]["after"]["department"] for each in whole["nodes"]] == [
        "Sales",
        "Ops",
        "Sales",
    ]


async def test_reasons_of_the_past_are_for_managers_instructors_and_oneself(
    company: World, ask: Ask
) -> None:
    course, sam = ask.id("Course", "Safety"), ask.id("Member", "Sam")

    for document in (WHY, LINE):
        assert await ask.code(document, by="Cora", course=course, member=sam) == (
            "PERMISSION_DENIED"
        )
        by_instructor = await ask.bytes(document, by="Ines", course=course, member=sam)
        about_oneself = await ask.bytes(document, by="Sam", course=course)
        assert b"Sales" in by_instructor
        assert b"Sales" in about_oneself
        assert b"Secret of state" not in by_instructor + about_oneself


@pytest.mark.parametrize("seq", ["", "-1", "x", "9" * 19, "999999"])
async def test_a_number_the_journal_does_not_have_is_refused(
    company: World, ask: Ask, seq: str
) -> None:
    course = ask.id("Course", "Safety")

    assert await ask.code(WHY, by="Sam", course=course, seq=seq) == "BAD_USER_INPUT"
