"""Submissions: what somebody hands in for a quiz or an assignment of an attempt (H2).

    IN_PROGRESS → SUBMITTED → GRADED

What is IN_PROGRESS is its maker's alone. The module of the attempt follows its submissions: it is
COMPLETED when one of them is passed, SUBMITTED while one waits to be graded, and FAILED when
none is left; else it can be tried again. The best that is graded is its score.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.grading import Answer, Submission, SubmissionState
from models.people import Member
from models.progress import Attempt, AttemptModule, AttemptState, ModuleState
from operations import visible
from operations.content import revisions
from operations.content.given import questions_of
from operations.content.marking import passes
from operations.content.questions import AssignmentContent, Content, Question, QuizContent
from operations.learning import attempts

Where = ColumnElement[bool]

OWN: Final = frozenset({Permission.VIEW_ANSWERS, Permission.TAKE_COURSE_TRACKED})
"""A token limited to other permissions shows nobody their own."""

PUT_ASIDE: Final = (AttemptState.RESET, AttemptState.ABANDONED)

IS_HANDED_IN: Final = Submission.state != SubmissionState.IN_PROGRESS
COUNTS: Final = ~exists().where(
    Attempt.id == Submission.attempt_id, Attempt.state.in_(PUT_ASIDE)
).correlate(Submission)
"""It belongs to no attempt that was reset or abandoned."""

WAITS: Final = and_(Submission.state == SubmissionState.SUBMITTED, COUNTS)
"""Somebody has to grade it."""


def seen_by(by: Caller) -> Select[Submission]:
    """One's own, handed in or not, and what was handed in on courses whose answers the caller may
    view."""
    wholly = _ids(visible.courses(by, Permission.VIEW_ANSWERS))
    arms: list[Where] = [and_(IS_HANDED_IN, Submission.course_id.in_(wholly))]
    if by.limited_to is None or by.limited_to & OWN:
        me = visible.members(by).where(Member.id == by.member_id).with_only_columns(Member.id)
        arms.append(Submission.member_id.in_(me))
    return select(Submission).where(Submission.workspace_id == by.workspace_id, or_(*arms))


def to_grade(by: Caller) -> Select[Submission]:
    """What waits to be graded on courses where the caller may grade."""
    may = _ids(visible.courses(by, Permission.GRADE_ANSWERS))
    return select(Submission).where(
        Submission.workspace_id == by.workspace_id, WAITS, Submission.course_id.in_(may)
    )


def _ids(rows: Select[Any]) -> Select[Any]:
    return rows.with_only_columns(Course.id)


@dataclass(frozen=True, slots=True)
class Work:
    """A submission, the module and attempt it belongs to, and what it answers; under the lock of
    the person's progress."""

    submission: Submission
    attempt: Attempt
    module: AttemptModule
    content: Content

    @property
    def questions(self) -> Sequence[Question]:
        return questions_of(self.content)


async def read(db: AsyncSession, submission: Submission) -> Work:
    """A submission as it is now, with all around it. The progress of its person is locked."""
    await db.refresh(submission)
    attempt = await db.get_one(Attempt, submission.attempt_id, populate_existing=True)
    module = await db.get_one(
        AttemptModule, (attempt.id, submission.module_id), populate_existing=True
    )
    return Work(submission, attempt, module, await content_of(db, module))


async def content_of(db: AsyncSession, module: AttemptModule) -> Content:
    """What a module says on the revision of its attempt."""
    revision = await revisions.published(
        db,
        workspace_id=module.workspace_id,
        module_id=module.module_id,
        number=module.revision,
    )
    return revisions.content_of(revision)


async def answers_of(db: AsyncSession, submission_id: int) -> Mapping[int, Answer]:
    """The answers of a submission, by question, as they are now."""
    rows = await db.scalars(
        select(Answer)
        .where(Answer.submission_id == submission_id)
        .execution_options(populate_existing=True)
    )
    return {row.question_id: row for row in rows}


def cap_of(content: Content) -> int | None:
    """How often one may submit within an attempt."""
    return content.submission_cap if isinstance(content, QuizContent) else None


def record_of(submission: Submission) -> dict[str, Any]:
    """What the journal says of a submission: no answers."""
    score = submission.score
    return {
        "submissionId": submission.id,
        "moduleId": submission.module_id,
        "number": submission.number,
        "state": submission.state,
        "score": None if score is None else str(score),
    }


def is_enough(content: Content, score: Decimal) -> bool:
    """Whether one passes with this score."""
    match content:
        case QuizContent() | AssignmentContent():
            return passes(score, content.points, content.pass_percent)
        case _:
            return True


def conclude(work: Work, points: Collection[Decimal | None], at: dt.datetime) -> None:
    """Add up the points of all questions; where one has none yet, the submission waits."""
    submission = work.submission
    submission.state = SubmissionState.SUBMITTED
    known = [each for each in points if each is not None]
    if len(known) == len(points):
        score = sum(known, Decimal(0))
        submission.state, submission.graded_at = SubmissionState.GRADED, at
        submission.score, submission.is_passed = score, is_enough(work.content, score)


async def settle(db: AsyncSession, *, by: Caller, work: Work, at: dt.datetime) -> None:
    """Let the module follow its submissions, and the attempt its modules."""
    await db.flush()
    rows = await db.scalars(
        select(Submission)
        .where(
            Submission.attempt_id == work.attempt.id,
            Submission.module_id == work.module.module_id,
        )
        .execution_options(populate_existing=True)
    )
    all = rows.all()
    module, before = work.module, work.module.state
    goes_on = work.attempt.state in attempts.OPEN and before is not ModuleState.FAILED
    module.state = followed(all, is_left=goes_on and _is_left(all, cap_of(work.content)))
    module.score = max((each.score for each in all if each.score is not None), default=None)
    if module.state is not before:
        is_finished = module.state in {ModuleState.COMPLETED, ModuleState.FAILED}
        module.finished_at = at if is_finished else None
    await attempts.settle(db, by=by, attempt=work.attempt, at=at)


def _is_left(all: Collection[Submission], cap: int | None) -> bool:
    """Whether one is open, or the cap leaves one."""
    is_open = any(each.state is SubmissionState.IN_PROGRESS for each in all)
    return is_open or cap is None or len(all) < cap


def followed(all: Collection[Submission], *, is_left: bool) -> ModuleState:
    """The state submissions make of their module; `is_left`: one may still be handed in."""
    if any(each.is_passed for each in all):
        return ModuleState.COMPLETED
    if any(each.state is SubmissionState.SUBMITTED for each in all):
        return ModuleState.SUBMITTED
    return ModuleState.IN_PROGRESS if is_left else ModuleState.FAILED
