"""Removals that wait, followed."""

from access.permissions import Permission
from resolvers import done, hold_announcements, holds
from schema.hold import Hold
from schema.message import Message
from schema.requires import (
    SIGNED_IN,
    any_of,
    column,
    guarded_type,
    resolved_by,
    streamed_by,
)
from schema.segment import Segment

MANAGE = Permission.CREATE_EDIT_SEGMENT


@guarded_type(
    requires=SIGNED_IN,
    description="One message about a hold. What it shows is read when it is sent.",
    rows=hold_announcements.HoldEvent,
)
class HoldEvent(Message):
    verb: str | None = column(
        "verb", requires=MANAGE, description="What happened, in the words of the journal."
    )
    hold: Hold | None = resolved_by(holds.done, requires=MANAGE, description="The hold, now.")
    segment: Segment | None = resolved_by(
        done.segment, requires=MANAGE, description="Its segment; null: of the whole workspace."
    )


@guarded_type(requires=SIGNED_IN, description="What can be followed of removals that wait.")
class HoldSubscription:
    holds_changed: HoldEvent | None = streamed_by(
        hold_announcements.holds_changed,
        requires=any_of(MANAGE).by_operation(),
        description="Removals that begin to wait, and what becomes of them: a hold that opened,"
        " doubled, was approved, discarded or released; without gaps `after:` a cursor.",
    )
