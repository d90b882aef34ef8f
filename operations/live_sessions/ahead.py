"""Whether a course has live sessions ahead, for whoever would make it self-paced."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.live_sessions import LiveSession, LiveSessionState
from operations.refusals import Code, Refused


async def refuse_while_ahead(
    db: AsyncSession, *, workspace_id: int, course_id: int, at: dt.datetime
) -> None:
    """Raises LIVE_SESSIONS_AHEAD, naming those that are not over, under the lock of the course:
    a live session is made under it too."""
    rows = await db.scalars(
        select(LiveSession.id)
        .where(
            LiveSession.workspace_id == workspace_id,
            LiveSession.course_id == course_id,
            LiveSession.state == LiveSessionState.SCHEDULED,
            LiveSession.ends_at > at,
        )
        .order_by(LiveSession.starts_at, LiveSession.id)
        .limit(100)
    )
    ids = list(rows)
    if ids:
        raise Refused(
            Code.LIVE_SESSIONS_AHEAD,
            f"{len(ids)} live sessions of this course are still to come: cancel them, or make it"
            " self-paced when they are over.",
            {"liveSessionIds": ids},
        )
