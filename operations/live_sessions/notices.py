"""What people are told about live sessions by mail, once each.

What fills the templates: name, course, title, starts_at and ends_at (ISO 8601 in the time zone of
the live session, with the offset), time_zone, place, link (for those who have a seat; else null),
reason (or null).
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Course
from models.live_sessions import LiveSession, LiveSessionStaff
from models.mail import MailKind
from operations import mail
from operations.live_sessions.times import local


async def tell(
    db: AsyncSession,
    *,
    live_session: LiveSession,
    kind: MailKind,
    people: Mapping[int, object],
    with_link: bool = False,
    reason: str | None = None,
) -> None:
    """Queue one mail to each. `people`: by member id, what tells this notice from all others of
    its kind that the person gets about this live session."""
    if not people:
        return
    word = kind.value.removeprefix("LIVE_SESSION_").lower()
    await mail.queue_each(
        db,
        workspace_id=live_session.workspace_id,
        kind=kind,
        keys={id: f"live-session:{live_session.id}:{word}:{id}:{n}" for id, n in people.items()},
        parameters={
            **await _said(db, live_session),
            "link": live_session.link if with_link else None,
            "reason": reason,
        },
    )


async def staff_of(db: AsyncSession, live_session_id: int) -> Collection[int]:
    """The people who teach it."""
    rows = await db.scalars(
        select(LiveSessionStaff.member_id)
        .where(LiveSessionStaff.live_session_id == live_session_id)
        .order_by(LiveSessionStaff.member_id)
    )
    return rows.all()


async def _said(db: AsyncSession, live_session: LiveSession) -> dict[str, Any]:
    course = await db.get_one(Course, live_session.course_id)
    return {
        "course": course.title,
        "title": live_session.title,
        "starts_at": local(live_session.starts_at, live_session.time_zone),
        "ends_at": local(live_session.ends_at, live_session.time_zone),
        "time_zone": live_session.time_zone,
        "place": live_session.place,
    }
