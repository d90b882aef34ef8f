"""How a quiz is doing, asked of the schema."""

from typing import Any, Final

import pytest

from access.permissions import Principal
from models.catalog import CourseState
from resolvers.ids import encode
from tests.content import EVERY_KIND
from tests.furnishing import furnished
from tests.operations.learning.attempting import open_module
from tests.resolvers.asking import Ask
from tests.resolvers.school import edit
from tests.taking import RIGHT, WRONG, grade, take, teach
from tests.world import World

pytestmark = [pytest.mark.spec("X1"), pytest.mark.spec("G11")]

FIGURE: Final = "{ value reason }"
INSIGHTS: Final = f"""
query ($course: ID!, $module: ID!, $group: ID, $department: String, $since: DateTime,
       $until: DateTime, $staff: Boolean! = false, $attempts: AttemptPolicy! = FIRST) {{
  viewQuizInsights(courseId: $course, moduleId: $module, groupId: $group, department: $department,
                   since: $since, until: $until, includeStaff: $staff, attempts: $attempts) {{
    position at isSuppressed
    figures {{ submissions waiting people isSuppressed scores {{
      graded passed passRate mean median standardDeviation lowest highest compared medianMinutes
      distribution {{ since until count isSuppressed }}
      reliability {FIGURE} standardError {FIGURE} }} }}
    questions {{ number kind text points isGone isSuppressed figures {{
      presented answered correct compared medianSeconds
      facility {FIGURE} discrimination {FIGURE} pointBiserial {FIGURE}
      answers {{ others shown {{ text count share isRight isSuppressed }} }} }} }}
  }}
}}
"""


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """Safety has a quiz with an essay; Ines instructs and Cora coordinates; six learn and took it,
    Lea twice as well as the others."""
    for name in ("Mona", "Ines", "Cora", *LEARNERS):
        await world.member(name, department="Sales")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await teach(world, "Safety", Quiz=EVERY_KIND)
    await world.enrol("Safety", *LEARNERS)
    for place, name in enumerate(LEARNERS):
        await open_module(world, name, "Quiz")
        given = {**(RIGHT if place < 4 else WRONG), 6: "At length."}
        handed_in = await take(world, name, "Safety", "Quiz", given)
        await grade(world, "Ines", handed_in.id, {6: place % 4})
    return world


LEARNERS: Final = ("Lea", "Leo", "Lou", "Liv", "Lara", "Lin")


async def insights(ask: Ask, by: str, **more: Any) -> Any:
    quiz = {"course": ask.id("Course", "Safety"), "module": ask.id("Module", "Quiz")}
    return await ask.one(INSIGHTS, by=by, **quiz, **more)


async def refusals(ask: Ask, by: str, **more: Any) -> list[str]:
    quiz = {"course": ask.id("Course", "Safety"), "module": ask.id("Module", "Quiz")}
    errors = await ask.errors(INSIGHTS, by=by, **(quiz | more))
    return [each["extensions"]["code"] for each in errors]


async def test_an_instructor_is_told_everything(school: World, ask: Ask) -> None:
    found = await insights(ask, "Ines")
    figures, scores = found["figures"], found["figures"]["scores"]
    assert not found["isSuppressed"]
    assert (figures["submissions"], figures["waiting"], figures["people"]) == (6, 0, 6)
    assert (scores["graded"], scores["passed"], scores["compared"]) == (6, 4, 6)
    assert [(each["since"], each["count"]) for each in scores["distribution"] if each["count"]] == [
        (0, 1),
        (10, 1),
        (60, 1),
        (70, 1),
        (80, 1),
        (90, 1),
    ]
    assert (scores["lowest"], scores["highest"]) == (0, 95)
    assert 0 < scores["reliability"]["value"] < 1
    apple, *_ = found["questions"][0]["figures"]["answers"]["shown"]
    assert apple == {
        "text": "Apple",
        "count": 4,
        "share": 4 / 6,
        "isRight": True,
        "isSuppressed": False,
    }
    essay = found["questions"][5]
    assert (essay["kind"], essay["figures"]["correct"], essay["figures"]["answers"]) == (
        "ESSAY",
        None,
        None,
    )
    assert essay["figures"]["facility"]["value"] == pytest.approx(7 / 21)


async def test_a_coordinator_is_not_told_what_few_answered(school: World, ask: Ask) -> None:
    found = await insights(ask, "Cora")
    assert found["figures"]["people"] == 6
    assert found["figures"]["scores"]["lowest"] is None
    assert {each["count"] for each in found["figures"]["scores"]["distribution"]} == {0, None}
    [counts] = {
        tuple((each["count"], each["isRight"]) for each in item["figures"]["answers"]["shown"])
        for item in found["questions"][:1]
    }
    assert counts == ((None, None), (None, None), (0, None))


async def test_narrowed_to_nobody_it_is_empty(school: World, ask: Ask) -> None:
    found = await insights(ask, "Ines", department="Elsewhere")
    assert found["figures"]["people"] == 0
    assert found["figures"]["scores"]["reliability"] == {
        "value": None,
        "reason": "TOO_FEW_PEOPLE",
    }
    assert (await insights(ask, "Ines", until="2000-01-01T00:00:00Z"))["figures"]["people"] == 0
    for attempts in ("ALL", "FIRST", "LAST", "BEST"):
        assert (await insights(ask, "Ines", attempts=attempts))["figures"]["people"] == 6


@pytest.mark.spec("M9")
async def test_an_archived_course_is_closed_to_its_coordinator(school: World, ask: Ask) -> None:
    await edit(school, state=CourseState.ARCHIVED)
    assert await refusals(ask, "Cora") == ["COURSE_NOT_ACTIVE"]
    for name in ("Mona", "Ines"):
        assert not (await insights(ask, name))["isSuppressed"]


async def test_what_cannot_be_is_refused_by_its_name(school: World, ask: Ask) -> None:
    assert await refusals(ask, "Lea") == ["PERMISSION_DENIED"]
    assert await refusals(ask, "Ines", module=encode("Module", 999)) == ["NOT_FOUND"]
    assert await refusals(ask, "Ines", group=encode("LearnerGroup", 999)) == ["NOT_FOUND"]
    time = "2026-03-01T00:00:00Z"
    assert await refusals(ask, "Ines", since=time, until=time) == ["BAD_USER_INPUT"]


@pytest.mark.spec("X3")
async def test_the_position_is_that_of_everything_in_the_answer(school: World, ask: Ask) -> None:
    document = INSIGHTS.replace("query (", "query Both (").rstrip().removesuffix("}")
    document += " courses { position } }"
    quiz = {"course": ask.id("Course", "Safety"), "module": ask.id("Module", "Quiz")}
    both = await ask(document, by="Ines", **quiz)
    assert both["viewQuizInsights"]["position"] == both["courses"]["position"]
