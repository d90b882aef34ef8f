"""Mutations of segments beside their making."""

from access.permissions import Permission
from resolvers import change_sets, segment_versions
from schema.payloads import SegmentPayload, UnpinPayload
from schema.requires import SIGNED_IN, done_by, guarded_type


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class SegmentMutation:
    roll_back_segment: SegmentPayload | None = done_by(
        segment_versions.roll_back_segment,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Let a segment follow the rule of an earlier version again: as a further"
        " version, applied as a difference. INVALID_RULE where an attribute has gone since.",
    )
    unpin: UnpinPayload | None = done_by(
        change_sets.unpin,
        requires=Permission.CREATE_EDIT_SEGMENT,
        description="Let a segment's rule decide about people again who were pinned; who was not,"
        " is passed over.",
    )
