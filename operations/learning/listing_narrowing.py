"""What the list of the people on a course can be narrowed to."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Exists, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from models.catalog import Course
from models.certificates import Certificate, CertificateState
from models.coordinators import CourseRole
from models.enrolments import Enrolment, EnrolmentSource
from models.people import Member, MemberState
from models.progress import Progress, ProgressState
from models.views import course_coordinator
from operations.learning.due_dates import EFFECTIVE

Where = ColumnElement[bool]

NOTHING_LEFT_TO_DO: Final = (ProgressState.SUBMITTED, ProgressState.COMPLETED)


class LearnerKind(StrEnum):
    """LEARNER: learns here now, whatever else. STAFF: has taken the course as its instructor or
    coordinator. FORMER: neither any more; what they did is kept (M2)."""

    LEARNER = "LEARNER"
    STAFF = "STAFF"
    FORMER = "FORMER"


class CertificateStanding(StrEnum):
    """What became of the newest certificate of a person on a course."""

    NONE = "NONE"
    ISSUED = "ISSUED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a list is narrowed to. None of something does not narrow; an empty tuple leaves nobody.

    `text` is lower-case and has its wildcards escaped with "/"; `in_addresses` looks for it in
    addresses and user names too.
    """

    kinds: tuple[LearnerKind, ...] = (LearnerKind.LEARNER,)
    text: str | None = None
    in_addresses: bool = False
    states: tuple[ProgressState, ...] | None = None
    is_overdue: bool | None = None
    sources: tuple[EnrolmentSource, ...] | None = None
    certificates: tuple[CertificateStanding, ...] | None = None
    due_before: dt.datetime | None = None
    due_since: dt.datetime | None = None
    member_states: tuple[MemberState, ...] | None = None

    @property
    def without_states(self) -> "Narrowing":
        """The same list, wherever people stand."""
        return replace(self, states=None, is_overdue=None)

    def holds(self, state: ProgressState, is_overdue: bool) -> bool:
        """Whether somebody who stands there, and is on that list, is on this one."""
        is_meant = self.states is None or state in self.states
        return is_meant and self.is_overdue in {None, is_overdue}


def is_overdue(of: Any) -> Where:
    """Whether somebody's time is over and something is left for them to do, for rows of Progress
    beside their Course."""
    due_at = func.coalesce(of.own_due_at, Course.due_at)
    return and_(func.coalesce(due_at < func.now(), False), of.state.not_in(NOTHING_LEFT_TO_DO))


def is_staff(of: Any = Progress) -> Where:
    """Whether the person of the row is instructor or effective coordinator of the course."""
    by_hand = exists().where(
        CourseRole.course_id == of.course_id, CourseRole.member_id == of.member_id
    )
    view = course_coordinator
    effective = exists().where(view.c.course_id == of.course_id, view.c.member_id == of.member_id)
    return or_(by_hand.correlate(of), effective.correlate(of))


def kind_of(of: Any) -> ColumnElement[str]:
    """What the person of the row is on the course."""
    return case(
        (of.is_learner, LearnerKind.LEARNER.value),
        (is_staff(of), LearnerKind.STAFF.value),
        else_=LearnerKind.FORMER.value,
    )


def narrowed(workspace_id: int, to: Narrowing) -> list[Where]:
    """For rows of Progress beside their Course; who is deleted is left out elsewhere."""
    return [
        *_by_person(workspace_id, to),
        or_(false(), *_by_kind(to.kinds)),
        *_by_progress(to),
        *_by_enrolment(to),
        *_by_certificate(to),
    ]


def is_there(workspace_id: int) -> Where:
    """Whether the person of the row is not deleted. The others are few: they are looked up instead
    of everybody else."""
    gone = select(Member.id).where(
        Member.workspace_id == workspace_id, Member.deleted_at.is_not(None)
    )
    return Progress.member_id.not_in(gone)


def _by_person(workspace_id: int, to: Narrowing) -> Iterator[Where]:
    people = select(Member.id).where(Member.workspace_id == workspace_id)
    if to.text is not None:
        columns: list[InstrumentedAttribute[Any]] = [Member.display_name]
        columns += [Member.user_name, Member.email] if to.in_addresses else []
        found = (func.lower(each).like(f"%{to.text}%", escape="/") for each in columns)
        yield Progress.member_id.in_(people.where(or_(*found)))
    if to.member_states is not None:
        yield Progress.member_id.in_(people.where(Member.state.in_(to.member_states)))


def _by_kind(kinds: Collection[LearnerKind]) -> Iterator[Where]:
    """Alternatives. Who is staff is looked up only where that tells who is meant."""
    if LearnerKind.LEARNER in kinds:
        yield Progress.is_learner.expression
    match LearnerKind.STAFF in kinds, LearnerKind.FORMER in kinds:
        case True, True:
            yield ~Progress.is_learner
        case True, False:
            yield and_(~Progress.is_learner, is_staff())
        case False, True:
            yield and_(~Progress.is_learner, ~is_staff())


def _by_progress(to: Narrowing) -> Iterator[Where]:
    due_at = EFFECTIVE
    if to.states is not None:
        yield Progress.state.in_(to.states)
    if to.is_overdue is not None:
        overdue = is_overdue(Progress)
        yield overdue if to.is_overdue else ~overdue
    if to.due_before is not None:
        yield due_at < to.due_before
    if to.due_since is not None:
        yield due_at >= to.due_since


def is_in(group_id: Any) -> Where:
    """Whether the person of the row learns in this group of the course."""
    return _live().where(Enrolment.group_id == group_id).correlate_except(Enrolment)


def _by_enrolment(to: Narrowing) -> Iterator[Where]:
    if to.sources is not None:
        yield _live().where(Enrolment.source.in_(to.sources)).correlate(Progress)


def _live() -> Exists:
    return exists().where(
        Enrolment.course_id == Progress.course_id,
        Enrolment.member_id == Progress.member_id,
        Enrolment.ended_at.is_(None),
    )


def _by_certificate(to: Narrowing) -> Iterator[Where]:
    if to.certificates is None:
        return
    standing = (
        select(
            case(
                (
                    and_(
                        Certificate.state == CertificateState.ISSUED,
                        func.coalesce(Certificate.expires_at <= func.now(), False),
                    ),
                    CertificateStanding.EXPIRED.value,
                ),
                else_=func.concat(Certificate.state),
            )
        )
        .where(
            Certificate.course_id == Progress.course_id,
            Certificate.member_id == Progress.member_id,
        )
        .order_by(Certificate.id.desc())
        .limit(1)
        .correlate(Progress)
        .scalar_subquery()
    )
    wanted = [each.value for each in to.certificates]
    yield func.coalesce(standing, CertificateStanding.NONE.value).in_(wanted)
