"""The workbook of a quiz: who handed in what, how its questions did, and what all that is about."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Permission
from models.insights import Facet
from operations.insights import cells
from operations.insights.attempt_rows import about_quiz, attempt_rows, count_rows
from operations.insights.cells import Narrow, Policy, Unit
from operations.refusals import Code, Denied, Refused
from resolvers.ids import encode
from tests.app.workbooks import reading
from tests.app.workbooks.classroom import EVERYBODY, Classroom
from tests.app.workbooks.hostile import FORMULAS
from tests.content import EVERY_KIND, publish
from tests.operations.learning.attempting import reset
from tests.taking import RIGHT, WRONG, start
from tests.world import MONDAY

pytestmark = pytest.mark.spec("X4")

HOUR = dt.timedelta(hours=1)
PEOPLE = ["Learner id", "Name", "E-mail", "Department"]
ATTEMPT = [
    *("Attempt", "Submission", "State", "Started (Europe/Stockholm)"),
    *("Submitted (Europe/Stockholm)", "Duration", "Score", "Maximum", "Percent", "Passed"),
    "In the figures",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quiz.xlsx"


@pytest.fixture
async def class_of_two(classroom: Classroom) -> Classroom:
    """Ada was wrong, then right; Bo wrote something and waits for a grade."""
    await classroom.learner("Ada", "Sales")
    await classroom.learner("Bo")
    await classroom.take("Ada", WRONG, essay="0")
    await classroom.take("Ada", RIGHT, essay="3.5", at=MONDAY + HOUR)
    await classroom.take("Bo", {4: " Oslo ", 6: "=HYPERLINK(1)"}, at=MONDAY + HOUR)
    return classroom


def by_title(path: Path, place: int = 0) -> list[dict[str, Any]]:
    titles, *rows = reading.rows(path, place)
    return [dict(zip(titles, row, strict=True)) for row in rows]


async def test_every_submission_is_a_row_with_every_answer(
    class_of_two: Classroom, path: Path
) -> None:
    await class_of_two.workbook("Mona", path)

    titles, *rows = reading.rows(path)
    assert titles == [
        *PEOPLE,
        *ATTEMPT,
        *("1. Which one is a fruit?", "1. Correct", "1. Points"),
        *("2. Which are even?", "2. Correct", "2. Points"),
        *("3. Water is wet.", "3. Correct", "3. Points"),
        *("4. The capital of Sweden?", "4. Correct", "4. Points"),
        *("5. The ratio of a circle?", "5. Correct", "5. Points"),
        *("6. Tell us about it.", "6. Correct", "6. Points"),
    ]
    ada = encode("Member", class_of_two.world.members["Ada"])
    began = dt.datetime(2026, 3, 2, 11, 0)  # noqa: DTZ001 - as the file has it
    assert rows[1] == [
        *(ada, "Ada", "ada@acme.example", "Sales", 1, 2, "Graded"),
        *(began, began + dt.timedelta(minutes=10), dt.timedelta(minutes=10)),
        *(10, 10, 1, True, False),
        *("Apple", True, 1, "Two; Four", True, 2, True, True, 1, "stockholm", True, 1),
        *(3.14, True, 1.5, "", "", 3.5),
    ]
    assert [row[10] for row in rows] == [0, 10, ""]


async def test_what_waits_or_was_not_answered_has_empty_cells(
    class_of_two: Classroom, path: Path
) -> None:
    await class_of_two.workbook("Mona", path)

    bo = by_title(path)[2]
    assert (bo["State"], bo["Score"], bo["Percent"], bo["Passed"]) == (
        *("Waits for a grade", "", ""),
        "",
    )
    assert (bo["1. Which one is a fruit?"], bo["1. Correct"], bo["1. Points"]) == ("", False, 0)
    assert (bo["Department"], bo["6. Tell us about it."]) == ("", "=HYPERLINK(1)")
    assert reading.formulas(path) == []


async def test_who_is_still_at_it_is_there_without_answers(
    class_of_two: Classroom, path: Path
) -> None:
    await class_of_two.learner("Cy")
    await start(class_of_two.world, "Cy", "Safety", "Views")

    await class_of_two.workbook("Mona", path)

    cy = by_title(path)[3]
    assert (cy["State"], cy["Duration"], cy["Score"]) == ("In progress", "", "")
    assert (cy["In the figures"], cy["4. The capital of Sweden?"]) == (False, "")


async def test_hostile_texts_of_people_questions_and_answers_stay_text(
    classroom: Classroom, path: Path
) -> None:
    for name in FORMULAS[1:6]:
        await classroom.learner(name, "=1+1")
        await classroom.take(name, {4: "=2+2", 6: f"{name}\n=3"})

    await classroom.workbook("Mona", path)

    assert reading.formulas(path) == []
    assert {row["Department"] for row in by_title(path)} == {"=1+1"}
    assert {row["4. The capital of Sweden?"] for row in by_title(path)} == {"=2+2"}


async def test_a_question_that_is_gone_keeps_its_columns_and_choices(
    class_of_two: Classroom, path: Path
) -> None:
    first, *rest = EVERY_KIND.questions
    reworded = replace(first, text="Which is a fruit, *really*?", choices=first.choices[1:])
    await publish(class_of_two.world, "Views", replace(EVERY_KIND, questions=(*rest[1:], reworded)))

    await class_of_two.workbook("Mona", path)

    ada = by_title(path)[1]
    assert ada["5. Which is a fruit, *really*?"] == "Apple"
    assert ada["6. Which are even?"] == "Two; Four"


async def test_statistics_of_questions_are_those_of_the_insights(
    class_of_two: Classroom, path: Path
) -> None:
    await class_of_two.workbook("Mona", path, Narrow(policy=Policy.LAST))

    question = by_title(path, 1)[0]
    assert (question["Question"], question["Kind"]) == ("Which one is a fruit?", "Single choice")
    assert (question["Asked"], question["Correct"], question["Facility"]) == (1, 1, 1)
    assert "Too few people: no discrimination" in question["Note"]
    assert len(reading.charts(path, 1)) == 3
    assert reading.titles(path) == [
        *("Attempts", "Questions", "Parameters", "Quiz", "Scores", "Answers")
    ]


async def test_parameters_say_what_it_is_about(class_of_two: Classroom, path: Path) -> None:
    until = MONDAY + 5 * HOUR
    await class_of_two.workbook("Mona", path, Narrow(department="Sales", until=until))

    said = {name: value for name, value, *_ in reading.rows(path, 2)[1:]}
    assert (said["Course"], said["Quiz"], said["Department"]) == ("Safety", "Views", "Sales")
    assert said["Handed in before"] == dt.datetime(2026, 3, 2, 15)  # noqa: DTZ001 - so in the file
    assert said["Generated at"] == dt.datetime(2026, 3, 2, 10)  # noqa: DTZ001
    assert (said["Generated by"], said["Rows in “Attempts”"]) == ("Mona", 2)
    async with class_of_two.world.edge.read() as db:
        head = await db.scalar(text("SELECT head FROM workspace_stream"))
    assert said["Watermark"] == head


@pytest.mark.spec("M10")
async def test_a_coordinator_is_told_scores_but_no_answers(
    class_of_two: Classroom, path: Path
) -> None:
    book = await class_of_two.workbook("Cora", path)

    titles, *rows = reading.rows(path)
    assert titles == [*PEOPLE[:3], *ATTEMPT]
    assert [row[9] for row in rows] == [0, 10, ""]
    assert "department, single answers: not yours to see" in str(reading.rows(path, 2))
    assert "Right" not in reading.rows(path, 5)[0]
    assert (Permission.VIEW_ANSWERS,) not in book.needs


@pytest.mark.spec("M10")
async def test_whoever_is_not_told_departments_cannot_ask_by_them(
    class_of_two: Classroom, path: Path
) -> None:
    with pytest.raises(Denied):
        await class_of_two.workbook("Cora", path, Narrow(department="Sales"))


async def test_an_instructor_is_told_answers(class_of_two: Classroom, path: Path) -> None:
    book = await class_of_two.workbook("Ines", path)

    assert "4. The capital of Sweden?" in reading.rows(path)[0]
    assert (Permission.VIEW_ANSWERS,) in book.needs


@pytest.mark.spec("M9", "M10")
async def test_a_coordinator_exports_while_the_course_is_active_alone(
    class_of_two: Classroom, path: Path
) -> None:
    world = class_of_two.world
    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE course SET state = 'ARCHIVED'"))

    with pytest.raises(Refused) as refused:
        await class_of_two.workbook("Cora", path)
    assert refused.value.code is Code.COURSE_NOT_ACTIVE
    await class_of_two.workbook("Mona", path)


async def test_nobody_else_gets_one(class_of_two: Classroom, path: Path) -> None:
    for name in ("Ada", "Nora"):
        with pytest.raises((Denied, Refused)):
            await class_of_two.workbook(name, path)
    assert reading.files(path.parent) == []


async def test_attempts_that_were_reset_are_not_there(class_of_two: Classroom, path: Path) -> None:
    await reset(class_of_two.world, "Mona", "Bo")

    await class_of_two.workbook("Mona", path)

    assert [row["Name"] for row in by_title(path)] == ["Ada", "Ada"]


async def test_csv_has_the_rows_of_the_first_sheet(class_of_two: Classroom, path: Path) -> None:
    await class_of_two.workbook("Mona", path, is_csv=True)

    lines = reading.whole(path).decode("utf-8-sig").split("\r\n")
    assert lines[0].startswith('"Learner id","Name","E-mail"')
    assert '"\'=HYPERLINK(1)"' in lines[3]


NARROWED = [
    EVERYBODY,
    Narrow(department="Sales"),
    Narrow(since=MONDAY + 2 * HOUR),
    Narrow(until=MONDAY + dt.timedelta(days=2), includes_staff=True),
]


async def test_rows_said_to_be_in_the_figures_are_those_the_figures_count(
    classroom: Classroom,
) -> None:
    await classroom.fill(9)
    await classroom.take("Ines", RIGHT)
    for narrow in NARROWED:
        for policy in Policy:
            await rows_are_those_counted(classroom, replace(narrow, policy=policy))


async def rows_are_those_counted(classroom: Classroom, to: Narrow) -> None:
    world = classroom.world
    course_id, module_id = world.courses["Safety"], world.modules["Views"]
    by = world.caller("Mona")
    async with world.edge.read() as db:
        quiz = await about_quiz(db, by=by, course_id=course_id, module_id=module_id, to=to)
        rows = [row async for row in attempt_rows(db, by=by, quiz=quiz, to=to)]
        total = await count_rows(db, by=by, quiz=quiz, to=to)
        unit = Unit(world.workspace_id, course_id, module_id)
        counted = await cells.read(db, unit, to=to)

    assert total == len(rows)
    handed_in = [each for each in counted if each.facet is Facet.HANDED_IN]
    totals = [each for each in counted if each.facet is Facet.TOTAL]
    assert sum(each.n for each in handed_in) == sum(row.counts for row in rows) > 0
    assert sum(float(each.points) for each in totals) == pytest.approx(
        sum(row.score or 0 for row in rows if row.counts)
    )
