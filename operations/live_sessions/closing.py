"""What time, and people's leaving, do to live sessions: looked after by workers.

The waitlist ends at the start. Whoever is no longer a learner or staff of the course, or is
deactivated, by whatever door, gives their seat back. Both are decided by how things stand when a
worker looks, so nothing has to be noted, and nothing can be missed.
"""

import datetime as dt
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, system
from models.journal import record
from models.live_sessions import LiveRegistration, LiveSession, LiveSessionState, RegistrationState
from models.mail import MailKind
from operations.live_sessions import notices, seats
from operations.live_sessions.locking import locking
from operations.live_sessions.seats import BELONGS, is_ahead

BEGUN: Final = """
EXISTS (SELECT FROM live_session WHERE waitlist_ended_at IS NULL AND starts_at <= now())
"""
"""SQL: whether a waitlist has to end."""

_LEFT: Final = f"""
  FROM live_session s JOIN live_registration r ON r.live_session_id = s.id
 WHERE s.waitlist_ended_at IS NULL AND r.state IN ('BOOKED', 'WAITLISTED') AND NOT {BELONGS}
"""

LEFT: Final = f"EXISTS (SELECT {_LEFT} AND s.starts_at > now())"
"""SQL: whether somebody has a seat, or waits for one, who has left."""

WHERE_SOMEBODY_LEFT: Final = text(f"""
SELECT DISTINCT s.id {_LEFT} AND s.starts_at > :at ORDER BY s.id LIMIT :most
""")

_RELEASE: Final = """
UPDATE live_registration SET state = 'CANCELLED_BY_USER', place = NULL, is_overbooked = FALSE,
       changed_at = :at
  FROM (SELECT r.id AS left_id, r.state AS former {left} AND s.id = :id) AS gone
 WHERE live_registration.id = left_id
RETURNING live_registration.member_id, former
"""
RELEASE: Final = text(_RELEASE.format(left=_LEFT))

GONE: Final = "No longer on the course."


async def end_waitlists(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """End the waitlists of what has begun, and tell those who still wait; how many there were."""
    rows = await db.scalars(
        locking(select(LiveSession))
        .where(LiveSession.waitlist_ended_at.is_(None), LiveSession.starts_at <= at)
        .order_by(LiveSession.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    ended = rows.all()
    for live_session in ended:
        live_session.waitlist_ended_at = at
        if live_session.state is LiveSessionState.SCHEDULED:
            await _end_waitlist(db, live_session)
    return len(ended)


async def release_left(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """Free the seats of those who have left, and give them to those who wait; in how many live
    sessions there was somebody."""
    ids = (await db.scalars(WHERE_SOMEBODY_LEFT, {"at": at, "most": limit})).all()
    rows = await db.scalars(
        locking(select(LiveSession))
        .where(LiveSession.id.in_(ids))
        .order_by(LiveSession.id)
        .execution_options(populate_existing=True)
    )
    for live_session in rows.all():
        if is_ahead(live_session, at):
            await _release(db, live_session, at)
    return len(ids)


async def _end_waitlist(db: AsyncSession, live_session: LiveSession) -> None:
    waiting = await db.execute(
        select(LiveRegistration.member_id, LiveRegistration.place)
        .where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.state == RegistrationState.WAITLISTED,
        )
        .order_by(LiveRegistration.place)
    )
    people = {row.member_id: row.place for row in waiting}
    if people:
        record(
            db,
            by=system(live_session.workspace_id),
            verb="live_session.waitlist_ended",
            course_id=live_session.course_id,
            detail={"liveSessionId": live_session.id, "waiting": list(people)},
        )
    await notices.tell(
        db, live_session=live_session, kind=MailKind.LIVE_SESSION_WAITLIST_ENDED, people=people
    )


async def _release(db: AsyncSession, live_session: LiveSession, at: dt.datetime) -> None:
    by: Caller = system(live_session.workspace_id)
    gone = (await db.execute(RELEASE, {"id": live_session.id, "at": at})).all()
    for row in gone:
        record(
            db,
            by=by,
            verb="registration.released",
            course_id=live_session.course_id,
            member_id=row.member_id,
            before={"state": row.former},
            after={"state": RegistrationState.CANCELLED_BY_USER},
            detail={"liveSessionId": live_session.id},
            reason=GONE,
        )
    if gone:
        live_session.queue += 1
        await notices.tell(
            db,
            live_session=live_session,
            kind=MailKind.LIVE_SESSION_CANCELLED,
            people={row.member_id: f"off-{live_session.queue}" for row in gone},
            reason="You are no longer on its course.",
        )
    await seats.fill(db, by=by, live_session=live_session, at=at)
