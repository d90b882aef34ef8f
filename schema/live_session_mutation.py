"""What can be done with live sessions."""

import strawberry

from access.permissions import Permission
from operations.live_sessions.roster import RosterOutcome
from resolvers import done
from resolvers.answers import Answer
from resolvers.live_sessions import changes, roster
from schema.live_session import LiveRegistration, LiveSession
from schema.member import Member
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by

strawberry.input(
    changes.AttendanceEntry,
    name="AttendanceEntry",
    description="Whether somebody was there, and for how many minutes.",
)


@guarded_type(
    requires=SIGNED_IN, description="What became of one person of a call.", rows=roster.RosterResult
)
class RosterResult:
    outcome: RosterOutcome
    member: Member | None = resolved_by(
        done.member, requires=SIGNED_IN, description="Who; null where there is nobody such."
    )
    registration: LiveRegistration | None = resolved_by(
        roster.registration, requires=SIGNED_IN, description="The registration, after."
    )


@guarded_type(requires=SIGNED_IN, description="A live session was changed.", rows=Answer)
class LiveSessionPayload(Payload):
    live_session: LiveSession | None = resolved_by(
        roster.live_session, requires=SIGNED_IN, description="The live session, after."
    )


@guarded_type(requires=SIGNED_IN, description="Somebody comes, or does not.", rows=Answer)
class RegistrationPayload(Payload):
    live_session: LiveSession | None = resolved_by(
        roster.live_session, requires=SIGNED_IN, description="The live session, after."
    )
    registration: LiveRegistration | None = resolved_by(
        roster.registration, requires=SIGNED_IN, description="The viewer's own, after."
    )


@guarded_type(requires=SIGNED_IN, description="The roster was changed.", rows=Answer)
class RosterPayload(Payload):
    live_session: LiveSession | None = resolved_by(
        roster.live_session, requires=SIGNED_IN, description="The live session, after."
    )
    results: list[RosterResult] = resolved_by(
        roster.results, requires=SIGNED_IN, description="One for each person, in their order."
    )


@guarded_type(requires=SIGNED_IN, description="What can be done with live sessions.")
class LiveSessionMutation:
    create_live_session: LiveSessionPayload | None = done_by(
        changes.create_live_session,
        requires=Permission.MANAGE_SESSIONS,
        description="A new live session of an instructor-led course. A time with an offset is an"
        " instant; one without is what clocks in `timeZone` show: refused where they never show"
        " it, or twice, with the instants that may be meant. No `capacity`: as many as come. One"
        " in the past writes down what took place.",
    )
    edit_live_session: LiveSessionPayload | None = done_by(
        changes.edit_live_session,
        requires=Permission.MANAGE_SESSIONS,
        description="Change it. More seats go to those who wait, fewer unbook nobody; another"
        " time, place or link is told to everybody who comes.",
    )
    cancel_live_session: LiveSessionPayload | None = done_by(
        changes.cancel_live_session,
        requires=Permission.MANAGE_SESSIONS,
        description="Call it off, for good; everybody who was to come is told why.",
    )
    staff_live_session: LiveSessionPayload | None = done_by(
        changes.staff_live_session,
        requires=Permission.MANAGE_SESSIONS,
        description="Say who teaches it: people who may mark attendance on its course.",
    )
    self_register_session: RegistrationPayload | None = done_by(
        changes.self_register_session,
        requires=Permission.SELF_REGISTER_SESSION,
        description="Book a seat for oneself, or the next place of the waitlist.",
    )
    cancel_my_registration: RegistrationPayload | None = done_by(
        changes.cancel_my_registration,
        requires=Permission.SELF_REGISTER_SESSION,
        description="Give one's seat, or one's place on the waitlist, back before the start.",
    )
    place_learners: RosterPayload | None = done_by(
        changes.place_learners,
        requires=Permission.MANAGE_SESSION_ROSTER,
        description="Seat up to 500 learners, in this order, whatever the cut-off: beyond the"
        " capacity with `overbook`, else on the waitlist; also after the end, for as long as the"
        " workspace lets, and never on a waitlist then.",
    )
    remove_from_roster: RosterPayload | None = done_by(
        changes.remove_from_roster,
        requires=Permission.MANAGE_SESSION_ROSTER,
        description="Take people off; their seats go to those who wait.",
    )
    mark_attendance: RosterPayload | None = done_by(
        changes.mark_attendance,
        requires=Permission.MARK_ATTENDANCE,
        description="Say who of those with a seat was there, up to 500 a call, once it has begun;"
        " saying it again corrects it. Where the course says so, attending completes it.",
    )
