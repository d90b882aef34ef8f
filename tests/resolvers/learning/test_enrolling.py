"""Assigning, unassigning, joining and leaving through the contract (M1-M3, C2, C13, C21)."""

from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.catalog import Course, CourseState
from models.people import MemberState
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.operations.learning.enrolling import learners
from tests.resolvers.asking import Ask
from tests.world import World

REFUSAL = "refusal { code message path }"
REASONS = "{ source group { name } }"
ASSIGN = f"""mutation ($course: ID!, $people: [ID!]!, $group: ID, $dry: Boolean! = false,
    $key: String) {{
  assignLearner(courseId: $course, memberIds: $people, groupId: $group, dryRun: $dry,
      idempotencyKey: $key) {{
    course {{ title }} results {{ outcome memberId member {{ displayName }} }} {REFUSAL} }} }}"""
UNASSIGN = f"""mutation ($course: ID!, $people: [ID!]!, $group: ID, $key: String) {{
  unassignLearner(courseId: $course, memberIds: $people, groupId: $group, idempotencyKey: $key) {{
    results {{ outcome member {{ displayName }} ended {REASONS} remaining {REASONS} }}
    {REFUSAL} }} }}"""
CANDIDATES = """query ($course: ID!, $group: ID, $search: String, $first: Int, $after: String) {
  candidates(courseId: $course, groupId: $group, search: $search, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { outcome member { displayName } } } }"""
OPEN = """query { openCourses { totalCount nodes {
  courseId title description kind dueAt allowsSelfEnrolment isLearner
  groups { groupId name dueAt } } } }"""
JOIN = f"""mutation ($course: ID!, $group: ID) {{
  enrolMyself(courseId: $course, groupId: $group) {{ course {{ title }} {REFUSAL} }} }}"""
LEAVE = f"""mutation ($course: ID!) {{ leaveCourse(courseId: $course) {{
  course {{ title }} result {{ outcome remaining {REASONS} }} {REFUSAL} }} }}"""


@pytest.fixture
@furnished
async def safety(world: World) -> World:
    for name in ("Cora", "Enno", "Ines", "Lea", "Leo", "Dan"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"], instructors=["Ines"])
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.group("Mine", course="Safety", by="Enno")
    await world.group("Theirs", course="Safety", by="Cora")
    await world.enrol("Safety", "Leo")
    await world.set_state("Dan", MemberState.DEACTIVATED)
    return world


def people(ask: Ask, *names: str) -> list[str]:
    return [ask.id("Member", each) for each in names]


def outcomes(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [
        ((each["member"] or {}).get("displayName"), each["outcome"]) for each in answer["results"]
    ]


@pytest.mark.spec("M1")
async def test_a_coordinator_assigns_and_sees_beforehand_what_will_come_of_it(
    safety: World, ask: Ask
) -> None:
    nobody = encode("Member", 10**30)
    given = {
        "course": ask.id("Course", "Safety"),
        "people": [nobody, *people(ask, "Lea", "Leo", "Ines", "Dan", "Lea")],
    }

    foretold = await ask.one(ASSIGN, by="Cora", **given, dry=True)
    before = await learners(safety, "Safety")
    done = await ask.one(ASSIGN, by="Cora", **given)

    assert foretold == done
    assert outcomes(done) == [
        (None, "NOT_FOUND"),
        ("Lea", "ASSIGNED"),
        ("Leo", "ALREADY_ASSIGNED"),
        ("Ines", "CONFLICT"),
        ("Dan", "DEACTIVATED"),
    ]
    assert done["results"][0]["memberId"] == nobody
    assert (before, await learners(safety, "Safety")) == ({"Leo"}, {"Lea", "Leo"})


@pytest.mark.spec("M1")
async def test_somebody_deleted_is_nobody_whatever_row_is_left(safety: World, ask: Ask) -> None:
    async with safety.edge.transaction() as db:
        await db.execute(text("UPDATE member SET deleted_at = now() WHERE display_name = 'Dan'"))
    given = {"course": ask.id("Course", "Safety"), "people": people(ask, "Dan")}

    assert outcomes(await ask.one(ASSIGN, by="Cora", **given)) == [(None, "NOT_FOUND")]
    assert outcomes(await ask.one(UNASSIGN, by="Cora", **given)) == [(None, "NOT_FOUND")]


@pytest.mark.spec("M1", "M2")
async def test_a_repeat_with_the_same_key_is_told_the_same(safety: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    group = ask.id("LearnerGroup", "Theirs")
    lea = people(ask, "Lea")

    said = [await ask.one(ASSIGN, by="Cora", course=course, people=lea, key="a") for _ in "12"]
    await ask.one(ASSIGN, by="Cora", course=course, people=lea, group=group)
    ended = [await ask.one(UNASSIGN, by="Cora", course=course, people=lea, key="b") for _ in "12"]

    assert outcomes(said[0]) == outcomes(said[1]) == [("Lea", "ASSIGNED")]
    assert ended[0] == ended[1]
    assert ended[0]["results"] == [
        {
            "outcome": "STILL_ENROLLED",
            "member": {"displayName": "Lea"},
            "ended": [{"source": "DIRECT", "group": None}],
            "remaining": [{"source": "GROUP", "group": {"name": "Theirs"}}],
        }
    ]


async def test_what_is_wrong_with_a_whole_call_is_said_at_once(safety: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    crowd = [encode("Member", 10**6 + n) for n in range(501)]

    async def refused(**given: Any) -> tuple[str, Any]:
        answer = await ask.one(ASSIGN, by="Cora", **{"course": course, "people": crowd[:1]} | given)
        return answer["refusal"]["code"], answer["refusal"]["path"]

    assert await refused(people=crowd) == ("LIMIT_REACHED", None)
    assert await refused(people=[]) == ("BAD_USER_INPUT", None)
    wrong = encode("Segment", 1)
    assert await refused(people=[*crowd[:1], wrong]) == ("BAD_USER_INPUT", ["memberIds", "1"])
    assert await refused(group=encode("LearnerGroup", 10**9)) == ("NOT_FOUND", None)
    assert await refused(course=encode("Course", 10**9)) == ("NOT_FOUND", None)


@pytest.mark.spec("C13")
async def test_course_enroll_reaches_groups_of_its_own_and_hears_of_no_others(
    safety: World, ask: Ask
) -> None:
    course, lea = ask.id("Course", "Safety"), people(ask, "Lea", "Leo")
    mine, theirs = (ask.id("LearnerGroup", each) for each in ("Mine", "Theirs"))

    for group in (None, theirs):
        for document in (ASSIGN, UNASSIGN):
            code = await ask.code(document, by="Enno", course=course, people=lea, group=group)
            assert code == "PERMISSION_DENIED"
    done = await ask.one(ASSIGN, by="Enno", course=course, people=lea, group=mine)
    ended = await ask.one(UNASSIGN, by="Enno", course=course, people=lea, group=mine)

    assert outcomes(done) == [("Lea", "ASSIGNED"), ("Leo", "ASSIGNED")]
    assert [(each["outcome"], each["remaining"]) for each in ended["results"]] == [
        ("UNASSIGNED", []),
        ("UNASSIGNED", []),
    ]
    assert await learners(safety, "Safety") == {"Leo"}


@pytest.mark.spec("M3")
async def test_candidates_are_found_page_by_page_with_what_would_come_of_them(
    safety: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")
    seen: list[tuple[str, str]] = []
    after = None
    while True:
        page = await ask.one(CANDIDATES, by="Cora", course=course, first=2, after=after)
        seen += [(each["member"]["displayName"], each["outcome"]) for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    found = await ask.one(CANDIDATES, by="Cora", course=course, search="LEA")
    mine = ask.id("LearnerGroup", "Mine")
    in_group = await ask.one(CANDIDATES, by="Enno", course=course, search="leo", group=mine)

    assert seen == [
        ("Cora", "ASSIGNED"),
        ("Enno", "ASSIGNED"),
        ("Ines", "CONFLICT"),
        ("Lea", "ASSIGNED"),
        ("Leo", "ALREADY_ASSIGNED"),
    ]
    assert page["totalCount"] == 5
    assert [each["member"]["displayName"] for each in found["nodes"]] == ["Lea"]
    assert [each["outcome"] for each in in_group["nodes"]] == ["ASSIGNED"]


@pytest.mark.spec("M3")
async def test_candidates_are_for_those_who_may_assign_there(safety: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    theirs = ask.id("LearnerGroup", "Theirs")

    assert await ask.code(CANDIDATES, by="Leo", course=course) == "PERMISSION_DENIED"
    assert await ask.code(CANDIDATES, by="Enno", course=course) == "PERMISSION_DENIED"
    assert await ask.code(CANDIDATES, by="Enno", course=course, group=theirs) == "PERMISSION_DENIED"
    assert await ask.code(CANDIDATES, by="Lea", course=course) == "NOT_FOUND"


@pytest.mark.parametrize("size", [1, 30])
async def test_many_people_cost_as_many_statements_as_one(
    safety: World, ask: Ask, statements: list[str], size: int
) -> None:
    await crowd(safety, size)
    course = ask.id("Course", "Safety")
    ids = people(ask, *(f"Person {n}" for n in range(size)))
    counts = []
    for document, given in (
        (ASSIGN, {"people": ids}),
        (ASSIGN, {"people": ids, "group": ask.id("LearnerGroup", "Theirs")}),
        (UNASSIGN, {"people": ids}),
        (CANDIDATES, {"first": size, "search": "Person"}),
    ):
        statements.clear()
        await ask.one(document, by="Cora", course=course, **given)
        counts.append(len(statements))

    assert counts == [12, 13, 13, 5]


@pytest.mark.spec("C21", "H6")
async def test_everybody_finds_what_is_open_joins_and_leaves_it(safety: World, ask: Ask) -> None:
    await safety.group("Night", course="Safety", allows_self_enrolment=True)
    course, night = ask.id("Course", "Safety"), ask.id("LearnerGroup", "Night")

    found = await ask.one(OPEN, by="Lea")
    closed = await ask.one(JOIN, by="Lea", course=course)
    joined = await ask.one(JOIN, by="Lea", course=course, group=night)
    again = await ask.one(OPEN, by="Lea")
    left = await ask.one(LEAVE, by="Lea", course=course)
    gone = await ask.one(LEAVE, by="Lea", course=course)

    [row] = found["nodes"]
    assert row["groups"] == [{"groupId": night, "name": "Night", "dueAt": None}]
    assert (row["title"], row["allowsSelfEnrolment"], row["isLearner"]) == ("Safety", False, False)
    assert closed["refusal"]["code"] == "SELF_ENROLMENT_CLOSED"
    assert joined == {"course": {"title": "Safety"}, "refusal": None}
    assert again["nodes"][0]["isLearner"] is True
    assert left["result"] == {"outcome": "UNASSIGNED", "remaining": []}
    assert left["course"] is None, "it is hidden from strangers again"
    assert gone["refusal"]["code"] == "NOT_FOUND"


async def test_what_is_not_open_is_in_no_list_and_in_no_count(safety: World, ask: Ask) -> None:
    await safety.course("Archive", state=CourseState.ARCHIVED)
    async with safety.edge.transaction() as db:
        (await db.get_one(Course, safety.courses["Archive"])).allows_self_enrolment = True

    assert await ask.one(OPEN, by="Lea") == {"totalCount": 0, "nodes": []}


async def crowd(world: World, size: int) -> None:
    """Person 0, Person 1, and so on."""
    async with world.edge.transaction() as db:
        rows = await db.execute(
            text(
                "INSERT INTO member (workspace_id, user_name, display_name, state)"
                " SELECT :w, 'person' || n, 'Person ' || n, 'ACTIVE'"
                " FROM generate_series(0, :size - 1) n RETURNING display_name, id"
            ),
            {"w": world.workspace_id, "size": size},
        )
        world.members |= {row[0]: row[1] for row in rows}
