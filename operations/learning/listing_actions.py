"""What can be done about a person on a course, and why what cannot, cannot (M34).

Everything is decided from what the row of the list was read with, and from the rights on the
course, so a page costs no statement more. Each answer is what the operation itself would say.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from access.permissions import Decision, Permission
from models.certificates import Certificate, CertificateState
from models.people import MemberState
from models.progress import ProgressState


class ActionObstacle(StrEnum):
    """Why somebody cannot do a thing about a person on a course now."""

    PERMISSION_DENIED = "PERMISSION_DENIED"
    SELF_ACTION = "SELF_ACTION"
    DEACTIVATED = "DEACTIVATED"
    ALREADY_ASSIGNED = "ALREADY_ASSIGNED"
    CONFLICT = "CONFLICT"
    NOT_LEARNER = "NOT_LEARNER"
    COURSE_NOT_ACTIVE = "COURSE_NOT_ACTIVE"
    ALREADY_COMPLETED = "ALREADY_COMPLETED"
    NOTHING_TO_RESET = "NOTHING_TO_RESET"
    NOT_COMPLETED = "NOT_COMPLETED"
    NO_CERTIFICATE = "NO_CERTIFICATE"
    CERTIFICATE_ENDED = "CERTIFICATE_ENDED"
    NOT_INSTRUCTOR_LED = "NOT_INSTRUCTOR_LED"
    NO_LIVE_SESSION = "NO_LIVE_SESSION"
    NO_ATTEMPT = "NO_ATTEMPT"


SENTENCES: Final[Mapping[ActionObstacle, str]] = {
    ActionObstacle.SELF_ACTION: "Nobody does this to themself; somebody else who may has to.",
    ActionObstacle.DEACTIVATED: "The account is deactivated.",
    ActionObstacle.ALREADY_ASSIGNED: "The person was assigned by hand already.",
    ActionObstacle.CONFLICT: "The person instructs the course.",
    ActionObstacle.NOT_LEARNER: "The person does not learn in this course now; assign them first.",
    ActionObstacle.COURSE_NOT_ACTIVE: "The course is a DRAFT: there is nothing to complete yet.",
    ActionObstacle.ALREADY_COMPLETED: "The course is completed already.",
    ActionObstacle.NOTHING_TO_RESET: "There is no attempt that counts.",
    ActionObstacle.NOT_COMPLETED: "The course is not completed yet.",
    ActionObstacle.NO_CERTIFICATE: "There is no certificate.",
    ActionObstacle.CERTIFICATE_ENDED: "The certificate does not hold any more.",
    ActionObstacle.NOT_INSTRUCTOR_LED: "The course has no live sessions: it is self-paced.",
    ActionObstacle.NO_LIVE_SESSION: "No live session takes anybody in: none is planned, or ended"
    " lately.",
    ActionObstacle.NO_ATTEMPT: "The person has not begun.",
}


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """What the actions hang on besides the row itself.

    `is_by_hand`: a live enrolment is in no group. `groups` are those the person learns in, each
    with who made it.
    """

    allows_self_action: bool
    is_draft: bool
    is_instructor_led: bool
    takes_people: bool
    instructs: bool
    is_direct: bool
    is_by_hand: bool
    groups: tuple[tuple[int, int | None], ...]
    has_counting_attempt: bool

    def group_of(self, maker_id: int | None) -> int | None:
        """One of the groups, if somebody has made one of them."""
        made = (id for id, by_id in self.groups if maker_id is not None and by_id == maker_id)
        return next(made, None)


class Subject(Protocol):
    """The row of the list an action is about."""

    @property
    def member_id(self) -> int: ...
    @property
    def is_learner(self) -> bool: ...
    @property
    def member_state(self) -> MemberState: ...
    @property
    def state(self) -> ProgressState: ...
    @property
    def attempts(self) -> int: ...
    @property
    def certificate(self) -> Certificate | None: ...
    @property
    def facts(self) -> ActionFacts: ...


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can, or cannot, be done. `group_id` is what the call has to name, where
    somebody is a learner through groups only, or may be taken out of one's own alone."""

    operation: Permission
    obstacle: ActionObstacle | None
    reason: str
    group_id: int | None = None

    @property
    def is_allowed(self) -> bool:
        return self.obstacle is None


Decide = Callable[..., Decision]
"""(permission, is_own_group=…) → whether the caller may, towards this row."""

Look = Callable[[Subject, dt.datetime], ActionObstacle | None]


def _assign(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    if row.member_state is MemberState.DEACTIVATED:
        return ActionObstacle.DEACTIVATED
    if row.facts.is_direct:
        return ActionObstacle.ALREADY_ASSIGNED
    return ActionObstacle.CONFLICT if row.facts.instructs else None


def _mark_complete(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    if row.facts.is_draft:
        return ActionObstacle.COURSE_NOT_ACTIVE
    is_completed = row.state is ProgressState.COMPLETED
    return ActionObstacle.ALREADY_COMPLETED if is_completed else None


def _reset(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    return None if row.facts.has_counting_attempt else ActionObstacle.NOTHING_TO_RESET


def _generate(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    is_completed = row.state is ProgressState.COMPLETED
    return None if is_completed else ActionObstacle.NOT_COMPLETED


def _remove(row: Subject, at: dt.datetime) -> ActionObstacle | None:
    certificate = row.certificate
    if certificate is None:
        return ActionObstacle.NO_CERTIFICATE
    has_expired = certificate.expires_at is not None and certificate.expires_at <= at
    holds = certificate.state is CertificateState.ISSUED and not has_expired
    return None if holds else ActionObstacle.CERTIFICATE_ENDED


def _place(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    if not row.facts.is_instructor_led:
        return ActionObstacle.NOT_INSTRUCTOR_LED
    if not row.facts.takes_people:
        return ActionObstacle.NO_LIVE_SESSION
    is_deactivated = row.member_state is MemberState.DEACTIVATED
    return ActionObstacle.DEACTIVATED if is_deactivated else None


def _begun(row: Subject, _: dt.datetime) -> ActionObstacle | None:
    return None if row.attempts else ActionObstacle.NO_ATTEMPT


def _nothing(_: Subject, __: dt.datetime) -> ActionObstacle | None:
    return None


LOOKS: Final[Mapping[Permission, Look]] = {
    Permission.ASSIGN_LEARNER: _assign,
    Permission.MARK_COMPLETE: _mark_complete,
    Permission.RESET_PROGRESS: _reset,
    Permission.UPDATE_DUE_DATE: _nothing,
    Permission.GENERATE_CERTIFICATE: _generate,
    Permission.REMOVE_CERTIFICATE: _remove,
    Permission.MANAGE_SESSION_ROSTER: _place,
    Permission.VIEW_ANSWERS: _begun,
    Permission.GRADE_ANSWERS: _begun,
}
"""What stands in the way of each besides rights, oneself, and being no learner."""

OF_LEARNERS: Final = frozenset(
    {
        Permission.MARK_COMPLETE,
        Permission.RESET_PROGRESS,
        Permission.UPDATE_DUE_DATE,
        Permission.MANAGE_SESSION_ROSTER,
    }
)
NOT_ON_ONESELF: Final = frozenset(
    {
        Permission.MARK_COMPLETE,
        Permission.RESET_PROGRESS,
        Permission.UPDATE_DUE_DATE,
        Permission.GENERATE_CERTIFICATE,
        Permission.REMOVE_CERTIFICATE,
    }
)
"""M38."""


def actions(row: Subject, decide: Decide, *, asker_id: int | None, at: dt.datetime) -> list[Action]:
    """Every action on the row: first the one that ends it, then those of `LOOKS`, in order. Those
    are on the course, not inside a group: it does not help to have made one.
    """
    found, is_self = [_unassign(row, decide, asker_id)], row.member_id == asker_id
    for operation, look in LOOKS.items():
        decision = decide(operation, is_own_group=False)
        if not decision.allowed:
            denied = ActionObstacle.PERMISSION_DENIED
            found.append(Action(operation, denied, decision.reason))
            continue
        obstacle = _hindrance(row, operation, is_self=is_self) or look(row, at)
        reason = decision.reason if obstacle is None else SENTENCES[obstacle]
        found.append(Action(operation, obstacle, reason))
    return found


def _hindrance(row: Subject, operation: Permission, *, is_self: bool) -> ActionObstacle | None:
    if operation in OF_LEARNERS and not row.is_learner:
        return ActionObstacle.NOT_LEARNER
    is_refused = is_self and not row.facts.allows_self_action
    return ActionObstacle.SELF_ACTION if is_refused and operation in NOT_ON_ONESELF else None


def _unassign(row: Subject, decide: Decide, asker_id: int | None) -> Action:
    """By hand where that ends something, else out of a group: any, or only one of one's own."""
    asked, facts = Permission.UNASSIGN_LEARNER, row.facts
    decision = decide(asked, is_own_group=False)
    group_id = None if facts.is_by_hand else next((id for id, _ in facts.groups), None)
    if not decision.allowed:
        decision, group_id = decide(asked), facts.group_of(asker_id)
    if not decision.allowed:
        return Action(asked, ActionObstacle.PERMISSION_DENIED, decision.reason)
    if not row.is_learner:
        obstacle = ActionObstacle.NOT_LEARNER
        return Action(asked, obstacle, SENTENCES[obstacle])
    return Action(asked, None, decision.reason, group_id)
