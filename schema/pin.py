"""Decisions about single people, beside the rules of segments."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import holds
from models.holds import PinOrigin
from resolvers import change_sets as answered
from resolvers import done
from schema.member import Member
from schema.requires import INHERITED, SIGNED_IN, column, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.change_set import ChangeSet
    from schema.segment import Segment


@guarded_type(
    requires=Permission.CREATE_EDIT_SEGMENT,
    description="Somebody is in a segment, or is not, whatever its rule says.",
    rows=holds.MembershipPin,
)
class MembershipPin:
    is_in: bool = column("is_in", requires=INHERITED, description="In it, or kept out.")
    origin: PinOrigin = column("origin", requires=INHERITED, description="What led to it.")
    reason: str = column("reason", requires=INHERITED, description="In words of who decided.")
    expires_at: dt.datetime | None = column(
        "expires_at", requires=INHERITED, description="When the rule decides again."
    )
    created_at: dt.datetime
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="Who.")
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        done.any_segment, requires=SIGNED_IN, description="In which segment."
    )
    created_by: Member | None = resolved_by(
        done.created_by, requires=SIGNED_IN, description="Who decided, if a person did."
    )
    change_set: Annotated["ChangeSet", strawberry.lazy("schema.change_set")] | None = resolved_by(
        answered.undone, requires=SIGNED_IN, description="The change set that was undone."
    )
