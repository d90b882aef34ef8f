"""The two ways to say no.

Denied   — about who you are: a permission is lacking.
Refused  — about how things stand: one code of a closed list, a sentence for a person, and
           `details` for a program.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from access.permissions import Permission, Principal, Scope


class Code(StrEnum):
    """Why something cannot be done as things stand."""

    ACCOUNT_EXISTS = "ACCOUNT_EXISTS"
    ALREADY_UNDONE = "ALREADY_UNDONE"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    CARD_NUMBER = "CARD_NUMBER"
    CERTIFICATE_ENDED = "CERTIFICATE_ENDED"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"
    CONFLICT = "CONFLICT"
    COURSE_NOT_ACTIVE = "COURSE_NOT_ACTIVE"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    DERIVED_MEMBERSHIP = "DERIVED_MEMBERSHIP"
    DUE_DATE_IN_PAST = "DUE_DATE_IN_PAST"
    EXISTING_GROUP = "EXISTING_GROUP"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    INVALID_ANSWERS = "INVALID_ANSWERS"
    INVALID_CONTENT = "INVALID_CONTENT"
    INVALID_FILE = "INVALID_FILE"
    INVALID_RULE = "INVALID_RULE"
    INVALID_TEMPLATE = "INVALID_TEMPLATE"
    LIMIT_BELOW_USE = "LIMIT_BELOW_USE"
    LIMIT_REACHED = "LIMIT_REACHED"
    LIVE_SESSIONS_AHEAD = "LIVE_SESSIONS_AHEAD"
    LIVE_SESSION_CANCELLED = "LIVE_SESSION_CANCELLED"
    LIVE_SESSION_FULL = "LIVE_SESSION_FULL"
    LIVE_SESSION_OVER = "LIVE_SESSION_OVER"
    LIVE_SESSION_STARTED = "LIVE_SESSION_STARTED"
    MEMBER_DEACTIVATED = "MEMBER_DEACTIVATED"
    NAME_TAKEN = "NAME_TAKEN"
    NOT_A_TEACHER = "NOT_A_TEACHER"
    NOT_COMPLETED = "NOT_COMPLETED"
    NOT_DERIVED = "NOT_DERIVED"
    NOT_FOUND = "NOT_FOUND"
    NOT_IN_DEPARTMENT = "NOT_IN_DEPARTMENT"
    NOT_INSTRUCTOR_LED = "NOT_INSTRUCTOR_LED"
    NOT_LEARNER = "NOT_LEARNER"
    NOT_ON_DEPARTMENT_TEAM = "NOT_ON_DEPARTMENT_TEAM"
    NOT_STAFF = "NOT_STAFF"
    NOTHING_GIVEN = "NOTHING_GIVEN"
    NOTHING_TO_PUBLISH = "NOTHING_TO_PUBLISH"
    NOTHING_TO_REVERT = "NOTHING_TO_REVERT"
    NO_ADDRESS = "NO_ADDRESS"
    PLAN_OUTDATED = "PLAN_OUTDATED"
    PREVIEW_OUTDATED = "PREVIEW_OUTDATED"
    REGISTRATION_CLOSED = "REGISTRATION_CLOSED"
    RETAKE_NOT_ALLOWED = "RETAKE_NOT_ALLOWED"
    ROLE_CONFLICT = "ROLE_CONFLICT"
    SEGMENT_IN_USE = "SEGMENT_IN_USE"
    SEGMENT_STATE = "SEGMENT_STATE"
    SELF_ACTION = "SELF_ACTION"
    SELF_ENROLMENT_CLOSED = "SELF_ENROLMENT_CLOSED"
    SUBMISSION_CAP_REACHED = "SUBMISSION_CAP_REACHED"
    SUBMISSION_CLOSED = "SUBMISSION_CLOSED"
    TOO_LATE = "TOO_LATE"
    TOO_SOON = "TOO_SOON"
    UNAVAILABLE = "UNAVAILABLE"
    UNDO_CONTRADICTED = "UNDO_CONTRADICTED"
    UNKNOWN_ATTRIBUTE = "UNKNOWN_ATTRIBUTE"
    UNKNOWN_COLUMNS = "UNKNOWN_COLUMNS"
    UNREADABLE_FILE = "UNREADABLE_FILE"
    UNSUPPORTED_FILE = "UNSUPPORTED_FILE"
    WRONG_OWNER = "WRONG_OWNER"


class Denied(Exception):
    """The caller lacks a permission on a scope. `held` is what the caller holds there."""

    def __init__(
        self,
        permission: Permission,
        scope: Scope,
        held: Collection[Principal] = (),
        reason: str = "",
    ) -> None:
        self.permission = permission
        self.scope = scope
        self.held = tuple(sorted(held))
        self.reason = reason or f"{permission.name} is needed on this {scope.name.lower()}."
        super().__init__(self.reason)


class Refused(Exception):
    """It cannot be done as things stand. `details` is JSON-safe."""

    def __init__(self, code: Code, message: str, details: Mapping[str, Any] | None = None) -> None:
        self.code = code
        self.message = message
        self.details = dict(details or {})
        super().__init__(message)


def not_found(noun: str) -> Refused:
    """The one answer for what is missing and for what is hidden."""
    return Refused(Code.NOT_FOUND, f"There is no such {noun}.")
