"""How current what the engine derived is (S13): exact, from the markers that still wait."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

COUNT_CEILING: Final = 10_000
"""Waiting people are counted up to here; an exact larger number would help nobody."""

WAITING: Final = text("""
WITH RECURSIVE people AS (
    SELECT count(*) AS waiting, min(since) AS since
      FROM (SELECT since FROM dirty_member WHERE workspace_id = :workspace_id
             ORDER BY since LIMIT :ceiling) AS oldest
), parked AS (
    SELECT count(*) AS waiting, min(since) AS since
      FROM parked_member WHERE workspace_id = :workspace_id
), windows AS (
    SELECT count(DISTINCT w.id) AS waiting, min(j.at) AS since
      FROM tick_window w
      LEFT JOIN journal_entry j ON j.workspace_id = w.workspace_id AND j.cause = w.cause
     WHERE w.workspace_id = :workspace_id
), reports AS (
    SELECT count(*) AS waiting, min(since) AS since
      FROM (SELECT since FROM dirty_reports WHERE workspace_id = :workspace_id
               AND EXISTS (SELECT FROM segment WHERE workspace_id = :workspace_id
                              AND asks_above AND deleted_at IS NULL)
             ORDER BY since LIMIT :ceiling) AS oldest
), below(segment_id, id) AS (
    SELECT s.id, s.id FROM unnest(CAST(:segment_ids AS integer[])) AS s(id)
    UNION
    SELECT b.segment_id, CAST(inner_id AS integer)
      FROM below b
      JOIN segment s ON s.workspace_id = :workspace_id AND s.id = b.id AND s.builds_on <> '[]'
     CROSS JOIN LATERAL jsonb_array_elements_text(s.builds_on) AS inner_id
), blocks AS (
    SELECT b.segment_id, count(*) AS waiting, min(d.since) AS since
      FROM below b JOIN dirty_segment d ON d.segment_id = b.id
     GROUP BY b.segment_id
), stream AS (
    SELECT epoch, head, now() AS at FROM workspace_stream WHERE workspace_id = :workspace_id
)
SELECT s.id AS segment_id, people.waiting + windows.waiting + reports.waiting AS people,
       parked.waiting AS parked,
       coalesce(blocks.waiting, 0) AS blocks,
       least(people.since, parked.since, windows.since, reports.since, blocks.since) AS since,
       stream.epoch, stream.head, stream.at,
       (SELECT coalesce(max(seq), 0) FROM journal_entry j
         WHERE j.workspace_id = :workspace_id
           AND j.at < coalesce(
                   least(people.since, parked.since, windows.since, reports.since, blocks.since),
                   'infinity')
       ) AS reflected
  FROM unnest(CAST(:segment_ids AS integer[])) AS s(id)
 CROSS JOIN people CROSS JOIN parked CROSS JOIN windows CROSS JOIN reports CROSS JOIN stream
  LEFT JOIN blocks ON blocks.segment_id = s.id
""")
"""A new day that is not yet worked off keeps what happened before it reflected. Whoever may have
another manager waits only where some rule asks about that."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Everything up to event `seq` (and time `at`) is reflected.

    `waiting_people` and `waiting_blocks` are what the engine still has to look at; both 0 means
    current, unless the engine fails with somebody: `parked_people` wait until that is repaired,
    and nothing since the oldest of them is said to be reflected. A segment's blocks are 4,096
    people each; one not yet expanded counts once.
    """

    epoch: uuid.UUID
    seq: int
    at: dt.datetime
    waiting_people: int
    waiting_blocks: int
    parked_people: int = 0

    @property
    def is_current(self) -> bool:
        return not (self.waiting_people or self.waiting_blocks or self.parked_people)


async def of_segments(
    db: AsyncSession, workspace_id: int, segment_ids: Sequence[int]
) -> dict[int, Freshness]:
    """The freshness of each of these segments, in one statement."""
    rows = await db.execute(
        WAITING,
        {
            "workspace_id": workspace_id,
            "segment_ids": list(segment_ids),
            "ceiling": COUNT_CEILING,
        },
    )
    found = {}
    for row in rows:
        is_current = not (row.people or row.blocks or row.parked)
        found[row.segment_id] = Freshness(
            epoch=row.epoch,
            seq=row.head if is_current else row.reflected,
            at=row.at if is_current or row.since is None else row.since,
            waiting_people=row.people,
            waiting_blocks=row.blocks,
            parked_people=row.parked,
        )
    return found


async def of_courses(
    db: AsyncSession, workspace_id: int, course_ids: Collection[int]
) -> dict[int, Freshness]:
    """A course is as fresh as the stalest segment attached to it; two statements for any number."""
    attached = await db.execute(
        text("SELECT course_id, segment_id FROM course_segment WHERE course_id = ANY(:ids)"),
        {"ids": list(course_ids)},
    )
    segments: dict[int, list[int]] = {course_id: [NO_SEGMENT] for course_id in course_ids}
    for course_id, segment_id in attached:
        segments[course_id].append(segment_id)
    wanted = sorted({segment_id for ids in segments.values() for segment_id in ids})
    each = await of_segments(db, workspace_id, wanted)
    return {
        course_id: _stalest([each[segment_id] for segment_id in ids])
        for course_id, ids in segments.items()
    }


NO_SEGMENT: Final = 0
"""Stands for people alone: no segment has this id."""


def _stalest(parts: Sequence[Freshness]) -> Freshness:
    oldest = min(parts, key=lambda each: (each.is_current, each.seq))
    return Freshness(
        epoch=oldest.epoch,
        seq=oldest.seq,
        at=oldest.at,
        waiting_people=max(each.waiting_people for each in parts),
        waiting_blocks=sum(each.waiting_blocks for each in parts),
        parked_people=oldest.parked_people,
    )


REFLECTED: Final = text("""
SELECT stream.head >= :seq AND NOT EXISTS (
         SELECT FROM tick_window WHERE workspace_id = :workspace_id
         UNION ALL
         SELECT FROM dirty_member WHERE workspace_id = :workspace_id AND since <= entry.at
         UNION ALL
         SELECT FROM dirty_segment WHERE workspace_id = :workspace_id AND since <= entry.at
         UNION ALL
         SELECT FROM dirty_reports WHERE workspace_id = :workspace_id AND since <= entry.at
            AND EXISTS (SELECT FROM segment WHERE workspace_id = :workspace_id
                           AND asks_above AND deleted_at IS NULL)
         UNION ALL
         SELECT FROM parked_member WHERE workspace_id = :workspace_id AND since <= entry.at
            AND cause = entry.cause)
  FROM workspace_stream stream
  LEFT JOIN journal_entry entry ON entry.workspace_id = :workspace_id AND entry.seq = :seq
 WHERE stream.workspace_id = :workspace_id
""")


async def has_reflected(db: AsyncSession, workspace_id: int, seq: int) -> bool:
    """Whether entry `seq` is written and everything the engine derives from it is too (U2).

    Of people who are parked only those count whom the entry's own cause has marked last: nobody
    shall wait for ever because the engine fails with somebody else.
    """
    return bool(await db.scalar(REFLECTED, {"workspace_id": workspace_id, "seq": seq}))
