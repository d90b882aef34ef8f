"""How writers tell the engine, in their own transaction, what it has to look at.

A marker that exists is overwritten, never left alone (`DO UPDATE`, not `DO NOTHING`): only then
does the writer hold the row's lock until it commits, so a drain that claimed the marker earlier
cannot miss the change (research: engine §2.3, schedule 2).
"""

import uuid
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

BLOCK_BITS: Final = 12
"""People are worked on in blocks of 2**12 consecutive ids."""

NOT_EXPANDED: Final = -1
"""The block of a segment marker that still stands for all blocks."""

_LANES: Final = "engine.lanes"


class Lane(IntEnum):
    """How urgent a marker is. Interactive work is never stuck behind bulk work (S15)."""

    INTERACTIVE = 0
    BULK = 1


MARK_MEMBERS: Final = """
INSERT INTO dirty_member (member_id, workspace_id, lane, cause)
SELECT id, %(workspace_id)s, %(lane)s, %(cause)s FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id
ON CONFLICT (member_id) DO UPDATE
   SET lane = least(dirty_member.lane, excluded.lane), cause = excluded.cause
"""

MARK_SEGMENT: Final = """
INSERT INTO dirty_segment (segment_id, block, workspace_id, cause)
VALUES (%(segment_id)s, -1, %(workspace_id)s, %(cause)s)
ON CONFLICT (segment_id, block) DO UPDATE SET cause = excluded.cause
"""

RAISE_EPOCH: Final = """
UPDATE engine_state SET epoch = epoch + 1 WHERE workspace_id = %(workspace_id)s RETURNING epoch
"""


async def mark_members(
    db: AsyncSession,
    workspace_id: int,
    member_ids: Iterable[int],
    *,
    lane: Lane = Lane.INTERACTIVE,
    cause: uuid.UUID | None = None,
) -> None:
    """These people's memberships may have changed. The caller holds their row locks."""
    ids = sorted(set(member_ids))
    if not ids:
        return
    connection = await db.connection()
    await connection.exec_driver_sql(
        MARK_MEMBERS,
        {"workspace_id": workspace_id, "lane": int(lane), "cause": cause, "ids": ids},
    )
    _remember(db, lane)


async def raise_epoch(db: AsyncSession, workspace_id: int) -> int:
    """A rule of this workspace is about to change: the next epoch, which the segment must carry.

    Takes the workspace's engine row until commit, so rule edits of one workspace are serial.
    """
    connection = await db.connection()
    rows = await connection.exec_driver_sql(RAISE_EPOCH, {"workspace_id": workspace_id})
    return int(rows.scalar_one())


async def mark_segment(
    db: AsyncSession, workspace_id: int, segment_id: int, *, cause: uuid.UUID | None = None
) -> None:
    """Every membership of this segment may have changed."""
    connection = await db.connection()
    await connection.exec_driver_sql(
        MARK_SEGMENT,
        {"segment_id": segment_id, "workspace_id": workspace_id, "cause": cause},
    )
    _remember(db, Lane.BULK)


def marked_lanes(db: AsyncSession) -> frozenset[int]:
    """The lanes this transaction has left work in."""
    lanes: set[int] = db.info.get(_LANES, set())
    return frozenset(lanes)


def _remember(db: AsyncSession, lane: Lane) -> None:
    db.info.setdefault(_LANES, set()).add(int(lane))
