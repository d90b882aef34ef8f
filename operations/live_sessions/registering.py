"""Registering oneself for a live session, and giving the seat back."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course, CourseState
from models.journal import record
from models.live_sessions import LiveRegistration, LiveSession, RegistrationState
from operations.live_sessions import seats
from operations.live_sessions.locking import lock, refuse_canceled
from operations.live_sessions.seats import Admission
from operations.refusals import Code, Refused, not_found
from operations.rights import require

OPEN = (RegistrationState.BOOKED, RegistrationState.WAITLISTED)
"""Registrations that may still change by themselves."""


async def register(
    db: AsyncSession, *, by: Caller, live_session_id: int, at: dt.datetime
) -> Admission:
    """Book a seat for oneself, or the next place of the waitlist.

    LIVE_SESSION_FULL where nobody can wait; who is registered already stays where they are.
    """
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    member_id = await _myself(db, by, live_session)
    refuse_canceled(live_session)
    await _refuse_inactive(db, live_session)
    _refuse_closed(live_session, at)
    admitted = await seats.admit(
        db, by=by, live_session=live_session, member_ids=[member_id], at=at
    )
    if admitted[member_id] is Admission.FULL:
        raise Refused(
            Code.LIVE_SESSION_FULL,
            f"All {live_session.capacity} seats are taken, and there is no waitlist.",
            {"limit": live_session.capacity},
        )
    return admitted[member_id]


async def cancel_own(
    db: AsyncSession, *, by: Caller, live_session_id: int, at: dt.datetime
) -> bool:
    """Give one's seat back, or leave the waitlist, until the start; the seat goes to whoever has
    waited longest. False when it was given back before."""
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    member_id = await _myself(db, by, live_session)
    refuse_canceled(live_session)
    registration = await _registration_of(db, live_session, member_id)
    if registration.state is RegistrationState.CANCELLED_BY_USER:
        return False
    if at >= live_session.starts_at:
        raise Refused(
            Code.LIVE_SESSION_STARTED,
            "This live session has begun; whether you were there is for its staff to say.",
            {"startsAt": live_session.starts_at.isoformat()},
        )
    record(
        db,
        by=by,
        verb="registration.canceled",
        course_id=live_session.course_id,
        member_id=member_id,
        before={"state": registration.state},
        after={"state": RegistrationState.CANCELLED_BY_USER},
        detail={"liveSessionId": live_session.id},
    )
    registration.state, registration.place = RegistrationState.CANCELLED_BY_USER, None
    registration.is_overbooked = False
    registration.changed_at = at
    await db.flush()
    await seats.fill(db, by=by, live_session=live_session, at=at)
    return True


async def _myself(db: AsyncSession, by: Caller, live_session: LiveSession) -> int:
    """Whoever asks, if they may register themselves in this course."""
    await require(
        db, by, Permission.SELF_REGISTER_SESSION, course_id=live_session.course_id, is_self=True
    )
    if by.member_id is None:
        raise not_found("member")
    return by.member_id


async def _registration_of(
    db: AsyncSession, live_session: LiveSession, member_id: int
) -> LiveRegistration:
    found: LiveRegistration | None = await db.scalar(
        select(LiveRegistration)
        .where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.member_id == member_id,
        )
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise not_found("registration")
    return found


async def _refuse_inactive(db: AsyncSession, live_session: LiveSession) -> None:
    course = await db.get_one(Course, live_session.course_id)
    if course.state is not CourseState.ACTIVE:
        raise Refused(
            Code.COURSE_NOT_ACTIVE,
            f"The course is {course.state.lower()}; one can register while it is active.",
            {"state": course.state.value},
        )


def _refuse_closed(live_session: LiveSession, at: dt.datetime) -> None:
    closes_at = live_session.registration_closes_at or live_session.starts_at
    if at >= closes_at:
        raise Refused(
            Code.REGISTRATION_CLOSED,
            f"Registration closed at {closes_at.isoformat()}; whoever runs the live session can"
            " still place you.",
            {"closedAt": closes_at.isoformat(), "now": at.isoformat()},
        )
