"""How a course is doing, asked of the schema."""

import datetime as dt
from dataclasses import replace
from typing import Any, Final

import pytest

from access.permissions import Permission
from models.progress import AttemptOrigin
from operations.learning import completing
from tests.furnishing import furnished
from tests.operations.insights.course_rows import fill
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

FIGURES: Final = """
  assigned notStarted inProgress completed failed overdue completionRate medianMinutesToComplete
  certificates { valid expired revoked superseded }
  attendance { registered attended partlyAttended absent rate }
"""
INSIGHTS: Final = f"""
query ($course: ID!, $group: ID, $department: String, $since: DateTime, $until: DateTime,
       $staff: Boolean! = false, $every: Every! = DAY, $first: Date) {{
  viewCourseInsights(courseId: $course, groupId: $group, department: $department, since: $since,
                     until: $until, includeStaff: $staff) {{
    position at isSuppressed figures {{ {FIGURES} }}
    byDepartment {{ department group {{ name }} isSuppressed figures {{ {FIGURES} }} }}
    byGroup {{ department group {{ name }} isSuppressed figures {{ {FIGURES} }} }}
    trend(every: $every, since: $first) {{ since until started completed completionRate }}
  }}
}}
"""
SHORT: Final = """
query ($course: ID!, $department: String) {
  viewCourseInsights(courseId: $course, department: $department) {
    isSuppressed figures { assigned } byDepartment { isSuppressed } byGroup { isSuppressed }
  }
}
"""


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates Safety; Lea, Luc and Mia learn in it, Luc and Mia in the group “Early”."""
    for name in ("Cora", "Stranger"):
        await world.member(name)
    for name, department in (("Lea", "Sales"), ("Luc", "Sales"), ("Mia", "Legal")):
        await world.member(name, department=department)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.group("Early", course="Safety")
    await world.enrol("Safety", "Lea")
    await world.enrol("Safety", "Luc", "Mia", group="Early")
    async with world.edge.transaction() as db:
        await completing.complete(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_ids=[world.members["Luc"]],
            origin=AttemptOrigin.MANUAL,
            at=dt.datetime.now(dt.UTC),
        )
    return world


def counted(part: dict[str, Any]) -> tuple[int, int]:
    figures = part["figures"]
    return figures["assigned"], figures["completed"]


@pytest.mark.spec("X2", "X3", "M11")
async def test_a_coordinator_reads_how_a_course_is_doing(company: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")

    found = await ask.one(INSIGHTS, by="Cora", course=course)

    assert not found["isSuppressed"]
    assert found["figures"] == {
        "assigned": 3,
        "notStarted": 2,
        "inProgress": 0,
        "completed": 1,
        "failed": 0,
        "overdue": 0,
        "completionRate": 1 / 3,
        "medianMinutesToComplete": None,
        "certificates": {"valid": 0, "expired": 0, "revoked": 0, "superseded": 0},
        "attendance": {
            "registered": 0,
            "attended": 0,
            "partlyAttended": 0,
            "absent": 0,
            "rate": None,
        },
    }
    assert {each["department"]: counted(each) for each in found["byDepartment"]} == {
        "Legal": (1, 0),
        "Sales": (2, 1),
    }
    assert {each["group"]["name"]: counted(each) for each in found["byGroup"]} == {"Early": (2, 1)}
    assert [each["completed"] for each in found["trend"]] == [1]


@pytest.mark.spec("X2")
@pytest.mark.parametrize(
    "figure",
    [
        *("assigned", "overdue", "medianMinutesToComplete"),
        "certificates { valid expired revoked superseded }",
        "attendance { registered attended partlyAttended absent rate }",
    ],
)
async def test_a_figure_is_the_same_whatever_else_is_selected(
    company: World, ask: Ask, figure: str
) -> None:
    await fill(company, 1, count=120)
    course, (name, *_) = ask.id("Course", "Safety"), figure.split()
    document = f"""query ($course: ID!) {{
      viewCourseInsights(courseId: $course) {{ figures {{ {figure} }} }} }}"""

    whole = (await ask.one(INSIGHTS, by="Cora", course=course))["figures"]
    alone = (await ask.one(document, by="Cora", course=course))["figures"]

    assert alone == {name: whole[name]}
    assert all(whole[name].values() if isinstance(whole[name], dict) else [whole[name]])


@pytest.mark.spec("X2")
async def test_insights_are_narrowed_as_one_says(company: World, ask: Ask) -> None:
    course = ask.id("Course", "Safety")
    later = (MONDAY + dt.timedelta(days=1)).isoformat()
    asked: dict[str, dict[str, Any]] = {
        "a group": {"group": ask.id("LearnerGroup", "Early")},
        "a department": {"department": "Legal"},
        "before": {"until": later},
        "since": {"since": later},
    }

    found = {
        name: counted(await ask.one(INSIGHTS, by="Cora", course=course, **said))
        for name, said in asked.items()
    }

    assert found["a group"] == (2, 1)
    assert found["a department"] == (1, 0)
    assert sorted((found["before"], found["since"])) == [(0, 0), (3, 1)]


@pytest.mark.spec("U2")
async def test_insights_wait_for_what_one_has_done(company: World, ask: Ask) -> None:
    document = "query ($course: ID!) { viewCourseInsights(courseId: $course) { position } }"

    before = await ask.one(document, by="Cora", course=ask.id("Course", "Safety"))
    await company.enrol("Safety", "Stranger")
    after = await ask.one(document, by="Cora", course=ask.id("Course", "Safety"))

    numbers = [ask.seal.read_position(each["position"]).seq for each in (before, after)]
    assert numbers[0] < numbers[1]


@pytest.mark.spec("X2")
async def test_a_trend_that_would_be_too_long_is_refused_and_the_rest_is_told(
    company: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    answer = await ask.whole(INSIGHTS, by="Cora", course=course, first="2020-01-01")
    months = await ask.one(INSIGHTS, by="Cora", course=course, first="2020-01-01", every="MONTH")

    [error] = answer["errors"]
    assert (error["extensions"]["code"], error["path"]) == (
        "BAD_USER_INPUT",
        ["viewCourseInsights", "trend"],
    )
    assert answer["data"]["viewCourseInsights"]["figures"]["assigned"] == 3
    assert months["trend"][0]["since"] == "2020-01-01"


@pytest.mark.spec("X2", "C2")
async def test_who_may_not_read_insights_is_told_so_and_strangers_that_there_is_no_course(
    company: World, ask: Ask
) -> None:
    course = ask.id("Course", "Safety")

    assert await ask.code(SHORT, by="Lea", course=course) == "PERMISSION_DENIED"
    assert await ask.code(SHORT, by="Stranger", course=course) == "NOT_FOUND"


@pytest.mark.spec("X2")
async def test_a_token_that_shows_no_people_shows_no_figures_about_few(
    company: World, ask: Ask
) -> None:
    limited = frozenset({Permission.VIEW_COURSE_INSIGHTS, Permission.VIEW_COURSE_INFO})
    dashboard = replace(company.caller("Cora"), limited_to=limited)

    whole = await ask.one(SHORT, by=dashboard, course=ask.id("Course", "Safety"))

    assert whole == {
        "isSuppressed": True,
        "figures": None,
        "byDepartment": None,
        "byGroup": None,
    }


@pytest.mark.spec("G6")
async def test_groups_and_departments_of_insights_cost_no_statement_each(
    company: World, ask: Ask, statements: list[str]
) -> None:
    counts = []
    for number in range(2):
        statements.clear()
        await ask.one(INSIGHTS, by="Cora", course=ask.id("Course", "Safety"))
        counts.append(len(statements))
        for more in range(9):
            name = f"{number} {more}"
            await company.member(name, department=f"Department {name}")
            await company.group(name, course="Safety")
            await company.enrol("Safety", name, group=name)

    assert counts[0] == counts[1] <= 6
