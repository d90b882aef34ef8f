"""Removals that wait to be approved (S11)."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import holds as stored
from models.holds import HoldState
from resolvers import answers, done
from resolvers import holds as answered
from schema.member import Member
from schema.node import Node
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)

if TYPE_CHECKING:
    from schema.segment import Segment

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=MANAGE,
    description="A person who is still in a segment because the removal waits.",
    rows=stored.HeldRemoval,
)
class HeldRemoval:
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="The person.")
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        done.any_segment,
        requires=SIGNED_IN,
        description="The segment the rules take the person out of.",
    )
    since: dt.datetime


@guarded_type(
    requires=MANAGE,
    description="Removals that wait, because together they were more than may go unasked.",
    rows=stored.Hold,
)
class Hold(Node):
    state: HoldState = column(
        "state",
        requires=INHERITED,
        description="OPEN while anything of it waits; then DECIDED by people, or RELEASED because"
        " nothing of it is to be removed any more.",
    )
    segment: Annotated["Segment", strawberry.lazy("schema.segment")] | None = resolved_by(
        done.any_segment,
        requires=SIGNED_IN,
        description="Of which segment people would go; null: of the whole workspace.",
    )
    most: int = column("most", requires=INHERITED, description="So many could have gone unasked.")
    people: int = column(
        "people", requires=INHERITED, description="Of so many derived coordinators."
    )
    counted: int = column(
        "counted", requires=INHERITED, description="So many would have gone when it opened."
    )
    held: int = column(
        "held", requires=INHERITED, description="Removals that have come to wait in it."
    )
    approved: int = column("approved", requires=INHERITED, description="So many were approved.")
    discarded: int = column("discarded", requires=INHERITED, description="So many were discarded.")
    waiting: int | None = resolved_by(
        answered.waiting, requires=SIGNED_IN, description="So many wait to be decided."
    )
    opened_at: dt.datetime
    ended_at: dt.datetime | None
    removals: Connection[HeldRemoval] | None = resolved_by(
        answered.people,
        requires=MANAGE,
        description="Who waits, in which segment; narrowed by a part of the name.",
    )


@guarded_type(requires=SIGNED_IN, description="A hold was decided.", rows=answers.Answer)
class HoldPayload(Payload):
    hold: Hold | None = resolved_by(
        answered.done, requires=SIGNED_IN, description="The hold, after."
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be asked.")
class HoldQuery:
    holds: Connection[Hold] | None = resolved_by(
        answered.holds,
        requires=any_of(MANAGE).by_operation(),
        description="Holds, the open ones first, then the newest; of states, of a segment.",
    )
    hold: Hold | None = resolved_by(
        answered.hold, requires=any_of(MANAGE).by_operation(), description="One hold."
    )


@guarded_type(requires=SIGNED_IN, description="Part of everything that can be done.")
class HoldMutation:
    approve_hold: HoldPayload | None = done_by(
        answered.approve_hold,
        requires=MANAGE,
        description="Let removals be done that wait: all of a hold, or those of these people and"
        " in these segments.",
    )
    discard_hold: HoldPayload | None = done_by(
        answered.discard_hold,
        requires=MANAGE,
        description="Let people stay whose removal waits, whatever rules say, until `expiresAt` or"
        " for good.",
    )
