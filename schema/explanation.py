"""Why someone is, or is not, coordinator of a course."""

import datetime as dt

from access.permissions import Permission
from models.coordinators import CourseRoleKind, OverrideKind
from models.people import MemberState
from models.segments import AttachmentMode, SegmentKind, SegmentState
from operations import explain
from operations.explain import Standing, Turn
from resolvers import done, explaining
from schema.course import Course
from schema.freshness import Freshness
from schema.member import Member
from schema.paging import Connection
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON


@guarded_type(requires=SIGNED_IN, description="The change that led here, from the journal.")
class Cause:
    seq: str
    at: dt.datetime
    verb: str
    by_name: str
    origin: str
    before: JSON | None
    after: JSON | None


@guarded_type(requires=SIGNED_IN, description="One node of a rule, with its truth.")
class Clause:
    depth: int
    kind: str
    text: str
    is_true: bool
    attribute: str | None
    operator: str | None
    expected: str | None
    actual: str | None
    sentence: str | None
    changed: Cause | None


@guarded_type(
    requires=SIGNED_IN,
    description="Somebody decided that the person is in a segment, or is not, whatever its rule"
    " says.",
)
class DecidingPin:
    is_in: bool
    reason: str
    by_name: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


@guarded_type(
    requires=SIGNED_IN,
    description="What one attached segment says about the person. `gives` is whether they are"
    " coordinator by it: by its `mode` that may be otherwise than `isMember`; where the mode"
    " decides, `byMode` and the first sentence say how.",
)
class SegmentReason:
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
    sentences: list[str]
    cause: Cause | None
    ended_at: dt.datetime | None
    ended: Cause | None
    pin: DecidingPin | None
    is_held: bool
    clauses: list[Clause] = resolved_by(
        explaining.clauses,
        requires=SIGNED_IN,
        description="The rule as a tree in document order, with the truth of every node.",
    )


@guarded_type(requires=SIGNED_IN, description="A role given by hand.")
class RoleByHand:
    role: CourseRoleKind
    since: dt.datetime


@guarded_type(requires=SIGNED_IN, description="What was said beside the rules.")
class Override:
    kind: OverrideKind
    reason: str
    expires_at: dt.datetime | None
    created_at: dt.datetime


@guarded_type(
    requires=SIGNED_IN,
    description="The whole answer, for the present or a place in the journal. `unknown` names what"
    " cannot be known of that time; `freshness` is told of the present alone.",
)
class MembershipExplanation:
    at: dt.datetime | None
    is_past: bool
    standing: Standing
    is_coordinator: bool | None
    summary: str
    account: MemberState | None
    account_cause: Cause | None
    override: Override | None
    override_cause: Cause | None
    segments: list[SegmentReason]
    unknown: list[str]
    freshness: Freshness | None
    seq: str = resolved_by(
        explaining.seq,
        requires=SIGNED_IN,
        description="The number of the last entry of the journal that had been written.",
    )
    by_hand: RoleByHand | None = column(
        "role", requires=INHERITED, description="The role given by hand, if any."
    )
    by_hand_cause: Cause | None = column(
        "role_cause", requires=INHERITED, description="Who gave it, and when."
    )
    course: Course | None = resolved_by(
        explaining.explained_course, requires=SIGNED_IN, description="The course."
    )
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")


@guarded_type(
    requires=SIGNED_IN,
    description="One change of how a person stood to the coordinator role of a course.",
    rows=explain.Turned,
)
class StandingChange:
    at: dt.datetime
    turn: Turn
    was: Standing
    standing: Standing
    is_coordinator: bool | None
    sentence: str
    cause: Cause | None
    seq: str = resolved_by(
        explaining.seq, requires=SIGNED_IN, description="Where in the journal; see `at` and `seq`."
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about why.")
class ExplanationQuery:
    explain_membership: MembershipExplanation | None = resolved_by(
        explaining.explain_membership,
        requires=any_of(Permission.EXPLAIN_MEMBERSHIP).by_operation(),
        description="Why someone is, or is not, coordinator of a course; or was, or was not, `at`"
        " a moment, that moment included, or when `seq` was the journal's last number.",
    )
    coordinator_timeline: Connection[StandingChange] | None = resolved_by(
        explaining.coordinator_timeline,
        requires=any_of(Permission.EXPLAIN_MEMBERSHIP).by_operation(),
        description="Every change of how someone stood to the coordinator role of a course,"
        " newest first.",
    )
