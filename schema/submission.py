"""What was handed in for quizzes and assignments, and how it was graded."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import grading as stored
from models.grading import SubmissionState
from resolvers.learning import answers as answered
from resolvers.learning import submissions as handed_in
from schema.content import Question
from schema.member import Member
from schema.module import Module
from schema.node import Node
from schema.paging import Connection
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course

VIEWS = any_of(Permission.VIEW_ANSWERS).or_self()


@guarded_type(
    requires=VIEWS,
    description="What a right answer is: the part of the question's kind.",
    rows=answered.AnswerKey,
)
class AnswerKey:
    choices: list[int] | None
    is_true: bool | None
    texts: list[str] | None
    number: Decimal | None
    tolerance: Decimal | None


@guarded_type(
    requires=VIEWS,
    description="One grade of one answer; none is ever changed.",
    rows=answered.GradeView,
)
class Grade:
    points: Decimal
    feedback: str | None
    graded_at: dt.datetime
    graded_by: Member | None = resolved_by(
        answered.graded_by,
        requires=VIEWS,
        description="Who graded it; null where it graded itself.",
    )


@guarded_type(
    requires=VIEWS,
    description="A question of a submission, and what was answered: the part of its kind.",
    rows=answered.AnswerView,
)
class Answer:
    question: Question | None
    is_answered: bool
    choices: list[int] | None
    is_true: bool | None
    text: str | None
    number: Decimal | None
    answered_at: dt.datetime | None
    points: Decimal | None = column(
        "points", requires=INHERITED, description="Null until it is graded."
    )
    is_correct: bool | None = column(
        "is_correct",
        requires=INHERITED,
        description="Null until it is graded, and where no answer is the right one.",
    )
    feedback: str | None
    key: AnswerKey | None = column(
        "key",
        requires=INHERITED,
        description="The right answer: for those who may view everybody's answers, and for"
        " whoever answered as far as the quiz shows it.",
    )
    grades: list[Grade] | None = resolved_by(
        answered.grades,
        requires=VIEWS,
        description="Every grade it was given, the one in force first.",
    )


@guarded_type(
    requires=VIEWS,
    description="One go at a quiz or an assignment. Others see it once it is handed in.",
    rows=stored.Submission,
)
class Submission(Node):
    number: int = column(
        "number", requires=INHERITED, description="From 1, in each attempt and module."
    )
    state: SubmissionState
    version: int = column(
        "version",
        requires=INHERITED,
        description="Grows with every grading; `gradeAnswers` wants it as `atVersion`.",
    )
    started_at: dt.datetime
    submitted_at: dt.datetime | None
    graded_at: dt.datetime | None
    score: Decimal | None
    max_score: Decimal
    percent: Decimal | None = resolved_by(
        handed_in.percent, requires=VIEWS, description="The share of the points reached."
    )
    is_passed: bool | None
    member: Member | None = resolved_by(
        handed_in.member, requires=VIEWS, description="Whose it is."
    )
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        handed_in.course, requires=VIEWS, description="The course, as far as one may see it."
    )
    module: Module | None = resolved_by(
        handed_in.module, requires=VIEWS, description="The module, as far as one may see it."
    )
    answers: list[Answer] | None = resolved_by(
        answered.answers,
        requires=VIEWS,
        description="Every question in order, answered or not; an assignment is question 0.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about submissions.")
class SubmissionQuery:
    submission: Submission | None = resolved_by(
        handed_in.submission,
        requires=VIEWS.by_rows(),
        description="One submission: one's own, or one that was handed in where one may view it.",
    )
    submissions_to_grade: Connection[Submission] | None = resolved_by(
        handed_in.submissions_to_grade,
        requires=any_of(Permission.GRADE_ANSWERS).by_rows(),
        description="What waits to be graded wherever one may grade, oldest first.",
    )
