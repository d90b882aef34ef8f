"""Submissions when several things happen to them at the same moment, on a real database; and what
they cost it."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from models.grading import SubmissionState
from models.progress import AttemptState
from operations.content.questions import (
    AcceptedTexts,
    Question,
    QuestionKind,
    QuizContent,
)
from operations.refusals import Refused
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.operations.learning.attempting import reset, states_of
from tests.taking import (
    RIGHT,
    WRONG,
    answers_of,
    grade,
    grades_of,
    save,
    start,
    submission_of,
    submit,
    take,
    teach,
)
from tests.world import World

pytestmark = pytest.mark.spec("H2", "H3")


@pytest.fixture
async def school(school: World) -> World:
    await school.course("Work", instructors=["Ines"])
    await teach(school, "Work", Sums=GRADED_BY_ITSELF)
    await school.course("Talk", instructors=["Ines"])
    await teach(school, "Talk", Views=EVERY_KIND)
    for course in ("Work", "Talk"):
        await school.enrol(course, "Lea", "Leo")
    return school


async def at_once(*doing: Coroutine[Any, Any, Any]) -> Counter[str]:
    """What became of them: done, or the code of the refusal."""

    async def one(coroutine: Coroutine[Any, Any, Any]) -> str:
        try:
            await coroutine
        except Refused as refused:
            return str(refused.code)
        return "done"

    return Counter(await asyncio.gather(*(one(each) for each in doing)))


async def test_of_many_starts_at_once_one_is_begun(school: World) -> None:
    outcomes = await at_once(*(start(school, "Lea", "Work", "Sums") for _ in range(6)))

    assert outcomes == {"done": 6}
    verbs = Counter(await school.verbs())
    assert (verbs["attempt.started"], verbs["submission.started"]) == (1, 1)


async def test_of_many_submits_at_once_one_marks(school: World) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    await save(school, "Lea", begun.id, RIGHT)

    outcomes = await at_once(*(submit(school, "Lea", begun.id) for _ in range(6)))

    assert outcomes == {"done": 6}
    assert len(await grades_of(school, begun.id)) == 5
    assert Counter(await school.verbs())["submission.submitted"] == 1


@pytest.mark.parametrize("saves_first", [True, False] * 2)
async def test_what_is_saved_while_it_is_handed_in_counts_or_is_refused(
    school: World, saves_first: bool
) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    await save(school, "Lea", begun.id, WRONG)
    doing = [save(school, "Lea", begun.id, RIGHT), submit(school, "Lea", begun.id)]

    outcomes = await at_once(*(doing if saves_first else reversed(doing)))

    row = await submission_of(school, begun.id)
    assert row.state is SubmissionState.GRADED
    assert row.score == (Decimal("6.5") if outcomes == {"done": 2} else 0)
    given = {id: each.given for id, each in (await answers_of(school, begun.id)).items()}
    assert given[1] == {"choices": [11 if outcomes == {"done": 2} else 12]}


async def test_of_two_graders_at_once_one_notices_the_other(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", {**RIGHT, 6: "So."})

    outcomes = await at_once(
        *(grade(school, "Ines", waiting.id, {6: n}, at_version=1) for n in (1, 2, 3))
    )

    assert outcomes == {"done": 1, "CONFLICT": 2}
    assert (await submission_of(school, waiting.id)).version == 2
    assert [each.question_id for each in await grades_of(school, waiting.id)].count(6) == 1


async def test_grading_and_resetting_at_once_loses_neither(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", {**RIGHT, 6: "So."})

    outcomes = await at_once(
        grade(school, "Ines", waiting.id, {6: 3}), reset(school, "Ines", "Lea", course="Talk")
    )

    assert outcomes == {"done": 2}
    assert (await submission_of(school, waiting.id)).state is SubmissionState.GRADED
    assert await states_of(school, "Lea", "Talk") in (
        [AttemptState.RESET],
        [AttemptState.COMPLETED],
    )


async def test_a_long_quiz_costs_no_more_statements_than_a_short_one(
    school: World, statements: list[str]
) -> None:
    short, long = [await _costs(school, statements, count) for count in (2, 200)]

    assert short == long
    assert max(long) <= 20


async def _costs(school: World, statements: list[str], count: int) -> list[int]:
    """How many statements saving, handing in and grading so many answers takes."""
    questions = [
        Question(id, QuestionKind.SHORT_TEXT, "?", Decimal(1), key=AcceptedTexts((f"word {id}",)))
        for id in range(1, count + 1)
    ]
    course = f"Of {count}"
    await school.course(course, instructors=["Ines"])
    await teach(school, course, **{f"Words {count}": QuizContent(tuple(questions))})
    await school.enrol(course, "Lea")
    begun = await start(school, "Lea", course, f"Words {count}")
    costs = []

    statements.clear()
    await save(school, "Lea", begun.id, {each.id: f"WORD  {each.id}" for each in questions})
    costs.append(len(statements))
    statements.clear()
    done = await submit(school, "Lea", begun.id)
    costs.append(len(statements))
    statements.clear()
    await grade(school, "Ines", done.id, {each.id: 0 for each in questions})
    costs.append(len(statements))

    assert done.score == count
    assert (await submission_of(school, begun.id)).score == 0
    return costs
