"""What is answered about a person and a course."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from models.coordinators import CourseRoleKind, OverrideKind
from models.people import MemberState
from models.segments import AttachmentMode, SegmentKind, SegmentState
from operations.freshness import Freshness
from sync_engine.rules import Explanation


class Standing(StrEnum):
    """How a person stands to the coordinator role of a course. The first that holds, counts.

    NOT_THERE: the person, or the course, did not exist. ENDING: still a coordinator, for the days
    of grace after the last reason for it has gone (M40). UNKNOWN: the journal's entry that said
    whether the account was active has been redacted.
    """

    NOT_THERE = "NOT_THERE"
    INSTRUCTOR = "INSTRUCTOR"
    UNKNOWN = "UNKNOWN"
    ACCOUNT_NOT_ACTIVE = "ACCOUNT_NOT_ACTIVE"
    DIRECT = "DIRECT"
    DERIVED = "DERIVED"
    KEPT = "KEPT"
    ENDING = "ENDING"
    EXCLUDED = "EXCLUDED"
    NO_SOURCE = "NO_SOURCE"


HOLDING: Final = (Standing.DIRECT, Standing.DERIVED, Standing.KEPT, Standing.ENDING)
"""Those of a coordinator."""


def holds(standing: Standing) -> bool | None:
    """Whether somebody who stands so is a coordinator; None where that cannot be known."""
    return None if standing is Standing.UNKNOWN else standing in HOLDING


@dataclass(frozen=True, slots=True)
class Cause:
    """The journal entry of the change that led here: what happened, when, and who caused it."""

    seq: int
    at: dt.datetime
    verb: str
    by_name: str
    origin: str
    before: dict[str, object] | None
    after: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class RoleThen:
    """A role given by hand."""

    role: CourseRoleKind
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class OverrideThen:
    """What was said beside the rules."""

    kind: OverrideKind
    reason: str
    expires_at: dt.datetime | None
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PinThen:
    """A pin that decided whether the person belongs to a segment: who had made it, why, and until
    when it holds."""

    is_in: bool
    reason: str
    by_name: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class SegmentReason:
    """What one attached segment says about the person.

    `is_member` is what the engine had stored, `explanation` walks the rule of that time, its
    `version`, over the facts of that time. They differ only while work waits, or where the segment
    is frozen. `gives` is whether the person is coordinator by it, which by its `mode` may be
    otherwise than `is_member` (S8); where that decides, `by_mode` says how. `cause` is of the
    joining or the attaching, whichever was later, and of a member to whom the mode gives nothing of
    the mode; of somebody who does not belong to it, `ended` and `ended_at` tell of the last time. A
    `pin` decides whatever the rule says; who `is_held` is in it only because the removal waits to
    be approved (S11). `changes` says of each attribute the
    rule looks at, and of the day under `now`, what set it.
    """

    segment_id: int
    name: str
    kind: SegmentKind
    state: SegmentState
    version: int
    is_member: bool
    mode: AttachmentMode
    mode_since: dt.datetime
    gives: bool
    by_mode: str | None
    since: dt.datetime | None
    explanation: Explanation | None
    sentences: tuple[str, ...]
    cause: Cause | None
    ended_at: dt.datetime | None = None
    ended: Cause | None = None
    changes: Mapping[str, Cause] = field(default_factory=dict)
    pin: PinThen | None = None
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class WhyCoordinator:
    """The whole answer, for one place in the journal.

    `at` is the moment asked about. `unknown` names what cannot be known of that time, and never is
    guessed. `freshness` is told of the present alone.
    """

    course_id: int
    member_id: int
    seq: int
    at: dt.datetime | None
    is_past: bool
    standing: Standing
    is_coordinator: bool | None
    summary: str
    account: MemberState | None
    account_cause: Cause | None
    role: RoleThen | None
    role_cause: Cause | None
    override: OverrideThen | None
    override_cause: Cause | None
    segments: tuple[SegmentReason, ...]
    unknown: tuple[str, ...]
    freshness: Freshness | None
