"""Learners: who they are on a course, how far, until when, and what can be done about them."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models.progress import DueDateOf, ProgressState
from operations.learning import listing, listing_actions
from operations.learning.listing_actions import ActionObstacle
from operations.learning.listing_narrowing import LearnerKind
from resolvers.certificates import reading as certificates
from resolvers.learning import due_dates, learner_search, learners
from schema.due_date import DueDateChange
from schema.enrolment import Enrolment
from schema.member import Member
from schema.paging import Connection
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.attempt import Attempt
    from schema.certificate import Certificate
    from schema.course import Course

LISTS = Permission.LIST_LEARNERS

strawberry.input(
    learner_search.LearnerFilter,
    name="LearnerFilter",
    description="What a list of learners is narrowed to. Without `kinds`, those who learn now. "
    "Narrowing by `memberState` needs the right to see it.",
)


@guarded_type(
    requires=SIGNED_IN,
    description="Whether something can be done about a person on a course now, and why not.",
    rows=listing_actions.Action,
)
class LearnerAction:
    operation: Permission
    is_allowed: bool
    obstacle: ActionObstacle | None = column(
        "obstacle", requires=SIGNED_IN, description="What stands in the way, for programs."
    )
    reason: str = column("reason", requires=SIGNED_IN, description="The same, for people.")
    group_id: strawberry.ID | None = resolved_by(
        learners.action_group_id,
        requires=SIGNED_IN,
        description="The `groupId` the call has to name: without it, it would end nothing.",
    )


@guarded_type(
    requires=LISTS,
    description="One person on one course: learning there, its staff that took it, or no longer "
    "there. Course and member are what it is known by.",
    rows=listing.Learner,
)
class Learner:
    member: Member | None = column("member", requires=LISTS, description="Who.")
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        learners.course, requires=LISTS, description="On which course."
    )
    kind: LearnerKind
    state: ProgressState
    percent: Decimal | None = column(
        "percent",
        requires=INHERITED,
        description="The score, of the attempts that count, by the course's score policy.",
    )
    due_at: dt.datetime | None = column(
        "due_at",
        requires=INHERITED,
        description="Until when: a date of one's own, else the latest of the groups', else the "
        "course's.",
    )
    due_from: DueDateOf | None = column(
        "due_of", requires=INHERITED, description="Whose date that is."
    )
    is_overdue: bool = column(
        "is_overdue",
        requires=INHERITED,
        description="The time is over, and something is left for them to do: nothing is while "
        "what was submitted waits, or once the course is completed.",
    )
    attempts_count: int = column(
        "attempts", requires=INHERITED, description="How many attempts there ever were."
    )
    since: dt.datetime = column(
        "since", requires=INHERITED, description="When they first came to the course."
    )
    completed_at: dt.datetime | None
    last_activity_at: dt.datetime | None
    open_attempt: Annotated["Attempt", strawberry.lazy("schema.attempt")] | None = column(
        "open_attempt", requires=LISTS, description="The attempt that is not over, if one is."
    )
    certificate: Annotated["Certificate", strawberry.lazy("schema.certificate")] | None = column(
        "certificate",
        requires=LISTS,
        description="The newest certificate, whatever became of it.",
    )
    certificates: list[Annotated["Certificate", strawberry.lazy("schema.certificate")]] | None = (
        resolved_by(
            certificates.of_learner,
            requires=LISTS,
            description="The certificates there ever were, newest first; at most 50.",
        )
    )
    enrolments: list[Enrolment] | None = resolved_by(
        learners.enrolments,
        requires=LISTS,
        description="Why they learn here. Who may see them for a group of one's own, sees that.",
    )
    due_date_changes: list[DueDateChange] | None = resolved_by(
        due_dates.of_learner,
        requires=any_of(Permission.UPDATE_DUE_DATE).or_self(),
        description="How their own due date was changed, newest first.",
    )
    allowed_actions: list[LearnerAction] | None = resolved_by(
        learners.allowed_actions,
        requires=LISTS,
        description="Everything that can be done about them, whether possible now or not.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="How many of a list stand where, whatever states it is narrowed to.",
    rows=learners.LearnerCounts,
)
class LearnerCounts:
    total: int
    not_started: int
    in_progress: int
    submitted: int
    completed: int
    failed: int
    overdue: int


@guarded_type(requires=SIGNED_IN, description="A page of learners, in a stable order.")
class LearnerConnection(Connection[Learner]):
    counts: LearnerCounts = resolved_by(
        learners.counts, requires=SIGNED_IN, description="How many of the list stand where."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about learners.")
class LearnerQuery:
    list_learners: LearnerConnection | None = resolved_by(
        learners.list_learners,
        requires=any_of(LISTS).by_rows(),
        description="The people on a course, or in one of its groups, as far as one may list them.",
    )
    learner: Learner | None = resolved_by(
        learners.learner,
        requires=any_of(LISTS).by_rows(),
        description="One person on a course, whatever they are there, or were.",
    )
