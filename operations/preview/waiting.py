"""How many removals of a change would not be done, but wait for somebody to approve them (S11)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from operations.preview.change import SegmentChangeKind
from operations.preview.consequences import FOLLOWED, Course
from operations.preview.people import Moved
from sync_engine.withholding import may_go

BY_RULE: Final = frozenset({SegmentChangeKind.EDIT_RULE, SegmentChangeKind.RESUME})
"""What takes people out by a rule. Whatever is taken away by hand is asked back instead."""

LIMITS: Final = text("""
SELECT w.hold_people, w.hold_percent,
       EXISTS (SELECT FROM hold h WHERE h.workspace_id = w.id AND h.state = 'OPEN'
                  AND h.segment_id = :segment_id) AS is_open,
       (SELECT count(DISTINCT m.member_id) FROM membership m
         WHERE m.segment_id = :segment_id AND m.closed_by_rule
           AND m.until > clock_timestamp() - make_interval(mins => w.hold_minutes)
           AND NOT EXISTS (SELECT FROM membership n
                            WHERE n.segment_id = m.segment_id AND n.member_id = m.member_id
                              AND n.until IS NULL)) AS gone
  FROM workspace w WHERE w.id = :workspace_id
""")


async def waiting_in(
    db: AsyncSession,
    about: Mapping[str, Any],
    kind: SegmentChangeKind,
    found: Moved,
    courses: Sequence[Course],
) -> int:
    """Of those who would leave the segment, all or none: a run holds the removals of a segment as
    a whole. What the limit of the whole workspace holds is not foreseen. No statement where
    nobody leaves, or no course would notice."""
    leaving = len(found.removed)
    is_followed = any(each.mode is not None and FOLLOWED[each.mode][0] for each in courses)
    if kind not in BY_RULE or not leaving or not is_followed:
        return 0
    row = (await db.execute(LIMITS, dict(about))).one()
    people = len(found.before) + row.gone
    limit = may_go(row.hold_people, row.hold_percent, people)
    return leaving if row.is_open or row.gone + leaving > limit else 0
