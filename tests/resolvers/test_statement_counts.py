"""What a page costs the database: the same number of statements however many rows it shows (G6)."""

from typing import Any

import pytest
from sqlalchemy import insert

from access.permissions import Principal
from models.catalog import Course, CourseKind, CourseState
from models.coordinators import CourseRole, CourseRoleKind
from models.segments import CourseSegment
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

COURSE = """
    id title description kind state createdAt myRoleEndsAt
    department { id name }
    instructors { id displayName userName email state attributes lastSignInAt isSyncPending }
    coordinators(first: 20) {
      totalCount position pageInfo { hasNextPage }
      nodes {
        isDirect since endsAt
        member { id displayName userName email state isSyncPending }
        sources { kind since segment { id name kind state memberCount } }
      }
    }
    roleConflicts { member { displayName } sources { kind segment { name } } }
    segments { place attachedAt attachedBy { displayName } segment { id name memberCount } }
    segmentLimit
    freshness { isCurrent asOfEvent asOfTime waitingPeople waitingBlocks }
"""
COURSES_I_MANAGE = f"""query ($first: Int) {{ coursesIManage(first: $first) {{
  totalCount position pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ {COURSE} }} }}
}} }}"""
COURSES = f"""query ($first: Int) {{ courses(first: $first) {{
  totalCount position nodes {{ {COURSE} }} }} }}"""
SEGMENTS = """query ($first: Int) { segments(first: $first) { totalCount position nodes {
  id name kind state memberCount countedAt description brokenReason version ruleText rule
  isUsableByDepartments
  courses { id title department { name } }
  members(first: 10) { totalCount nodes { displayName email } }
  freshness { isCurrent asOfEvent }
} } }"""
MEMBERS = """query ($first: Int) { members(first: $first) { totalCount position nodes {
  id displayName userName email state attributes lastSignInAt isSyncPending } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    """Mona manages the workspace, Cora nothing; with 46 others in a segment they coordinate 50
    courses, beside Dan by hand; Ines, who is in the segment too, instructs all of them."""
    for name in ("Mona", "Cora", "Ines", "Dan"):
        await world.member(name, department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.segment("Sales", 'department eq "Sales"')
    for n in range(49):
        await world.segment(f"Team {n:02}", 'department eq "Sales"')
    await world.course("Course 00", instructors=["Ines"], coordinators_by_hand=["Dan"])
    await world.attach("Course 00", "Sales")
    await _fill(world)
    ask.settle()
    return world


async def _fill(world: World) -> None:
    """Forty-nine more of everything, written in bulk."""
    at = {"workspace_id": world.workspace_id}
    async with world.edge.transaction() as db:
        made = await db.scalars(
            insert(Course).returning(Course.id),
            [
                at
                | {
                    "department_id": world.departments["Training"],
                    "title": f"Course {n:02}",
                    "kind": CourseKind.SELF_PACED,
                    "state": CourseState.ACTIVE,
                }
                for n in range(1, 50)
            ],
        )
        ids = list(made)
        roles = {"Ines": CourseRoleKind.INSTRUCTOR, "Dan": CourseRoleKind.COORDINATOR}
        await db.execute(
            insert(CourseRole),
            [
                at | {"course_id": id, "member_id": world.members[name], "role": role}
                for id in ids
                for name, role in roles.items()
            ],
        )
        await db.execute(
            insert(CourseSegment),
            [
                at | {"course_id": id, "segment_id": world.segments["Sales"], "place": 1}
                for id in ids
            ],
        )
    for n in range(46):
        await world.member(f"Person {n:02}", department="Sales")


async def cost(
    ask: Ask, statements: list[str], document: str, *, by: str, **variables: Any
) -> tuple[dict[str, Any], int]:
    """The answer, refused fields and all, and the number of statements it took."""
    statements.clear()
    answer = await ask.whole(document, by=by, **variables)
    return answer, len(statements)


@pytest.mark.parametrize(("by", "expected"), [("Mona", 19), ("Cora", 16)])
async def test_courses_i_manage_costs_19_statements_for_1_and_for_50_courses(
    company: World, ask: Ask, statements: list[str], by: str, expected: int
) -> None:
    """Cora may not see segments, conflicts and limits: three statements are never sent."""
    one, few = await cost(ask, statements, COURSES_I_MANAGE, by=by, first=1)
    fifty, many = await cost(ask, statements, COURSES_I_MANAGE, by=by, first=50)

    assert len(one["data"]["coursesIManage"]["edges"]) == 1
    courses = fifty["data"]["coursesIManage"]["edges"]
    assert len(courses) == 50
    assert {len(each["node"]["coordinators"]["nodes"]) for each in courses} == {20}
    assert {each["node"]["coordinators"]["totalCount"] for each in courses} == {49}
    assert (few, many) == (expected, expected)


async def test_courses_cost_19_statements_for_1_and_for_50_courses(
    company: World, ask: Ask, statements: list[str]
) -> None:
    _, few = await cost(ask, statements, COURSES, by="Mona", first=1)
    fifty, many = await cost(ask, statements, COURSES, by="Mona", first=50)

    assert "errors" not in fifty
    assert len(fifty["data"]["courses"]["nodes"]) == 50
    assert (few, many) == (19, 19)


async def test_segments_with_their_courses_and_people_cost_11_statements_for_1_and_for_50(
    company: World, ask: Ask, statements: list[str]
) -> None:
    _, few = await cost(ask, statements, SEGMENTS, by="Mona", first=1)
    fifty, many = await cost(ask, statements, SEGMENTS, by="Mona", first=50)

    assert "errors" not in fifty
    assert [len(each["members"]["nodes"]) for each in fifty["data"]["segments"]["nodes"]] == [
        10
    ] * 50
    assert (few, many) == (11, 11)


async def test_members_cost_5_statements_for_1_and_for_50(
    company: World, ask: Ask, statements: list[str]
) -> None:
    _, few = await cost(ask, statements, MEMBERS, by="Mona", first=1)
    fifty, many = await cost(ask, statements, MEMBERS, by="Mona", first=50)

    assert "errors" not in fifty
    assert len(fifty["data"]["members"]["nodes"]) == 50
    assert (few, many) == (5, 5)


async def test_the_coordinators_of_a_course_cost_7_statements_for_1_and_for_49(
    company: World, ask: Ask, statements: list[str]
) -> None:
    document = """query ($id: ID!, $first: Int) { course(id: $id) { coordinators(first: $first) {
      totalCount nodes { isDirect since member { displayName email isSyncPending }
        sources { kind since segment { name kind } } } } } }"""
    course = ask.id("Course", "Course 00")

    _, few = await cost(ask, statements, document, by="Mona", id=course, first=1)
    all_, many = await cost(ask, statements, document, by="Mona", id=course, first=50)

    assert "errors" not in all_
    assert len(all_["data"]["course"]["coordinators"]["nodes"]) == 49
    assert (few, many) == (7, 7)


async def test_a_permission_asked_on_50_courses_costs_as_much_as_on_1(
    company: World, ask: Ask, statements: list[str]
) -> None:
    document = """query ($on: [ID!]!) { viewer { can(operations: [EDIT_COURSE_INFO], on: $on) {
      isAllowed } } }"""
    page = await ask("{ courses(first: 50) { nodes { id } } }", by="Mona")
    courses = [each["id"] for each in page["courses"]["nodes"]]

    _, few = await cost(ask, statements, document, by="Mona", on=courses[:1])
    _, many = await cost(ask, statements, document, by="Mona", on=courses)

    assert (few, many) == (2, 2)


async def test_a_mutation_s_answer_costs_the_same_for_1_and_for_40_people(
    company: World, ask: Ask, statements: list[str]
) -> None:
    document = """mutation ($course: ID!, $people: [ID!]!) {
      assignDirectCoordinator(courseId: $course, memberIds: $people) {
        cursor refusal { message } assigned { displayName email } } }"""
    page = await ask("{ courses(first: 2) { nodes { id } } }", by="Mona")
    course = page["courses"]["nodes"][1]["id"]
    people = [ask.id("Member", f"Person {n:02}") for n in range(41)]

    _, few = await cost(ask, statements, document, by="Mona", course=course, people=people[:1])
    done, many = await cost(ask, statements, document, by="Mona", course=course, people=people[1:])

    assert len(done["data"]["assignDirectCoordinator"]["assigned"]) == 40
    assert (few, many) == (12, 12)
