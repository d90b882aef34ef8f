"""Attempts at courses, the modules they consist of, and how one stands oneself."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import progress as stored
from models.catalog import ModuleKind
from models.progress import (
    AttemptOrigin,
    AttemptState,
    ModuleState,
    ProgressState,
    RoleAtStart,
)
from operations.refusals import Code
from resolvers.learning import attempts as answers
from schema.content import ModuleContent
from schema.member import Member
from schema.module import Module
from schema.node import Node
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, column, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course

SEES = any_of(Permission.LIST_LEARNERS).or_self().by_rows()


@guarded_type(
    requires=SEES,
    description="One module of an attempt, on the revision it began with.",
    rows=answers.TakenModule,
)
class AttemptModule:
    title: str
    kind: ModuleKind
    revision: int = column(
        "revision", requires=SIGNED_IN, description="The number of the revision it is on."
    )
    state: ModuleState
    opened_at: dt.datetime | None
    finished_at: dt.datetime | None
    submissions: int = column(
        "submissions", requires=SIGNED_IN, description="How often it was handed in."
    )
    score: Decimal | None = column(
        "score", requires=SIGNED_IN, description="The best that was graded."
    )
    max_score: Decimal | None
    module: Module | None = resolved_by(
        answers.module, requires=SIGNED_IN, description="The module as it is now."
    )
    content: ModuleContent | None = resolved_by(
        answers.content,
        requires=any_of(Permission.TAKE_COURSE_TRACKED).by_rows(),
        description="What it says to whoever takes it, for that person alone; null until it was"
        " opened, which `takeCourseTracked` does.",
    )


@guarded_type(
    requires=SEES,
    description="One pass of one person through one course.",
    rows=stored.Attempt,
)
class Attempt(Node):
    number: int = column(
        "number", requires=SIGNED_IN, description="Counts up from 1, and is never used again."
    )
    state: AttemptState
    origin: AttemptOrigin
    role: RoleAtStart
    due_at: dt.datetime | None = column(
        "due_at", requires=SIGNED_IN, description="The due date that was valid when it began."
    )
    created_at: dt.datetime
    started_at: dt.datetime | None
    submitted_at: dt.datetime | None
    ended_at: dt.datetime | None
    reason: str | None = column(
        "reason", requires=SIGNED_IN, description="Why somebody else ended it."
    )
    score: Decimal | None
    max_score: Decimal | None
    percent: Decimal | None = resolved_by(
        answers.percent, requires=SIGNED_IN, description="The score, of what was to be reached."
    )
    modules: Connection[AttemptModule] | None = resolved_by(
        answers.modules,
        requires=SIGNED_IN,
        description="What the course consisted of when it began, in order.",
    )
    member: Member | None = resolved_by(answers.member, requires=SIGNED_IN, description="Whose.")
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        answers.course, requires=SIGNED_IN, description="Of what."
    )
    ended_by: Member | None = resolved_by(
        answers.ended_by,
        requires=SIGNED_IN,
        description="Who ended it, where that was not the person.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="How one stands oneself on a course.",
    rows=answers.OwnProgress,
)
class OwnProgress:
    is_learner: bool
    state: ProgressState
    percent: Decimal | None = column(
        "percent", requires=SIGNED_IN, description="By the score policy of the course."
    )
    completed_at: dt.datetime | None
    due_at: dt.datetime | None = column(
        "due_at",
        requires=SIGNED_IN,
        description="One's own date, else the latest of one's groups', else the course's.",
    )
    attempts: int = column("attempts", requires=SIGNED_IN, description="How many there ever were.")
    retakes_made: int = column(
        "retakes_made", requires=SIGNED_IN, description="Further attempts, since the last reset."
    )
    retakes_left: int | None = column(
        "retakes_left", requires=SIGNED_IN, description="Null: as many as one likes."
    )
    may_begin: bool = column(
        "may_begin",
        requires=SIGNED_IN,
        description="Whether none is open and another may begin now.",
    )
    obstacle: Code | None = column(
        "obstacle", requires=SIGNED_IN, description="Why no other could begin."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about attempts.")
class AttemptQuery:
    attempts: Connection[Attempt] | None = resolved_by(
        answers.attempts,
        requires=SEES,
        description="The attempts at a course, one's own and those of the people one may list,"
        " by person and number. Without staff: those begun as a learner.",
    )
