"""What is in a submission: each question, what was answered, the right answer, the grades."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Scope
from models.content import ModuleRevision
from models.grading import Answer, Grade, Submission, SubmissionState
from models.people import Member
from models.progress import AttemptModule
from operations.content import given
from operations.content.given import Chosen, Counted, Given, Judged, Written, questions_of
from operations.content.questions import (
    AcceptedNumber,
    AcceptedTexts,
    Content,
    CorrectChoices,
    Key,
    KeyShown,
    Question,
    QuizContent,
    Truth,
    parsed,
    without_key,
)
from resolvers.content.views import QuestionView
from resolvers.context import Context
from resolvers.learning.submissions import of_person
from resolvers.reading_ahead import asking_of_row
from resolvers.references import Reference, refer
from resolvers.rows import members_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What a right answer is."""

    course_id: int
    member_id: int
    key: Key

    @property
    def choices(self) -> list[int] | None:
        return sorted(self.key.ids) if isinstance(self.key, CorrectChoices) else None

    @property
    def is_true(self) -> bool | None:
        return self.key.is_true if isinstance(self.key, Truth) else None

    @property
    def texts(self) -> list[str] | None:
        return list(self.key.texts) if isinstance(self.key, AcceptedTexts) else None

    @property
    def number(self) -> Decimal | None:
        return self.key.number if isinstance(self.key, AcceptedNumber) else None

    @property
    def tolerance(self) -> Decimal | None:
        return self.key.tolerance if isinstance(self.key, AcceptedNumber) else None


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One question of a submission, and what was answered; `key` is there where it is shown."""

    submission: Submission
    asked: Question
    answer: Answer | None
    key: AnswerKey | None

    @property
    def course_id(self) -> int:
        return self.submission.course_id

    @property
    def member_id(self) -> int:
        return self.submission.member_id

    @property
    def question(self) -> QuestionView:
        return QuestionView(self.submission.module_id, without_key(self.asked))

    @property
    def answered_at(self) -> dt.datetime | None:
        return self.answer.answered_at if self.answer and self.is_answered else None

    @property
    def points(self) -> Decimal | None:
        return self.answer.points if self.answer else None

    @property
    def is_correct(self) -> bool | None:
        return self.answer.is_correct if self.answer else None

    @property
    def feedback(self) -> str | None:
        return self.answer.feedback if self.answer else None

    @property
    def given(self) -> Given | None:
        return given.parsed(self.answer.given) if self.answer else None

    @property
    def is_answered(self) -> bool:
        return self.given is not None

    @property
    def choices(self) -> list[int] | None:
        return sorted(self.given.ids) if isinstance(self.given, Chosen) else None

    @property
    def is_true(self) -> bool | None:
        return self.given.is_true if isinstance(self.given, Judged) else None

    @property
    def text(self) -> str | None:
        return self.given.text if isinstance(self.given, Written) else None

    @property
    def number(self) -> Decimal | None:
        return self.given.number if isinstance(self.given, Counted) else None


@dataclass(frozen=True, slots=True)
class GradeView:
    """One grade of an answer."""

    course_id: int
    member_id: int
    grade: Grade

    @property
    def points(self) -> Decimal:
        return self.grade.points

    @property
    def feedback(self) -> str | None:
        return self.grade.feedback

    @property
    def graded_at(self) -> dt.datetime:
        return self.grade.graded_at


for _kind in (AnswerView, AnswerKey, GradeView):
    refer(_kind, of_person)


@asking_of_row
async def answers(root: Parent, info: Info) -> list[AnswerView]:
    """Every question in order, answered or not."""
    row: Submission = root
    context = info.context
    content = await context.load(contents, (row.attempt_id, row.module_id))
    found = await context.load(answers_by_submission, row.id)
    await context.prepare([Reference(Scope.COURSE, row.course_id)])
    shown = _is_key_shown(context, row, content)
    return [
        _view(row, each, found.get(each.id), is_key_shown=shown) for each in questions_of(content)
    ]


def _view(
    row: Submission, question: Question, answer: Answer | None, *, is_key_shown: bool
) -> AnswerView:
    key = None
    if is_key_shown and question.key is not None:
        key = AnswerKey(row.course_id, row.member_id, question.key)
    return AnswerView(row, question, answer, key)


def _is_key_shown(context: Context, row: Submission, content: Content) -> bool:
    """To whoever may view everybody's answers; to whoever answered, as the quiz says. Never before
    it is handed in."""
    if row.state is SubmissionState.IN_PROGRESS:
        return False
    decision = context.rights.decide(Permission.VIEW_ANSWERS, Scope.COURSE, row.course_id)
    if decision.allowed:
        return True
    match content.shows_key if isinstance(content, QuizContent) else KeyShown.NEVER:
        case KeyShown.AFTER_SUBMISSION:
            return True
        case KeyShown.AFTER_PASSING:
            return bool(row.is_passed)
        case KeyShown.NEVER:
            return False


async def grades(root: Parent, info: Info) -> list[GradeView]:
    """Every grade the answer was given, the one in force first."""
    view: AnswerView = root
    found = await info.context.load(grades_by_answer, (view.submission.id, view.asked.id))
    return [GradeView(view.course_id, view.member_id, each) for each in found]


async def graded_by(root: Parent, info: Info) -> Member | None:
    view: GradeView = root
    if view.grade.graded_by_id is None:
        return None
    return await info.context.load(members_by_id, view.grade.graded_by_id)


async def contents(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[Content]:
    """What modules say on the revisions of attempts."""
    rows = await db.execute(
        select(AttemptModule.attempt_id, AttemptModule.module_id, ModuleRevision)
        .join(
            ModuleRevision,
            (ModuleRevision.module_id == AttemptModule.module_id)
            & (ModuleRevision.number == AttemptModule.revision),
        )
        .where(
            AttemptModule.workspace_id == context.signed_in.workspace_id,
            tuple_(AttemptModule.attempt_id, AttemptModule.module_id).in_(keys),
        )
    )
    read: dict[int, Content] = {}
    found: dict[tuple[int, int], Content] = {}
    for attempt_id, module_id, revision in rows:
        if revision.id not in read:
            read[revision.id] = parsed(revision.content)
        found[attempt_id, module_id] = read[revision.id]
    return [found[key] for key in keys]


async def answers_by_submission(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[dict[int, Answer]]:
    """The answers of submissions, by question."""
    found: dict[int, dict[int, Answer]] = {id: {} for id in ids}
    rows = await db.scalars(
        select(Answer).where(
            Answer.workspace_id == context.signed_in.workspace_id, Answer.submission_id.in_(ids)
        )
    )
    for row in rows:
        found[row.submission_id][row.question_id] = row
    return [found[id] for id in ids]


async def grades_by_answer(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[list[Grade]]:
    """All grades of answers, newest first."""
    found: dict[tuple[int, int], list[Grade]] = {key: [] for key in keys}
    rows = await db.scalars(
        select(Grade)
        .where(
            Grade.workspace_id == context.signed_in.workspace_id,
            Grade.submission_id.in_({id for id, _ in keys}),
        )
        .order_by(Grade.id.desc())
    )
    for row in rows:
        found.get((row.submission_id, row.question_id), []).append(row)
    return [found[key] for key in keys]
