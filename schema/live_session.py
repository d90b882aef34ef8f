"""Live sessions of instructor-led courses, and who comes to them."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from models import live_sessions as stored
from models.live_sessions import LiveSessionState, RegistrationState
from resolvers import done
from resolvers.live_sessions import reading, roster
from schema.member import Member
from schema.module import SEES_COURSES
from schema.node import Node
from schema.paging import Connection
from schema.requires import SIGNED_IN, any_of, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course

SEES = Permission.VIEW_COURSE_INFO
SEES_ROSTER = any_of(Permission.MANAGE_SESSION_ROSTER, Permission.MARK_ATTENDANCE)


@guarded_type(
    requires=SEES_ROSTER.or_self(),
    description="One person's place at a live session, or on its waitlist.",
    rows=roster.Registration,
)
class LiveRegistration:
    state: RegistrationState
    waitlist_position: int | None
    is_overbooked: bool
    minutes_attended: int | None
    registered_at: dt.datetime
    changed_at: dt.datetime
    member: Member | None = resolved_by(done.member, requires=SIGNED_IN, description="Who.")
    registered_by: Member | None = resolved_by(
        roster.registered_by,
        requires=SEES_ROSTER,
        description="Who made it: the person, or whoever placed them.",
    )
    live_session: Annotated["LiveSession", strawberry.lazy("schema.live_session")] | None = (
        resolved_by(
            roster.live_session, requires=SIGNED_IN, description="The live session it is of."
        )
    )


@guarded_type(
    requires=SEES,
    description="A dated meeting of an instructor-led course. Times are instants; the time zone"
    " says how its people read them.",
    rows=stored.LiveSession,
)
class LiveSession(Node):
    title: str
    description: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    place: str | None
    capacity: int | None
    has_waitlist: bool
    registration_closes_at: dt.datetime | None
    waitlist_ended_at: dt.datetime | None
    state: LiveSessionState
    reason: str | None
    created_at: dt.datetime
    changed_at: dt.datetime
    starts_at_local: str | None = resolved_by(
        reading.starts_at_local,
        requires=SEES,
        description="The start as clocks in its time zone show it, with the offset.",
    )
    ends_at_local: str | None = resolved_by(
        reading.ends_at_local,
        requires=SEES,
        description="The end as clocks in its time zone show it, with the offset.",
    )
    is_over: bool | None = resolved_by(
        reading.is_over, requires=SEES, description="Whether it has ended."
    )
    is_registration_open: bool | None = resolved_by(
        reading.is_registration_open,
        requires=SEES,
        description="Whether one could register oneself now, or queue; seats are counted apart.",
    )
    link: str | None = resolved_by(
        reading.link,
        requires=SEES,
        description="Where to join: for those who have a seat, teach it, or look after the live"
        " sessions of the course. Null for everybody else.",
    )
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        reading.course, requires=SEES, description="The course it belongs to."
    )
    staff: list[Member] | None = resolved_by(
        reading.staff, requires=SEES, description="Those who teach it, by name."
    )
    booked_count: int | None = resolved_by(
        reading.booked_count, requires=SEES, description="How many have a seat."
    )
    waiting_count: int | None = resolved_by(
        reading.waiting_count, requires=SEES, description="How many wait for one."
    )
    free_count: int | None = resolved_by(
        reading.free_count, requires=SEES, description="How many seats are free; null: no limit."
    )
    overbooked_count: int | None = resolved_by(
        reading.overbooked_count,
        requires=SEES,
        description="How many more have a seat than there are seats.",
    )
    my_registration: LiveRegistration | None = resolved_by(
        roster.my_registration, requires=SEES, description="The viewer's own, if there is one."
    )
    registrations: Connection[LiveRegistration] | None = resolved_by(
        roster.registrations,
        requires=SEES_ROSTER,
        description="Everybody who registered or was placed, by name; last those who wait, in"
        " their order.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about live sessions.")
class LiveSessionQuery:
    live_session: LiveSession | None = resolved_by(
        reading.live_session, requires=SEES_COURSES, description="One live session."
    )
