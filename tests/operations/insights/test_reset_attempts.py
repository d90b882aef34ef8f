"""What was done before a reset counts in no figure any more, completed or not (M5)."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from operations.insights import attempt_rows, quizzes
from operations.insights.cells import EVERYBODY, Narrow, Policy
from operations.insights.quiz_figures import QuizFigures
from tests.furnishing import furnished
from tests.operations.insights.academy import COURSE, Academy
from tests.operations.insights.recounted_quiz import differences, recounted, written
from tests.taking import RIGHT, WRONG
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("M5", "X1", "X4")

EVERY_TRY = Narrow(policy=Policy.ALL)


@pytest.fixture
@furnished
async def academy(world: World) -> Academy:
    """Ada and Bo handed in and were marked complete; all of it is folded."""
    academy = await Academy.open(world)
    for name in ("Ada", "Bo"):
        await academy.enrol(name)
        await academy.hand_in(name, RIGHT)
        await academy.complete(name)
    await academy.settle()
    return academy


async def figures(academy: Academy, to: Narrow = EVERYBODY) -> QuizFigures:
    """As they are told; the same as a recount says."""
    async with academy.world.edge.read() as db:
        found = await quizzes.quiz_insights(
            db,
            by=academy.world.system,
            course_id=academy.course_id,
            module_id=academy.units[1].module_id,
            to=to,
            at=academy.now,
        )
    if found.figures is not None and found.figures.scores is not None:
        expected = await recounted(academy.world, COURSE, "Quiz", to)
        assert differences(written(found), expected) == {}
    assert found.figures is not None
    return found.figures


async def rows(academy: Academy, to: Narrow) -> list[tuple[str | None, int, bool]]:
    """Of the first sheet: who, which attempt, and whether the figures count it."""
    told: dict[str, Any] = {"by": academy.world.system, "to": to}
    async with academy.world.edge.read() as db:
        quiz = await attempt_rows.about_quiz(
            db, course_id=academy.course_id, module_id=academy.units[1].module_id, **told
        )
        found = [row async for row in attempt_rows.attempt_rows(db, quiz=quiz, **told)]
        assert len(found) == await attempt_rows.count_rows(db, quiz=quiz, **told)
    return [(each.name, each.attempt, each.counts) for each in found]


async def is_exact(academy: Academy) -> bool:
    for unit in academy.units:
        for to in (EVERYBODY, replace(EVERY_TRY, includes_staff=True)):
            if await academy.read(unit, to) != await academy.naively(unit, to):
                return False
    return not await academy.drift()


async def test_a_completed_attempt_that_was_reset_counts_in_no_figure_of_the_quiz(
    academy: Academy,
) -> None:
    assert (await figures(academy)).submissions == 2

    await academy.reset("Ada")

    for to in (EVERYBODY, EVERY_TRY, Narrow(department="Sales"), Narrow(since=MONDAY)):
        assert (await figures(academy, to)).submissions == 1, to
    assert await is_exact(academy)
    await academy.settle()
    assert (await figures(academy)).submissions == 1
    assert await is_exact(academy)


async def test_the_first_try_after_a_reset_is_the_first(academy: Academy) -> None:
    await academy.reset("Ada")
    await academy.hand_in("Ada", WRONG)
    await academy.settle()

    for policy in Policy:
        found = await figures(academy, Narrow(policy=policy))
        assert found.scores is not None
        assert (found.scores.graded, found.scores.passed) == (2, 1), policy


async def test_rows_of_the_workbook_and_its_figures_are_of_the_same_attempts(
    academy: Academy,
) -> None:
    await academy.reset("Ada")
    assert await rows(academy, EVERYBODY) == [("Bo", 1, True)]

    await academy.hand_in("Ada", WRONG)
    assert await rows(academy, EVERYBODY) == [("Ada", 2, True), ("Bo", 1, True)]


async def test_a_reset_that_is_taken_back_counts_again(academy: Academy) -> None:
    await academy.reset("Ada")
    await academy.settle()

    async with academy.world.edge.transaction() as db:
        await db.execute(text("UPDATE progress SET attempts_before = 0"))

    assert (await figures(academy)).submissions == 2
    await academy.settle()
    assert (await figures(academy)).submissions == 2
    assert await is_exact(academy)


async def test_what_was_done_before_leaving_and_coming_back_counts(academy: Academy) -> None:
    await academy.unassign("Ada")
    assert (await figures(academy)).submissions == 2
    await academy.settle()
    await academy.enrol("Ada")
    assert (await figures(academy)).submissions == 2
    assert await is_exact(academy)


async def test_a_reset_marks_each_quiz_of_what_was_done_and_no_more(academy: Academy) -> None:
    await academy.reset("Ada")

    whose = academy.block("Ada")
    assert await academy.markers() == {(*unit[1:], whose) for unit in academy.units}
