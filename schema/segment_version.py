"""Versions of the rules of segments."""

import datetime as dt

from access.permissions import Permission
from models import segments as stored
from models.segments import VersionOrigin
from operations.segment_versions import Compared
from resolvers import done
from resolvers import segment_versions as answered
from schema.member import Member
from schema.requires import INHERITED, SIGNED_IN, any_of, column, guarded_type, resolved_by
from schema.scalars import JSON
from sync_engine.rules import DifferenceKind, Part

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=MANAGE,
    description="One version of the rule of a segment; it never changes.",
    rows=stored.SegmentVersion,
)
class SegmentVersion:
    version: int = column("version", requires=INHERITED, description="Counted from 1.")
    origin: VersionOrigin = column("origin", requires=INHERITED, description="What made it.")
    restores: int | None = column(
        "restores", requires=INHERITED, description="The version whose rule it took back."
    )
    created_at: dt.datetime
    created_by_name: str | None = column(
        "created_by_name", requires=INHERITED, description="Who made it, by the name of then."
    )
    created_by: Member | None = resolved_by(
        done.created_by, requires=SIGNED_IN, description="Who made it, if a person did."
    )
    rule: JSON = column("rule", requires=INHERITED, description="The rule as canonical JSON.")
    rule_text: str | None = resolved_by(
        answered.version_text,
        requires=MANAGE,
        description="The rule in words of the SCIM filter, also where an attribute has gone since.",
    )


@guarded_type(requires=SIGNED_IN, description="One part of two rules, as it was and as it is.")
class RuleDifference:
    depth: int
    kind: DifferenceKind
    part: Part
    before: str | None
    after: str | None
    path_before: str | None
    path_after: str | None


@guarded_type(
    requires=MANAGE,
    description="What makes the rule of one version that of another.",
    rows=Compared,
)
class SegmentVersionComparison:
    before: SegmentVersion = column("before", requires=INHERITED, description="The one version.")
    after: SegmentVersion = column("after", requires=INHERITED, description="The other.")
    sentences: list[str] = column(
        "sentences",
        requires=INHERITED,
        description="In words; none where the rules are the same but for order and spelling.",
    )
    differences: list[RuleDifference] | None = resolved_by(
        answered.parts,
        requires=MANAGE,
        description="As a tree in document order. What only moved is the same.",
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class SegmentVersionQuery:
    compare_segment_versions: SegmentVersionComparison | None = resolved_by(
        answered.compare_segment_versions,
        requires=any_of(MANAGE).by_operation(),
        description="What makes the rule of version `after` (or the present one) of that of"
        " `before`.",
    )
