"""Making live sessions, changing them, and calling them off."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import record
from models.live_sessions import LiveRegistration, LiveSession, LiveSessionState, RegistrationState
from models.mail import MailKind
from operations import courses
from operations.live_sessions import notices, seats, staffing
from operations.live_sessions.locking import (
    lock,
    refuse_canceled,
    refuse_over,
    refuse_self_paced,
)
from operations.live_sessions.times import instant, refuse_disorder, zone_of
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import name_of, reason_of, text_of

LARGEST: Final = 100_000
LONGEST_LINK: Final = 2_000

SAID: Final = {
    "title": "title",
    "description": "description",
    "starts_at": "startsAt",
    "ends_at": "endsAt",
    "time_zone": "timeZone",
    "place": "place",
    "link": "link",
    "capacity": "capacity",
    "has_waitlist": "hasWaitlist",
    "registration_closes_at": "registrationClosesAt",
}
"""What can be said of a live session, and the argument it is said with."""

TIMES: Final = ("starts_at", "ends_at", "registration_closes_at")
OF_CALENDARS: Final = frozenset(SAID) - {"capacity", "has_waitlist", "registration_closes_at"}
"""What a calendar shows: a change of it counts `sequence` up."""

TOLD: Final = ("starts_at", "ends_at", "time_zone", "place", "link")
"""A change of these is told to everybody who comes."""

UNTIL_THE_END: Final = frozenset({"ends_at", "time_zone", "capacity", "has_waitlist"})
UNTIL_THE_START: Final = frozenset({"starts_at", "registration_closes_at"})

CALL_OFF: Final = text("""
UPDATE live_registration SET state = 'CANCELLED_SESSION', place = NULL, changed_at = :at
 WHERE live_session_id = :id AND state IN ('BOOKED', 'WAITLISTED')
RETURNING member_id
""")


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    said: Mapping[str, Any],
    staff_ids: Collection[int] = (),
    at: dt.datetime,
) -> LiveSession:
    """A new live session of an instructor-led course. `said`: what `SAID` names; at least title,
    times and time zone. One in the past writes down what took place."""
    course = await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.MANAGE_SESSIONS, course_id=course_id)
    refuse_self_paced(course)
    values = _checked(said, zone=said["time_zone"])
    live_session = LiveSession(
        workspace_id=by.workspace_id,
        course_id=course_id,
        state=LiveSessionState.SCHEDULED,
        created_by_id=by.member_id,
        changed_at=at,
        **values,
    )
    refuse_disorder(
        live_session.starts_at, live_session.ends_at, values.get("registration_closes_at")
    )
    if live_session.starts_at <= at:
        live_session.waitlist_ended_at = at
    db.add(live_session)
    await db.flush()
    record(
        db,
        by=by,
        verb="live_session.created",
        course_id=course_id,
        after=_outward(live_session, SAID),
        detail={"liveSessionId": live_session.id},
    )
    await staffing.put(db, by=by, live_session=live_session, add=staff_ids)
    return live_session


async def edit(
    db: AsyncSession,
    *,
    by: Caller,
    live_session_id: int,
    changes: Mapping[str, Any],
    at: dt.datetime,
) -> LiveSession:
    """Change what is said of a live session; keys that are left out stay as they are.

    More seats go to those who wait; fewer unbook nobody. Once it has begun its start stays, once
    it is over all but words, place and link do. A new time zone alone moves no time.
    """
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    await _require_managing(db, by, live_session)
    values = _checked(changes, zone=changes.get("time_zone") or live_session.time_zone)
    different = {n: each for n, each in values.items() if getattr(live_session, n) != each}
    if not different:
        return live_session
    _refuse_past(live_session, different, at)
    before = _outward(live_session, different)
    for name, value in different.items():
        setattr(live_session, name, value)
    refuse_disorder(
        live_session.starts_at, live_session.ends_at, live_session.registration_closes_at
    )
    live_session.sequence += bool(OF_CALENDARS & different.keys())
    live_session.changed_at = at
    record(
        db,
        by=by,
        verb="live_session.edited",
        course_id=live_session.course_id,
        before=before,
        after=_outward(live_session, different),
        detail={"liveSessionId": live_session.id},
    )
    await db.flush()
    if live_session.ends_at > at and any(name in different for name in TOLD):
        await _tell_all(db, live_session, MailKind.LIVE_SESSION_CHANGED)
    await seats.fill(db, by=by, live_session=live_session, at=at)
    return live_session


async def cancel(
    db: AsyncSession, *, by: Caller, live_session_id: int, reason: str, at: dt.datetime
) -> LiveSession:
    """Call a live session off, for good. Everybody who was to come, or to teach, is told."""
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    await _require_managing(db, by, live_session)
    said = reason_of(reason)
    refuse_over(live_session, at)
    await _tell_all(db, live_session, MailKind.LIVE_SESSION_CANCELLED, reason=said)
    live_session.state, live_session.reason = LiveSessionState.CANCELLED, said
    live_session.sequence += 1
    live_session.changed_at = at
    live_session.waitlist_ended_at = live_session.waitlist_ended_at or at
    record(
        db,
        by=by,
        verb="live_session.canceled",
        course_id=live_session.course_id,
        before={"state": LiveSessionState.SCHEDULED},
        after={"state": LiveSessionState.CANCELLED},
        detail={"liveSessionId": live_session.id},
        reason=said,
    )
    for member_id in sorted(await db.scalars(CALL_OFF, {"id": live_session.id, "at": at})):
        record(
            db,
            by=by,
            verb="registration.canceled",
            course_id=live_session.course_id,
            member_id=member_id,
            after={"state": RegistrationState.CANCELLED_SESSION},
            detail={"liveSessionId": live_session.id},
        )
    return live_session


async def _require_managing(db: AsyncSession, by: Caller, live_session: LiveSession) -> None:
    await require(db, by, Permission.MANAGE_SESSIONS, course_id=live_session.course_id)
    refuse_self_paced(await db.get_one(Course, live_session.course_id))
    refuse_canceled(live_session)


async def _tell_all(
    db: AsyncSession, live_session: LiveSession, kind: MailKind, reason: str | None = None
) -> None:
    """Everybody once: those with a seat and the staff with the link, those who wait without."""
    rows = await db.execute(
        select(LiveRegistration.member_id, LiveRegistration.state)
        .where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.state.in_([RegistrationState.BOOKED, RegistrationState.WAITLISTED]),
        )
        .order_by(LiveRegistration.member_id)
    )
    coming = {row.member_id: row.state is RegistrationState.BOOKED for row in rows}
    coming |= dict.fromkeys(await notices.staff_of(db, live_session.id), True)
    for with_link in (True, False):
        people = {id: live_session.sequence for id, gets in coming.items() if gets is with_link}
        await notices.tell(
            db,
            live_session=live_session,
            kind=kind,
            people=people,
            with_link=with_link,
            reason=reason,
        )


def _checked(said: Mapping[str, Any], *, zone: str) -> dict[str, Any]:
    """What is to be stored of what was said; raises Refused."""
    zone = zone_of(zone)
    values: dict[str, Any] = {}
    for name, value in said.items():
        if name in TIMES and value is not None:
            values[name] = instant(value, zone, SAID[name])
        else:
            values[name] = _CHECKS[name](value) if name in _CHECKS and value is not None else value
    return values


def _capacity(value: int) -> int:
    if not 1 <= value <= LARGEST:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A live session has 1 to {LARGEST:,} seats, not {value}; null: as many as come.",
            {"argument": "capacity", "limit": LARGEST, "actual": value},
        )
    return value


def _link(value: str) -> str:
    """An address people can open; nothing else is put behind a link."""
    link = text_of(value, "link", LONGEST_LINK).strip()
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or len(link.split()) != 1:
        raise Refused(
            Code.BAD_USER_INPUT,
            "The link is no web address that begins with https:// or http://.",
            {"argument": "link"},
        )
    return link


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "title": lambda value: name_of(value, "title"),
    "description": lambda value: text_of(value, "description"),
    "place": lambda value: name_of(value, "place"),
    "link": _link,
    "capacity": _capacity,
}


def _refuse_past(live_session: LiveSession, different: Mapping[str, Any], at: dt.datetime) -> None:
    """Raises Refused for what can no longer be changed, and for a new start that is over."""
    if live_session.ends_at <= at and different.keys() & (UNTIL_THE_START | UNTIL_THE_END):
        refuse_over(live_session, at)
    if live_session.starts_at <= at and different.keys() & UNTIL_THE_START:
        raise Refused(
            Code.LIVE_SESSION_STARTED,
            "This live session has begun: its start and cut-off stay.",
            {"startsAt": live_session.starts_at.isoformat()},
        )
    if any(different.get(name, at) < at for name in ("starts_at", "ends_at")):
        raise Refused(
            Code.BAD_USER_INPUT,
            "A live session can be moved to a time to come only.",
            {"argument": "startsAt" if "starts_at" in different else "endsAt"},
        )


def _outward(live_session: LiveSession, names: Collection[str]) -> dict[str, Any]:
    """As the journal says it."""
    return {SAID[name]: _plain(getattr(live_session, name)) for name in names}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value
