"""Lists of learners and the figures of courses, asked through the schema."""

from typing import Any, Final

import pytest

from access.permissions import Principal
from models.catalog import CourseState
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.learning.people import attempt, certify, group
from tests.world import World

LIST: Final = """query ($course: ID!, $group: ID, $search: String, $filter: LearnerFilter,
    $first: Int, $after: String, $order: LearnerOrder = NAME, $down: Boolean = false) {
  listLearners(courseId: $course, groupId: $group, search: $search, filter: $filter,
      first: $first, after: $after, orderBy: $order, descending: $down) {
    totalCount position counts { total completed overdue }
    pageInfo { hasNextPage endCursor }
    nodes { kind state percent dueAt dueFrom isOverdue attemptsCount since completedAt
      lastActivityAt member { id displayName } course { id title }
      enrolments { source group { name } enrolledBy { displayName } }
      openAttempt { number state } certificate { code state }
      allowedActions { operation isAllowed obstacle reason groupId } } } }"""
NESTED: Final = """query { courses(first: 50) { nodes { title
  learnerCount overdueCount toGradeCount nextLiveSession { title }
  learners(first: 2) { totalCount counts { total } nodes { state member { displayName } } } } } }"""
MANAGED: Final = """query ($archived: Boolean!) { coursesIManage(first: 50,
    includeArchived: $archived) { nodes { title learnerCount overdueCount toGradeCount
  nextLiveSession { title } } } }"""
STAFF: Final = """query ($course: ID!) { course(id: $course) { instructors { displayName }
  coordinators { nodes { member { displayName } } } } }"""
SOURCES: Final = """query ($course: ID!) { course(id: $course) { coordinators { nodes {
  member { displayName } sources { kind } } } } }"""


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates Safety, Tess teaches it, Enno may make groups; Lea, Luc and Lux learn."""
    for name in ("Mona", "Cora", "Ines", "Tess", "Enno", "Lea", "Luc", "Lux", "Nobody"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.enrol("Safety", "Lea", "Luc", "Lux")
    return world


async def listed(ask: Ask, by: str, **given: Any) -> dict[str, Any]:
    page: dict[str, Any] = await ask.one(LIST, by=by, course=ask.id("Course", "Safety"), **given)
    return page


def names(page: dict[str, Any]) -> list[str]:
    return [each["member"]["displayName"] for each in page["nodes"]]


@pytest.mark.spec("M34", "G4", "C2")
async def test_everybody_lists_those_they_may_and_counts_no_others(
    company: World, ask: Ask
) -> None:
    await group(company, "Safety", "Early", "Luc", by=company.caller("Enno"))

    everybody = ["Lea", "Luc", "Lux"]
    for who, whom in {
        **dict.fromkeys(("Mona", "Ines", "Cora", "Tess"), everybody),
        "Enno": ["Luc"],
        "Lea": ["Lea"],
    }.items():
        page = await listed(ask, who)
        assert (names(page), page["totalCount"], page["counts"]["total"]) == (
            whom,
            len(whom),
            len(whom),
        ), who
    course = ask.id("Course", "Safety")
    assert await ask.code(LIST, by="Nobody", course=course) == "NOT_FOUND"


@pytest.mark.spec("C13", "C2")
async def test_who_made_a_group_sees_of_its_people_only_that_they_are_in_it(
    company: World, ask: Ask
) -> None:
    own = await group(company, "Safety", "Early", "Luc", by=company.caller("Enno"))
    await group(company, "Safety", "Others", "Luc", "Lea", by=company.caller("Cora"))

    [row] = (await listed(ask, "Enno"))["nodes"]

    assert [each["group"] and each["group"]["name"] for each in row["enrolments"]] == ["Early"]
    [unassign] = [a for a in row["allowedActions"] if a["operation"] == "UNASSIGN_LEARNER"]
    assert (unassign["isAllowed"], unassign["groupId"]) == (True, own)


@pytest.mark.spec("C2", "G4")
async def test_narrowing_by_what_one_may_not_read_is_refused(company: World, ask: Ask) -> None:
    given = {"course": ask.id("Course", "Safety"), "filter": {"memberState": ["ACTIVE"]}}

    assert len((await ask.one(LIST, by="Cora", **given))["nodes"]) == 3
    assert await ask.code(LIST, by="Tess", **given) == "PERMISSION_DENIED"
    assert names(await listed(ask, "Cora", search="acme.example")) == ["Lea", "Luc", "Lux"]
    assert names(await listed(ask, "Tess", search="acme.example")) == []
    assert names(await listed(ask, "Tess", search="lU")) == ["Luc", "Lux"]


@pytest.mark.spec("G8")
async def test_a_cursor_goes_on_in_its_own_order_and_in_no_other(company: World, ask: Ask) -> None:
    first = await listed(ask, "Cora", first=2, down=True)
    after = first["pageInfo"]["endCursor"]
    second = await listed(ask, "Cora", first=2, after=after, down=True)

    assert (names(first), names(second)) == (["Lux", "Luc"], ["Lea"])
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]
    course = ask.id("Course", "Safety")
    assert await ask.code(LIST, by="Cora", course=course, after=after) == "BAD_USER_INPUT"


@pytest.mark.spec("M2", "M34")
async def test_certificates_attempts_and_counts_stand_on_the_row(company: World, ask: Ask) -> None:
    await attempt(company, "Safety", "Lea", "COMPLETED")
    await certify(company, "Safety", "Lea")
    await attempt(company, "Safety", "Luc", "IN_PROGRESS")

    page = await listed(ask, "Cora", filter={"state": ["COMPLETED", "IN_PROGRESS"]})

    lea, luc = page["nodes"]
    assert (lea["certificate"]["state"], lea["openAttempt"]) == ("ISSUED", None)
    assert (luc["certificate"], luc["openAttempt"]["state"]) == (None, "IN_PROGRESS")
    assert page["totalCount"] == 2
    assert page["counts"] == {"total": 3, "completed": 1, "overdue": 0}


@pytest.mark.spec("G6", "M34")
async def test_a_page_costs_the_same_statements_for_one_learner_and_for_forty(
    company: World, ask: Ask, statements: list[str]
) -> None:
    spent = []
    for count in (1, 40):
        for number in range(count):
            await company.member(f"P{count} {number:02}")
        people = [f"P{count} {number:02}" for number in range(count)]
        await company.enrol("Safety", *people)
        await group(company, "Safety", f"G{count}", *people)
        for name in people[:10]:
            await attempt(company, "Safety", name, "COMPLETED")
            await certify(company, "Safety", name)
        statements.clear()
        await listed(ask, "Cora", first=100)
        spent.append(len(statements))

    assert spent[0] == spent[1]


@pytest.mark.spec("G6", "M33")
async def test_figures_and_learners_of_one_course_and_of_twenty_cost_the_same(
    company: World, ask: Ask, statements: list[str]
) -> None:
    spent = []
    for count in (1, 20):
        for number in range(count):
            title = f"C{count} {number:02}"
            await company.course(title, coordinators_by_hand=["Cora"])
            await company.enrol(title, "Lea", "Luc")
        for document, given in ((NESTED, {}), (MANAGED, {"archived": False})):
            statements.clear()
            await ask(document, by="Cora", **given)
            spent.append(len(statements))

    assert spent[:2] == spent[2:]


@pytest.mark.spec("M33")
async def test_the_courses_one_manages_are_those_coordinated_now_each_with_its_figures(
    company: World, ask: Ask
) -> None:
    await company.course("Old", coordinators_by_hand=["Cora"], state=CourseState.ARCHIVED)
    await company.course("Taught", instructors=["Cora"])

    now = await ask.one(MANAGED, by="Cora", archived=False)
    ever = await ask.one(MANAGED, by="Cora", archived=True)

    [safety] = now["nodes"]
    assert safety == {
        "title": "Safety",
        "learnerCount": 3,
        "overdueCount": 0,
        "toGradeCount": 0,
        "nextLiveSession": None,
    }
    assert [each["title"] for each in ever["nodes"]] == ["Old", "Safety"]
    for other in ("Ines", "Mona"):
        assert (await ask.one(MANAGED, by=other, archived=True))["nodes"] == []


@pytest.mark.spec("M26")
async def test_the_names_of_staff_are_for_whoever_reads_the_course_and_reasons_for_few(
    company: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    for who in ("Mona", "Ines", "Cora", "Tess", "Enno", "Lea"):
        details = await ask.one(STAFF, by=who, course=course)
        assert details["instructors"] == [{"displayName": "Ines"}], who
        assert [each["member"]["displayName"] for each in details["coordinators"]["nodes"]] == [
            "Cora"
        ], who
    for who in ("Mona", "Ines", "Cora"):
        [row] = (await ask.one(SOURCES, by=who, course=course))["coordinators"]["nodes"]
        assert row["sources"] == [{"kind": "DIRECT"}], who
    for who in ("Tess", "Enno", "Lea"):
        assert await ask.code(SOURCES, by=who, course=course) == "PERMISSION_DENIED", who
    assert await ask.code(STAFF, by="Nobody", course=course) == "NOT_FOUND"
