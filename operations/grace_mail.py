"""Whose role is ending is told by mail: of all their courses in one, a moment later (M40).

Whoever has the role again by then is told nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.mail import MailKind
from operations import mail

SETTLED: Final = dt.timedelta(minutes=1)
"""How long a role has been ending when the person is told: changes come in rows."""

SHOWN: Final = 20
"""Courses a mail names."""

PENDING: Final = """
EXISTS (SELECT FROM coordinator_override
         WHERE kind = 'ENDING' AND told_at IS NULL AND created_at <= now() - interval '1 minute')
"""
"""SQL: whether there is anybody to tell."""

TAKE: Final = text("""
WITH due AS MATERIALIZED (
    SELECT DISTINCT member_id FROM (
        SELECT member_id FROM coordinator_override
         WHERE kind = 'ENDING' AND told_at IS NULL AND created_at <= :before
         ORDER BY created_at LIMIT :limit) AS oldest
), untold AS MATERIALIZED (
    SELECT o.course_id, o.member_id FROM coordinator_override o JOIN due USING (member_id)
     WHERE o.kind = 'ENDING' AND o.told_at IS NULL
       FOR UPDATE OF o SKIP LOCKED
)
UPDATE coordinator_override o SET told_at = :at
  FROM untold u, course c, workspace w
 WHERE o.course_id = u.course_id AND o.member_id = u.member_id AND c.id = o.course_id
   AND w.id = o.workspace_id
RETURNING o.workspace_id, o.member_id, (o.expires_at AT TIME ZONE w.time_zone)::date, c.title
""")


async def tell(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """Queue a mail for each of those who have not been told; of how many roles."""
    rows: Sequence[Any] = (
        await db.execute(TAKE, {"at": at, "before": at - SETTLED, "limit": limit})
    ).all()
    for workspace_id, of_workspace in groupby(sorted(rows), key=lambda row: int(row[0])):
        told = {
            int(member_id): _told(of_member)
            for member_id, of_member in groupby(of_workspace, key=lambda row: row[1])
        }
        await mail.queue_each(
            db,
            workspace_id=workspace_id,
            kind=MailKind.COORDINATOR_ENDING,
            keys={id: f"coordinator_ending:{id}:{at.isoformat()}" for id in told},
            parameters={},
            own=told,
        )
    return len(rows)


def _told(rows: Iterable[Any]) -> dict[str, Any]:
    courses = [(title, ends_on.isoformat()) for _, _, ends_on, title in rows]
    return {"rows": courses[:SHOWN], "more": max(0, len(courses) - SHOWN)}
