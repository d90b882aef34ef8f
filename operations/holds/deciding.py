"""Held removals approved, so that the engine does them, or discarded, so that people stay.

What is decided is what waits when it is asked; what comes to wait meanwhile stays undecided. Order
of locks: people, markers, blocks, the guard, rows of holds.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.holds import HeldRemoval, Hold, HoldState, PinOrigin
from models.journal import cause_of, record
from operations import people, pins
from operations.holds import reading
from operations.pins import Because
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import reason_of
from sync_engine.changes import GUARD
from sync_engine.drain import BATCH
from sync_engine.holds import END
from sync_engine.markers import Lane, mark_members
from sync_engine.plan import Pair

APPROVE: Final = text("""
UPDATE held_removal h SET is_approved = true, cause = :cause
  FROM unnest(CAST(:members AS bigint[]), CAST(:segments AS integer[])) AS p(member_id, segment_id)
 WHERE h.workspace_id = :workspace_id AND h.hold_id = :hold_id AND NOT h.is_approved
   AND h.member_id = p.member_id AND h.segment_id = p.segment_id
RETURNING h.member_id, h.segment_id
""")

STILL: Final = text("""
SELECT h.member_id, h.segment_id
  FROM held_removal h
  JOIN unnest(CAST(:members AS bigint[]), CAST(:segments AS integer[])) AS p(member_id, segment_id)
       USING (member_id, segment_id)
 WHERE h.workspace_id = :workspace_id AND h.hold_id = :hold_id AND NOT h.is_approved
""")

LET_GO: Final = text("""
DELETE FROM held_removal h
 USING unnest(CAST(:members AS bigint[]), CAST(:segments AS integer[])) AS p(member_id, segment_id)
 WHERE h.workspace_id = :workspace_id AND h.hold_id = :hold_id
   AND h.member_id = p.member_id AND h.segment_id = p.segment_id
""")

APPROVE_ALL_OF: Final = text("""
UPDATE held_removal SET is_approved = true, cause = :cause
 WHERE workspace_id = :workspace_id AND segment_id = :segment_id AND NOT is_approved
RETURNING hold_id
""")

COUNT: Final = text("""
UPDATE hold SET approved = approved + :approved, discarded = discarded + :discarded
 WHERE workspace_id = :workspace_id AND id = :hold_id
""")


async def approve(
    db: AsyncSession,
    *,
    by: Caller,
    hold_id: int,
    reason: str,
    member_ids: Collection[int] | None = None,
    segment_ids: Collection[int] | None = None,
) -> Hold:
    """Let removals be done that wait: all of a hold, or those of these people, in these segments.

    They count no more among those of which too many have to wait.
    """
    hold, reason = await _open(db, by, hold_id), reason_of(reason)
    pairs = await _waiting(db, hold, member_ids, segment_ids)
    marked = sorted({member_id for member_id, _ in pairs})
    lane = Lane.INTERACTIVE if len(marked) <= BATCH else Lane.BULK
    await mark_members(db, by.workspace_id, marked, lane=lane, cause=cause_of(db))
    await _guard(db, by)
    about = _about(hold, pairs) | {"cause": cause_of(db)}
    done = [(row.member_id, row.segment_id) for row in await db.execute(APPROVE, about)]
    await _counted(db, by, hold, done, approved=len(done))
    _told(db, by=by, verb="hold.approved", hold=hold, done=done, reason=reason)
    return hold


async def discard(
    db: AsyncSession,
    *,
    by: Caller,
    hold_id: int,
    reason: str,
    at: dt.datetime,
    member_ids: Collection[int] | None = None,
    segment_ids: Collection[int] | None = None,
    expires_at: dt.datetime | None = None,
) -> Hold:
    """Let people stay whose removal waits, whatever rules say, until `expires_at`, or for good.

    Who has been deleted meanwhile, or is in a segment that was, is left to the engine.
    """
    hold, reason = await _open(db, by, hold_id), reason_of(reason)
    pins.refuse_past(expires_at, at)
    pairs = await _waiting(db, hold, member_ids, segment_ids)
    locked = await pins.lock(db, by=by, pairs=pairs)
    await _guard(db, by)
    rows = await db.execute(STILL, _about(hold, pairs))
    kept = {
        (row.member_id, row.segment_id): True
        for row in rows
        if row.member_id in locked.members and row.segment_id in locked.segments
    }
    because = Because(PinOrigin.HOLD, reason, expires_at, hold_id=hold.id)
    await pins.write(db, by=by, pins=kept, because=because, at=at)
    await db.execute(LET_GO, _about(hold, kept))
    await _counted(db, by, hold, kept, discarded=len(kept))
    _told(db, by=by, verb="hold.discarded", hold=hold, done=kept, reason=reason)
    return hold


async def end_of_segment(db: AsyncSession, *, by: Caller, segment_id: int) -> None:
    """Who deletes a segment approves of what waits to be removed from it. The segment has been
    marked."""
    await _guard(db, by)
    about = {"workspace_id": by.workspace_id, "segment_id": segment_id, "cause": cause_of(db)}
    approved: dict[int, int] = {}
    for hold_id in await db.scalars(APPROVE_ALL_OF, about):
        approved[hold_id] = approved.get(hold_id, 0) + 1
    for hold_id, count in sorted(approved.items()):
        hold = await db.get_one(Hold, hold_id)
        await _counted(db, by, hold, range(count), approved=count)
        told = {"holdId": hold_id, "count": count}
        record(db, by=by, verb="hold.approved", segment_id=hold.segment_id, detail=told)


async def _open(db: AsyncSession, by: Caller, hold_id: int) -> Hold:
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    hold = await reading.one(db, by=by, id=hold_id)
    if hold.state is not HoldState.OPEN:
        raise Refused(
            Code.CONFLICT,
            f"Nothing of this hold waits any more: it is {hold.state.value}.",
            {"state": hold.state},
        )
    return hold


async def _waiting(
    db: AsyncSession,
    hold: Hold,
    member_ids: Collection[int] | None,
    segment_ids: Collection[int] | None,
) -> list[Pair]:
    """What waits, of these people and in these segments. Who is named and does not wait is
    NOT_FOUND, by name."""
    rows = select(HeldRemoval.member_id, HeldRemoval.segment_id).where(
        HeldRemoval.workspace_id == hold.workspace_id,
        HeldRemoval.hold_id == hold.id,
        HeldRemoval.is_approved.is_(False),
    )
    if member_ids is not None:
        wanted = people.each_once(member_ids)
        rows = rows.where(HeldRemoval.member_id.in_(people.storable(wanted)))
    if segment_ids is not None:
        rows = rows.where(HeldRemoval.segment_id.in_(sorted(segment_ids)))
    pairs = sorted((member_id, segment_id) for member_id, segment_id in await db.execute(rows))
    if member_ids is not None:
        people.refuse_unknown(member_ids, {member_id for member_id, _ in pairs})
    if segment_ids is not None and set(segment_ids) - {segment_id for _, segment_id in pairs}:
        raise not_found("segment in this hold")
    return pairs


async def _guard(db: AsyncSession, by: Caller) -> None:
    connection = await db.connection()
    await connection.exec_driver_sql(GUARD, {"workspace_id": by.workspace_id})


async def _counted(
    db: AsyncSession,
    by: Caller,
    hold: Hold,
    done: Collection[Any],
    *,
    approved: int = 0,
    discarded: int = 0,
) -> None:
    """Count what was decided, and end the hold where nothing of it waits any more."""
    said = {"approved": approved, "discarded": discarded}
    if done:
        about = {"workspace_id": by.workspace_id, "hold_id": hold.id}
        await db.execute(COUNT, about | said)
    connection = await db.connection()
    await connection.exec_driver_sql(END, {"holds": [hold.id]})
    await db.refresh(hold)


def _about(hold: Hold, pairs: Collection[Pair]) -> dict[str, Any]:
    return {
        "workspace_id": hold.workspace_id,
        "hold_id": hold.id,
        "members": [member_id for member_id, _ in pairs],
        "segments": [segment_id for _, segment_id in pairs],
    }


def _told(
    db: AsyncSession, *, by: Caller, verb: str, hold: Hold, done: Collection[Pair], reason: str
) -> None:
    segments: dict[str, list[int]] = {}
    for member_id, segment_id in sorted(done):
        segments.setdefault(str(segment_id), []).append(member_id)
    record(
        db,
        by=by,
        verb=verb,
        segment_id=hold.segment_id,
        detail={"holdId": hold.id, "count": len(done), "state": hold.state, "people": segments},
        reason=reason,
    )
