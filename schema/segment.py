"""User segments."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import segments as stored
from models.segments import SegmentKind, SegmentState
from resolvers import change_sets as change_set_answers
from resolvers import holds as hold_answers
from resolvers import segment_versions as version_answers
from resolvers import segments as segment_answers
from schema.freshness import Freshness
from schema.member import Member
from schema.node import Node
from schema.paging import Connection
from schema.pin import MembershipPin
from schema.refusal import RuleProblem
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by
from schema.scalars import JSON
from schema.segment_version import SegmentVersion

if TYPE_CHECKING:
    from schema.course import Course
    from schema.hold import Hold

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=SIGNED_IN,
    description="A named group of people: by rule, or one by one.",
    rows=stored.Segment,
)
class Segment(Node):
    name: str = column("name", requires=INHERITED, description="Unique in the workspace.")
    kind: SegmentKind | None = column(
        "kind", requires=Permission.SEARCH_SEGMENTS_TYPEAHEAD, description="By rule or by name."
    )
    state: SegmentState | None = column(
        "state", requires=Permission.SEARCH_SEGMENTS_TYPEAHEAD, description="Its place in life."
    )
    member_count: int | None = column(
        "member_count",
        requires=Permission.SEARCH_SEGMENTS_TYPEAHEAD,
        description="How many people were in it at `countedAt`.",
    )
    counted_at: dt.datetime | None = column(
        "counted_at",
        requires=Permission.SEARCH_SEGMENTS_TYPEAHEAD,
        description="When the people were counted.",
    )
    description: str | None = column("description", requires=MANAGE, description="What it is for.")
    broken_reason: str | None = column(
        "broken_reason", requires=MANAGE, description="Why the rule no longer works."
    )
    version: int | None = column("version", requires=MANAGE, description="Grows with each rule.")
    rule_text: str | None = resolved_by(
        segment_answers.rule_text,
        requires=MANAGE,
        description="The rule in words of the SCIM filter.",
    )
    rule: JSON | None = column("rule", requires=MANAGE, description="The rule as canonical JSON.")
    is_usable_by_departments: bool | None = column(
        "is_usable_by_departments",
        requires=MANAGE,
        description="Whether department managers may attach it to their courses.",
    )
    builds_on: list[Annotated["Segment", strawberry.lazy("schema.segment")]] | None = resolved_by(
        segment_answers.segments_below,
        requires=MANAGE,
        description="The segments whose people its rule asks about (memberOf).",
    )
    used_by: list[Annotated["Segment", strawberry.lazy("schema.segment")]] | None = resolved_by(
        segment_answers.segments_above,
        requires=MANAGE,
        description="The segments whose rules ask about its people.",
    )
    courses: list[Annotated["Course", strawberry.lazy("schema.course")]] | None = resolved_by(
        segment_answers.segment_courses,
        requires=MANAGE,
        description="The courses it is attached to, as far as one may see them.",
    )
    members: Connection[Member] | None = resolved_by(
        segment_answers.segment_members,
        requires=MANAGE,
        description="The people in it, as far as one may see them.",
    )
    versions: Connection[SegmentVersion] | None = resolved_by(
        version_answers.versions,
        requires=MANAGE,
        description="The rules it has followed, newest first; of a draft, too.",
    )
    pins: Connection[MembershipPin] | None = resolved_by(
        change_set_answers.segment_pins,
        requires=MANAGE,
        description="Who is in it, or is not, whatever the rule says; by their numbers.",
    )
    open_hold: Annotated["Hold", strawberry.lazy("schema.hold")] | None = resolved_by(
        hold_answers.open_hold,
        requires=MANAGE,
        description="Removals from it that wait to be approved, where any do.",
    )
    freshness: Freshness | None = resolved_by(
        segment_answers.segment_freshness,
        requires=Permission.SEARCH_SEGMENTS_TYPEAHEAD,
        description="How current its people are.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A segment found by type-ahead.",
    rows=segment_answers.SegmentHit,
)
class SegmentHit:
    segment: Segment
    is_attached: bool


@guarded_type(
    requires=SIGNED_IN,
    description="A rule as it was understood, or every problem it has.",
    rows=segment_answers.RuleCheck,
)
class RuleCheck:
    problems: list[RuleProblem]
    text: str | None
    document: JSON | None
