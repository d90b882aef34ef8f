"""The gradebook: learners × quizzes and assignments × the latest and the best (H6)."""

from dataclasses import replace
from typing import Any

import pytest

from access.permissions import Principal
from models.catalog import RetakePolicy
from operations.content.questions import AssignmentContent
from resolvers.ids import encode
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.furnishing import furnished
from tests.operations.learning.attempting import configure, reset
from tests.resolvers.asking import Ask
from tests.taking import RIGHT, WRONG, grade, take, teach
from tests.world import World

pytestmark = pytest.mark.spec("H6")

CELLS = (
    """module { title } handedIn toGrade latest { number score } best { number score percent }"""
)
ROWS = f"totalCount nodes {{ member {{ displayName }} state percent cells {{ {CELLS} }} }}"
OF_COURSE = f"""query ($course: ID!, $group: ID, $search: String, $first: Int) {{
  course(id: $course) {{ gradebook(groupId: $group, search: $search, first: $first) {{ {ROWS} }} }}
}}"""
OF_GROUP = f"""query ($group: ID!) {{ node(id: $group) {{ ... on LearnerGroup {{
  gradebook {{ {ROWS} }} }} }} }}"""
LIST = """query ($course: ID!) { course(id: $course) { submissions(first: 20) {
  totalCount nodes { state score member { displayName } module { title } course { title }
    answers { question { text } text choices points key { texts }
      grades { points gradedBy { displayName } } } } } } }"""
QUEUE = LIST.replace("submissions(", "submissionsToGrade(")


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """“Work” is a lesson of no interest, a quiz and an assignment; Tess teaches, Cora coordinates;
    Lea and Leo learn, Leo in the group North."""
    for name in ("Tess", "Cora", "Ines", "Lea", "Leo", "Roy"):
        await world.member(name)
    await world.course("Work", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await configure(world, "Work", retake_policy=RetakePolicy.UNLIMITED)
    await teach(
        world,
        "Work",
        Sums=replace(GRADED_BY_ITSELF, pass_percent=100),
        Letter=AssignmentContent("Write."),
    )
    await world.grant("Tess", Principal.COURSE_TEACH, course="Work")
    await world.enrol("Work", "Lea")
    await world.group("North", course="Work")
    await world.enrol("Work", "Leo", group="North")
    return world


def cells(rows: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    def short(cell: dict[str, Any]) -> tuple[Any, ...]:
        latest, best = ((cell[each] or {}).get("score") for each in ("latest", "best"))
        return cell["handedIn"], cell["toGrade"], latest, best

    return {
        row["member"]["displayName"]: [short(cell) for cell in row["cells"]]
        for row in rows["nodes"]
    }


async def test_of_everybody_the_latest_and_the_best_are_shown(school: World, ask: Ask) -> None:
    await take(school, "Lea", "Work", "Sums", {1: 11, 2: {21, 23}})
    await take(school, "Lea", "Work", "Sums", {3: True})
    letter = await take(school, "Lea", "Work", "Letter", {0: "Dear …"})
    course = ask.id("Course", "Work")

    page = (await ask.one(OF_COURSE, by="Tess", course=course))["gradebook"]
    assert [each["module"]["title"] for each in page["nodes"][0]["cells"]] == ["Sums", "Letter"]
    assert cells(page) == {
        "Lea": [(2, 0, "1.00", "3.00"), (1, 1, None, None)],
        "Leo": [(0, 0, None, None), (0, 0, None, None)],
    }

    await grade(school, "Tess", letter.id, {0: 80})
    page = (await ask.one(OF_COURSE, by="Tess", course=course, search="lea"))["gradebook"]
    assert cells(page)["Lea"][1] == (1, 0, "80.00", "80.00")
    assert page["totalCount"] == 1


async def test_what_was_reset_counts_no_longer(school: World, ask: Ask) -> None:
    await take(school, "Lea", "Work", "Sums", RIGHT)
    await reset(school, "Ines", "Lea", course="Work")
    await take(school, "Lea", "Work", "Sums", WRONG)

    page = await ask.one(OF_COURSE, by="Tess", course=ask.id("Course", "Work"))

    assert cells(page["gradebook"])["Lea"][0] == (1, 0, "0.00", "0.00")


async def test_a_group_has_a_gradebook_of_its_own(school: World, ask: Ask) -> None:
    group = encode("LearnerGroup", school.groups["North"])

    own = await ask.one(OF_GROUP, by="Tess", group=group)
    narrowed = await ask.one(OF_COURSE, by="Tess", course=ask.id("Course", "Work"), group=group)

    assert list(cells(own["gradebook"])) == list(cells(narrowed["gradebook"])) == ["Leo"]


@pytest.mark.spec("H6", "C2")
async def test_a_gradebook_is_for_who_may_view_answers(school: World, ask: Ask) -> None:
    await school.grant("Roy", Principal.COURSE_ENROLL, course="Work")
    group = encode("LearnerGroup", school.groups["North"])

    for name in ("Cora", "Roy", "Lea"):
        course = ask.id("Course", "Work")
        assert await ask.code(OF_COURSE, by=name, course=course) == "PERMISSION_DENIED"
        assert await ask.code(OF_GROUP, by=name, group=group) == "PERMISSION_DENIED"


@pytest.mark.parametrize("document", [OF_COURSE, LIST, QUEUE])
async def test_reading_costs_the_same_statements_however_many_there_are(
    school: World, ask: Ask, statements: list[str], document: str
) -> None:
    await teach(school, "Work", Views=EVERY_KIND)
    course = ask.id("Course", "Work")

    async def asked() -> int:
        statements.clear()
        await ask.one(document, by="Tess", course=course)
        return len(statements)

    await take(school, "Lea", "Work", "Views", {**RIGHT, 6: "So."})
    first = await take(school, "Leo", "Work", "Views", {**RIGHT, 6: "So."})
    await grade(school, "Ines", first.id, {6: 1})
    few = await asked()
    for n in range(8):
        await school.member(f"New {n}")
        await school.enrol("Work", f"New {n}")
        done = await take(school, f"New {n}", "Work", "Views", {**RIGHT, 6: "So."})
        await take(school, f"New {n}", "Work", "Sums", RIGHT)
        if n % 2:
            await grade(school, "Ines", done.id, {6: 1})

    assert await asked() == few
    assert few <= 11
