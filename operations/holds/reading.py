"""Holds, and who waits in them, as far as somebody may see them: whoever edits segments, all."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.holds import HeldRemoval, Hold
from operations import visible
from operations.refusals import not_found


def seen_by(by: Caller) -> Select[Hold]:
    """The holds a caller may see."""
    return visible.of_workspace(by, Hold, Permission.CREATE_EDIT_SEGMENT)


async def one(db: AsyncSession, *, by: Caller, id: int) -> Hold:
    """One hold; raises NOT_FOUND."""
    found: Hold | None = await db.scalar(seen_by(by).where(Hold.id == id))
    if found is None:
        raise not_found("hold")
    return found


def waiting_in(by: Caller) -> Select[HeldRemoval]:
    """The removals that wait for a decision, as far as a caller may see them."""
    seen = visible.of_workspace(by, HeldRemoval, Permission.CREATE_EDIT_SEGMENT)
    return seen.where(HeldRemoval.is_approved.is_(False))


async def counts(db: AsyncSession, workspace_id: int, hold_ids: Collection[int]) -> dict[int, int]:
    """How many removals wait in each of these holds; none is left out."""
    rows = await db.execute(
        select(HeldRemoval.hold_id, func.count())
        .where(
            HeldRemoval.workspace_id == workspace_id,
            HeldRemoval.hold_id.in_(sorted(hold_ids)),
            HeldRemoval.is_approved.is_(False),
        )
        .group_by(HeldRemoval.hold_id)
    )
    found: dict[int, int] = {row[0]: row[1] for row in rows}
    return {id: found.get(id, 0) for id in hold_ids}


async def held_in(
    db: AsyncSession,
    workspace_id: int,
    member_id: int,
    segment_ids: Collection[int],
    *,
    at: dt.datetime | None = None,
) -> frozenset[int]:
    """Those of these segments that a person is in only because the removal waits: now, and already
    at a moment, if one is said."""
    rows = await db.scalars(
        select(HeldRemoval.segment_id).where(
            HeldRemoval.workspace_id == workspace_id,
            HeldRemoval.member_id == member_id,
            HeldRemoval.segment_id.in_(sorted(segment_ids)),
            HeldRemoval.is_approved.is_(False),
            *(() if at is None else (HeldRemoval.since <= at,)),
        )
    )
    return frozenset(rows)


async def open_at(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int], *, at: dt.datetime
) -> frozenset[int]:
    """Those of these segments a hold of which was open at a moment."""
    rows = await db.scalars(
        select(Hold.segment_id).where(
            Hold.workspace_id == workspace_id,
            Hold.segment_id.in_(sorted(segment_ids)),
            Hold.opened_at <= at,
            or_(Hold.ended_at.is_(None), Hold.ended_at > at),
        )
    )
    return frozenset(id for id in rows if id is not None)
