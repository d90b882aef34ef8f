"""Mutations of submissions: taking quizzes and assignments, and grading them."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.grading import Submission
from operations.content.given import Said
from operations.learning import grading, quizzes
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.learning.submissions import visible_submissions_by_id

Info = strawberry.Info[Context, None]


@dataclass
class AnswerToSave:
    """An answer to one question."""

    question: int
    choices: list[int] | None = None
    is_true: bool | None = None
    text: str | None = None
    number: str | None = None


@dataclass
class GradeToGive:
    """Points and feedback for one answer."""

    question: int
    points: Decimal
    feedback: str | None = None


async def start_submission(
    info: Info,
    *,
    course_id: strawberry.ID,
    module_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, module = number_of(course_id, "Course"), number_of(module_id, "Module")
        started = await quizzes.start(db, by=caller, course_id=course, module_id=module, at=_now())
        return {"submission_id": started.id}

    return await answer(info, operation)


async def save_answers(
    info: Info,
    *,
    submission_id: strawberry.ID,
    answers: list[AnswerToSave],
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(submission_id, "Submission")
        said = [
            Said(each.question, each.choices, each.is_true, each.text, each.number)
            for each in answers
        ]
        await quizzes.save(db, by=caller, submission_id=number, answers=said, at=_now())
        return {"submission_id": number}

    return await answer(info, operation)


async def submit_answers(
    info: Info,
    *,
    submission_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(submission_id, "Submission")
        await quizzes.submit(db, by=caller, submission_id=number, at=_now())
        return {"submission_id": number}

    return await answer(info, operation)


async def grade_answers(
    info: Info,
    *,
    submission_id: strawberry.ID,
    at_version: int,
    grades: list[GradeToGive],
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(submission_id, "Submission")
        given = [grading.Given(each.question, each.points, each.feedback) for each in grades]
        await grading.grade(
            db, by=caller, submission_id=number, at_version=at_version, grades=given, at=_now()
        )
        return {"submission_id": number}

    return await answer(info, operation)


async def submission(root: strawberry.Parent[Answer], info: Info) -> Submission | None:
    """The submission an answer speaks of, as far as one may see it."""
    if root.submission_id is None:
        return None
    return await info.context.load(visible_submissions_by_id, root.submission_id)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
