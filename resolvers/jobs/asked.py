"""What was asked for, as it is kept with a job and read again by whoever does the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import strawberry
from pydantic import TypeAdapter

from models.jobs import Job, JobKind
from operations.audit import Filters
from operations.insights.cells import EVERYBODY, Narrow
from operations.jobs.asking import SAID
from operations.learning.listing_orders import LearnerOrder
from resolvers.learning.learner_search import LearnerFilter
from resolvers.member_search import MemberOrder, Narrowing

T = TypeVar("T")


@dataclass(frozen=True)
class LearnersAsked:
    """The people on a course, as `listLearners` takes it."""

    course_id: strawberry.ID
    group_id: strawberry.ID | None = None
    search: str | None = None
    filter: LearnerFilter | None = None
    order_by: LearnerOrder = LearnerOrder.NAME
    descending: bool = False


@dataclass(frozen=True)
class QuizAsked:
    """A quiz of a course, and of whom."""

    course_id: int
    module_id: int
    to: Narrow = EVERYBODY


@dataclass(frozen=True)
class MembersAsked:
    """People of the workspace, as `listAllMembers` takes it."""

    to: Narrowing
    order_by: MemberOrder = MemberOrder.NAME


@dataclass(frozen=True)
class AuditAsked:
    """Entries of the journal, up to the one that was the last when they were asked for."""

    filters: Filters
    up_to: int


_KEPT: Final[Mapping[JobKind, Any]] = {
    JobKind.QUIZ_INSIGHTS: TypeAdapter(QuizAsked),
    JobKind.LEARNERS: TypeAdapter(LearnersAsked),
    JobKind.MEMBERS: TypeAdapter(MembersAsked),
    JobKind.AUDIT: TypeAdapter(AuditAsked),
}


def said(kind: JobKind, asked: object) -> dict[str, Any]:
    """As JSON, without what does not narrow."""
    kept: dict[str, Any] = _KEPT[kind].dump_python(
        asked, mode="json", exclude_none=True, exclude_defaults=True
    )
    return kept


def asked_in(job: Job, what: type[T]) -> T:
    """What a job is about."""
    found = _KEPT[job.kind].validate_python(job.parameters[SAID])
    if not isinstance(found, what):
        raise TypeError(f"A job of {job.kind} asks for {type(found)}.")
    return found
