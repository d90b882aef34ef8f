"""Grading what was handed in: by hand, and again, with everything that was said before kept (H3).

Whoever grades says at which version they have read the submission, so that two graders notice
each other. A grade of an attempt that has ended can pass or fail it after all; certificates stay
as they are, and somebody who may removes or generates one. Of attempts that were reset or
abandoned grades are kept like others, and change nothing else.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.grading import Submission
from models.journal import cause_of, record
from operations.content.problems import (
    POINT_DECIMALS,
    QUESTIONS,
    TEXT_LENGTH,
    Path,
    Problem,
    ProblemKind,
)
from operations.content.questions import Question, number_printed
from operations.learning import progress as progresses
from operations.learning import self_action, submissions
from operations.learning.quizzes import invalid
from operations.learning.submissions import Work
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from sync_engine.rules.values import is_storable

GRADE: Final = text("""
WITH given AS (
SELECT question, points, feedback, of, has_key
  FROM jsonb_to_recordset(CAST(:grades AS jsonb))
       AS said (question integer, points numeric, feedback text, of numeric, has_key boolean)
), graded AS (
UPDATE answer a SET points = g.points, feedback = g.feedback,
       is_correct = CASE WHEN NOT g.has_key THEN NULL
                         WHEN g.of = 0 THEN a.is_correct ELSE g.points = g.of END
  FROM given g WHERE a.submission_id = :id AND a.question_id = g.question
RETURNING a.question_id, a.points, a.feedback
)
INSERT INTO grade (workspace_id, submission_id, question_id, points, feedback, graded_at,
                   graded_by_id, cause)
SELECT :workspace_id, :id, question_id, points, feedback, :at, CAST(:by_id AS bigint), :cause
  FROM graded ORDER BY question_id
""")


@dataclass(frozen=True, slots=True)
class Given:
    """What a grader says of one answer: points and feedback together, in the place of those
    before."""

    question_id: int
    points: Decimal
    feedback: str | None = None


async def grade(
    db: AsyncSession,
    *,
    by: Caller,
    submission_id: int,
    at_version: int,
    grades: Sequence[Given],
    at: dt.datetime,
) -> Submission:
    """Give points and feedback for answers that were handed in, whoever graded them before.

    Raises CONFLICT when the submission was graded since `at_version`, INVALID_ANSWERS with every
    problem, and SELF_ACTION for one's own.
    """
    found: Submission | None = await db.scalar(
        submissions.seen_by(by).where(submissions.IS_HANDED_IN, Submission.id == submission_id)
    )
    if found is None:
        raise not_found("submission")
    await progresses.lock_existing(
        db,
        workspace_id=by.workspace_id,
        course_id=found.course_id,
        member_ids=[found.member_id],
    )
    await require(db, by, Permission.GRADE_ANSWERS, course_id=found.course_id)
    await self_action.refuse(db, by=by, member_ids=[found.member_id])
    work = await submissions.read(db, found)
    _refuse_stale(work.submission, at_version)
    if problems := list(_problems(grades, work.questions)):
        raise invalid(problems)
    before = submissions.record_of(work.submission)
    await _give(db, by, work, grades, at)
    answers = await submissions.answers_of(db, submission_id)
    work.submission.version += 1
    submissions.conclude(work, [each.points for each in answers.values()], at)
    record(
        db,
        by=by,
        verb="submission.graded",
        course_id=found.course_id,
        member_id=found.member_id,
        before=before,
        after={
            **submissions.record_of(work.submission),
            "questions": sorted(each.question_id for each in grades),
        },
    )
    await submissions.settle(db, by=by, work=work, at=at)
    return work.submission


async def _give(
    db: AsyncSession, by: Caller, work: Work, grades: Sequence[Given], at: dt.datetime
) -> None:
    asked = {each.id: each for each in work.questions}
    said = [
        {
            "question": each.question_id,
            "points": number_printed(each.points),
            "feedback": each.feedback or None,
            "of": number_printed(asked[each.question_id].points),
            "has_key": asked[each.question_id].key is not None,
        }
        for each in grades
    ]
    await db.execute(
        GRADE,
        {
            "grades": orjson.dumps(said).decode(),
            "id": work.submission.id,
            "workspace_id": by.workspace_id,
            "at": at,
            "by_id": by.member_id,
            "cause": cause_of(db),
        },
    )


def _refuse_stale(submission: Submission, at_version: int) -> None:
    if submission.version != at_version:
        raise Refused(
            Code.CONFLICT,
            f"The submission is at version {submission.version}, and you have read {at_version}:"
            " somebody has graded it since. Read it again, and grade what is still to be.",
            {"argument": "atVersion", "version": submission.version},
        )


def _problems(grades: Sequence[Given], questions: Sequence[Question]) -> Iterator[Problem]:
    if not 1 <= len(grades) <= QUESTIONS:
        message = f"One call grades 1 to {QUESTIONS} answers; here are {len(grades)}."
        kind = ProblemKind.TOO_MANY if grades else ProblemKind.TOO_FEW
        yield Problem(kind, ("grades",), message, QUESTIONS if grades else 1, len(grades))
    asked = {each.id: each for each in questions}
    seen: set[int] = set()
    for place, each in enumerate(grades[:QUESTIONS]):
        path = ("grades", place)
        question = asked.get(each.question_id)
        if question is None:
            message = f"There is no question {each.question_id} here."
            yield Problem(ProblemKind.UNKNOWN_ID, (*path, "question"), message)
        else:
            yield from _about(each, question, path)
        if each.question_id in seen:
            message = f"Question {each.question_id} is graded twice."
            yield Problem(ProblemKind.DUPLICATE, (*path, "question"), message)
        seen.add(each.question_id)


def _about(given: Given, question: Question, path: Path) -> Iterator[Problem]:
    if not _is_possible(given.points, question.points):
        yield Problem(
            ProblemKind.OUT_OF_RANGE,
            (*path, "points"),
            f"Question {question.id} gives 0 to {number_printed(question.points)} points, with at"
            f" most {POINT_DECIMALS} decimals.",
        )
    feedback = given.feedback or ""
    if len(feedback) > TEXT_LENGTH:
        message = f"This has {len(feedback)} characters; at most {TEXT_LENGTH} are kept."
        where = (*path, "feedback")
        yield Problem(ProblemKind.TOO_LONG, where, message, TEXT_LENGTH, len(feedback))
    elif not is_storable(feedback):
        message = "It holds a NUL or half a surrogate pair, which is no character; remove it."
        yield Problem(ProblemKind.BAD_CHARACTER, (*path, "feedback"), message)


def _is_possible(points: Decimal, most: Decimal) -> bool:
    return points.is_finite() and 0 <= points <= most and points == round(points, POINT_DECIMALS)
