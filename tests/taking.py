"""Quizzes and assignments in a test: answered, handed in and graded quickly.

`await take(world, "Lea", "Safety", "Quiz", RIGHT)` starts a submission, saves these answers, and
hands it in; answers are written `{question: what is answered}`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from sqlalchemy import select

from models.catalog import ModuleKind
from models.grading import Answer, Grade, Submission
from models.progress import AttemptModule
from operations.content.given import Said, questions_of
from operations.content.questions import Content, QuestionKind
from operations.learning import grading, quizzes
from tests.content import publish
from tests.world import MONDAY, World

Answers = Mapping[int, object]
"""By question: a choice, a set of choices, a truth, a text, a number; None takes it back."""

RIGHT: Final[Answers] = {1: 11, 2: {21, 23}, 3: True, 4: "stockholm", 5: Decimal("3.14")}
"""What gets all points of `tests.content.GRADED_BY_ITSELF`."""

WRONG: Final[Answers] = {1: 12, 2: {21}, 3: False, 4: "Oslo", 5: Decimal(3)}
"""What gets none."""


def said(answers: Answers) -> list[Said]:
    """The answers as a client says them."""
    return [_said(id, given) for id, given in answers.items()]


def _said(id: int, given: object) -> Said:
    match given:
        case None:
            return Said(id)
        case bool():
            return Said(id, is_true=given)
        case int():
            return Said(id, choice_ids=[given])
        case set() | frozenset():
            return Said(id, choice_ids=sorted(given))
        case Decimal():
            return Said(id, number=f"{given:f}")
        case str():
            return Said(id, text=given)
        case _:
            raise TypeError(given)


async def teach(world: World, course: str, **modules: Content) -> None:
    """Published modules of a course, in order, that say this."""
    for title, content in modules.items():
        await world.module(title, courses=[course], kind=ModuleKind(content.kind))
        await publish(world, title, content)


async def start(
    world: World, name: str, course: str, module: str, at: dt.datetime = MONDAY
) -> Submission:
    async with world.edge.transaction() as db:
        return await quizzes.start(
            db,
            by=world.caller(name),
            course_id=world.courses[course],
            module_id=world.modules[module],
            at=at,
        )


async def save(
    world: World, name: str, submission_id: int, answers: Answers, at: dt.datetime = MONDAY
) -> Submission:
    async with world.edge.transaction() as db:
        return await quizzes.save(
            db, by=world.caller(name), submission_id=submission_id, answers=said(answers), at=at
        )


async def submit(
    world: World, name: str, submission_id: int, at: dt.datetime = MONDAY
) -> Submission:
    async with world.edge.transaction() as db:
        return await quizzes.submit(db, by=world.caller(name), submission_id=submission_id, at=at)


async def take(  # noqa: PLR0917
    world: World,
    name: str,
    course: str,
    module: str,
    answers: Answers,
    at: dt.datetime = MONDAY,
) -> Submission:
    """Answer a quiz or an assignment and hand it in."""
    begun = await start(world, name, course, module, at)
    await save(world, name, begun.id, answers, at)
    return await submit(world, name, begun.id, at)


async def grade(
    world: World,
    name: str,
    submission_id: int,
    points: Mapping[int, str | int | Decimal],
    *,
    at_version: int | None = None,
    feedback: str | None = None,
    at: dt.datetime = MONDAY,
) -> Submission:
    """Give points by question, with the same feedback; at the version there is."""
    async with world.edge.transaction() as db:
        present = await db.scalar(select(Submission.version).where(Submission.id == submission_id))
        return await grading.grade(
            db,
            by=world.caller(name),
            submission_id=submission_id,
            at_version=present or 1 if at_version is None else at_version,
            grades=[grading.Given(id, Decimal(each), feedback) for id, each in points.items()],
            at=at,
        )


async def submission_of(world: World, submission_id: int) -> Submission:
    async with world.edge.read() as db:
        return await db.get_one(Submission, submission_id)


async def answers_of(world: World, submission_id: int) -> dict[int, Answer]:
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Answer).where(Answer.submission_id == submission_id).order_by(Answer.question_id)
        )
        return {row.question_id: row for row in rows}


async def grades_of(world: World, submission_id: int) -> Sequence[Grade]:
    """Every grade there ever was, in the order they were given."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Grade).where(Grade.submission_id == submission_id).order_by(Grade.id)
        )
        return rows.all()


async def module_of(world: World, submission: Submission) -> AttemptModule:
    async with world.edge.read() as db:
        return await db.get_one(AttemptModule, (submission.attempt_id, submission.module_id))


def essay_of(content: Content) -> int:
    """The question a person has to look at."""
    [essay] = [each.id for each in questions_of(content) if each.kind is QuestionKind.ESSAY]
    return essay
