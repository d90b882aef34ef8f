"""What is done by hand and takes the role from more people than may lose it unasked (S11).

Nothing waits then: it is refused, and done once somebody says that it is meant.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.refusals import Code, Refused
from sync_engine.withholding import may_go

LOSING: Final = text("""
WITH through AS MATERIALIZED (
    SELECT s.course_id, s.member_id
      FROM unnest(CAST(:courses AS integer[])) AS c(id)
      JOIN course ON course.id = c.id AND course.state <> 'ARCHIVED'
      JOIN coordinator_source s ON s.course_id = c.id AND s.segment_id = :segment_id
                               AND s.workspace_id = :workspace_id AND s.kind = 'SEGMENT'
      JOIN member p ON p.id = s.member_id AND p.state = 'ACTIVE'
), losing AS (
    SELECT t.member_id FROM through t
     WHERE NOT (:keeps_members AND EXISTS (
               SELECT FROM membership m WHERE m.segment_id = :segment_id
                  AND m.member_id = t.member_id AND m.until IS NULL))
       AND NOT EXISTS (
               SELECT FROM coordinator_source o
                WHERE o.workspace_id = :workspace_id AND o.course_id = t.course_id
                  AND o.member_id = t.member_id AND o.segment_id IS DISTINCT FROM :segment_id
                OFFSET 0)
)
SELECT w.hold_people, w.hold_percent,
       (SELECT count(DISTINCT member_id) FROM through) AS people,
       (SELECT count(DISTINCT member_id) FROM losing) AS losing
  FROM workspace w WHERE w.id = :workspace_id
""")
"""Whom an attachment makes coordinator, and who of them has no other source on that course. A mode
that begins anew keeps the segment's members."""


async def refuse_unasked(
    db: AsyncSession,
    *,
    by: Caller,
    segment_id: int,
    course_ids: Collection[int],
    accepted: int | None,
    keeps_members: bool = False,
) -> None:
    """CONFIRMATION_REQUIRED where more people would lose a course at once than may unasked, and
    than the caller has `accepted`; None accepts however many there are."""
    if accepted is None or not course_ids:
        return
    asked = {
        "workspace_id": by.workspace_id,
        "segment_id": segment_id,
        "courses": sorted(course_ids),
        "keeps_members": keeps_members,
    }
    row = (await db.execute(LOSING, asked)).one()
    limit = may_go(row.hold_people, row.hold_percent, row.people)
    if row.losing <= max(limit, accepted):
        return
    instead = "acceptLosses" if keeps_members else "basedOn"
    way_out = "look at it with previewSegmentChange, and give its basedOn"
    if keeps_members:
        way_out += f"; or say acceptLosses: {row.losing}"
    raise Refused(
        Code.CONFIRMATION_REQUIRED,
        f"{row.losing} people would lose the role at once; {limit} may unasked. If that is meant,"
        f" {way_out}.",
        {"argument": instead, "limit": limit, "actual": row.losing, "people": row.people},
    )
