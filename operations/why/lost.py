"""What led into a segment, or out of it, where a marker kept a cause that is about something else.

Markers keep one cause, the latest, and the run that follows does the work of all. What is left is
the newest change before that run that bears on this person in this segment.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from operations.why import known
from operations.why.answers import Cause
from operations.why.entries import ADDED, DELETED, Track
from operations.why.history import History

OF_LIVES: Final = {
    True: frozenset({ADDED, "member.reactivated"}),
    False: frozenset({"member.deactivated", DELETED}),
}
"""What lets a person into segments, and what ends the person's time in all of them."""

OF_SEGMENTS: Final = text("""
SELECT w.segment_id, w.place, j.seq, j.at, j.verb, j.by_name, j.origin, j.before, j.after
  FROM unnest(CAST(:segment_ids AS integer[]), CAST(:places AS bigint[])) AS w(segment_id, place)
 CROSS JOIN LATERAL (
       SELECT * FROM journal_entry j
        WHERE j.workspace_id = :workspace_id AND j.segment_id = w.segment_id AND j.seq < w.place
          AND CASE j.verb
              WHEN 'segment.people_named'
              THEN j.after -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
              WHEN 'segment.people_unnamed'
              THEN j.before -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
              WHEN 'membership.pinned'
              THEN j.after -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
              WHEN 'membership.unpinned'
              THEN j.before -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
              WHEN 'pin.expired'
              THEN j.before -> 'memberIds' @> to_jsonb(CAST(:member_id AS bigint))
              WHEN 'segment.edited' THEN j.after ? 'rule'
              ELSE j.verb IN ('segment.created', 'segment.restored', 'segment.resumed',
                              'segment.deleted')
              END
        ORDER BY j.seq DESC LIMIT 1) AS j
""")
"""What last changed who is in a segment, as far as it may concern the person."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A cause that is to be found: of coming into a segment that looks at `used`, or of leaving it,
    before place `before`."""

    segment_id: int
    before: int
    used: frozenset[str]
    is_in: bool


async def found_anew(
    db: AsyncSession, past: History, changes: Mapping[str, Cause], lost: Collection[Lost]
) -> dict[Lost, Cause | None]:
    """For each of these the newest change that bears on it, in as many statements however many.

    `changes` are those of what is not told of the person alone: directory groups and the day.
    """
    if not lost:
        return {}
    about = {
        "workspace_id": past.member.workspace_id,
        "member_id": past.member.id,
        "segment_ids": [each.segment_id for each in lost],
        "places": [each.before for each in lost],
    }
    rows: Iterable[Any] = await db.execute(OF_SEGMENTS, about)
    of_segments = {(row.segment_id, row.place): Cause(*row[2:]) for row in rows}
    return {
        each: max(
            _candidates(past, changes, each, of_segments.get((each.segment_id, each.before))),
            key=lambda cause: cause.seq,
            default=None,
        )
        for each in lost
    }


def _candidates(
    past: History, changes: Mapping[str, Cause], lost: Lost, of_segment: Cause | None
) -> list[Cause]:
    own = known.changes_of(past.entries, lost.used, lost.before - 1)
    others = (changes[name] for name in lost.used - own.keys() if name in changes)
    found = [*own.values(), *(each for each in others if each.seq < lost.before)]
    life = Track.of(past.lives.entries, OF_LIVES[lost.is_in]).last(lost.before - 1)
    if life is not None:
        found.append(life.as_cause())
    return [*found, *([of_segment] if of_segment else [])]
