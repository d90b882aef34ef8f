"""Who was pinned in segments, or out of them, at a place in the journal."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.why.answers import PinThen

PINNED: Final = "membership.pinned"

LAST: Final = text("""
SELECT DISTINCT ON (j.segment_id) j.segment_id, j.verb, j.at, j.by_name, j.after, j.reason
  FROM journal_entry j
 WHERE j.workspace_id = :workspace_id AND j.segment_id = ANY (CAST(:segment_ids AS integer[]))
   AND j.seq <= :seq
   AND (j.verb = 'membership.pinned'
        AND j.after -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
        OR j.verb IN ('membership.unpinned', 'pin.expired')
        AND j.before -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
        OR j.verb = 'segment.deleted')
 ORDER BY j.segment_id, j.seq DESC
""")
"""What was last said of the person beside the rule of each segment."""


async def pins_at(
    db: AsyncSession, member: Member, segment_ids: Collection[int], seq: int
) -> dict[int, PinThen]:
    """The pins of a person that stood at a place, by segment."""
    about = {
        "workspace_id": member.workspace_id,
        "member_id": member.id,
        "segment_ids": sorted(segment_ids),
        "seq": seq,
    }
    rows: Iterable[Any] = await db.execute(LAST, about)
    return {row.segment_id: _pin(row) for row in rows if row.verb == PINNED}


def _pin(row: Any) -> PinThen:
    until = row.after.get("expiresAt")
    return PinThen(
        bool(row.after["isIn"]),
        row.reason or "",
        row.by_name,
        row.at,
        None if until is None else dt.datetime.fromisoformat(until),
    )
