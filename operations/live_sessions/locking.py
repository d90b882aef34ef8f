"""The one lock of a live session, and which live sessions a caller sees."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.catalog import Course, CourseKind
from models.live_sessions import LiveSession, LiveSessionState
from operations import visible
from operations.refusals import Code, Refused, not_found
from operations.rights import Rights

LOOKS_AFTER: Final = (
    Permission.MANAGE_SESSIONS,
    Permission.MANAGE_SESSION_ROSTER,
    Permission.MARK_ATTENDANCE,
)
"""Whoever may do any of this on a course may read where its live sessions are joined."""


def seen_by(by: Caller) -> Select[Any]:
    """The live sessions of the courses whose information the caller may read."""
    seen = visible.courses(by).with_only_columns(Course.id)
    return select(LiveSession).where(
        LiveSession.workspace_id == by.workspace_id, LiveSession.course_id.in_(seen)
    )


async def lock(db: AsyncSession, *, by: Caller, live_session_id: int) -> LiveSession:
    """The live session, its row locked; NOT_FOUND alike when it is missing and when it is hidden.

    Everything seats depend on is read after this, and so as whoever held the lock before left it.
    """
    return await _found(db, by, locking(select(LiveSession)), live_session_id)


async def seen(db: AsyncSession, *, by: Caller, live_session_id: int) -> LiveSession:
    """The same without the lock, for what must be known before it is taken."""
    return await _found(db, by, select(LiveSession), live_session_id)


def locking(rows: Select[Any]) -> Select[Any]:
    """The rows, each held until the transaction ends."""
    return rows.with_for_update(key_share=True)


def refuse_canceled(live_session: LiveSession) -> None:
    """Raises LIVE_SESSION_CANCELLED."""
    if live_session.state is LiveSessionState.CANCELLED:
        raise Refused(Code.LIVE_SESSION_CANCELLED, "This live session was canceled.")


def refuse_over(live_session: LiveSession, at: dt.datetime) -> None:
    """Raises LIVE_SESSION_OVER."""
    if live_session.ends_at <= at:
        raise Refused(
            Code.LIVE_SESSION_OVER,
            "This live session is over; what it was stays as it is.",
            {"endsAt": live_session.ends_at.isoformat()},
        )


def refuse_self_paced(course: Course) -> None:
    """Raises NOT_INSTRUCTOR_LED (M12)."""
    if course.kind is not CourseKind.INSTRUCTOR_LED:
        raise Refused(
            Code.NOT_INSTRUCTOR_LED, "Only instructor-led courses have live sessions; this is none."
        )


async def _found(
    db: AsyncSession, by: Caller, rows: Select[Any], live_session_id: int
) -> LiveSession:
    found: LiveSession | None = await db.scalar(
        rows.where(
            LiveSession.workspace_id == by.workspace_id, LiveSession.id == live_session_id
        ).execution_options(populate_existing=True)
    )
    if found is None:
        raise not_found("live session")
    if not by.is_system:
        rights = Rights(by)
        await rights.prepare(db, courses=[found.course_id])
        if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, found.course_id).allowed:
            raise not_found("live session")
    return found
