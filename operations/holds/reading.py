"""Holds, and who waits in them, as far as somebody may see them: whoever edits segments, all."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.holds import HeldRemoval, Hold
from operations import visible

WAITING: Final = text("""
SELECT hold_id, count(*) AS count FROM held_removal
 WHERE workspace_id = :workspace_id AND hold_id = ANY(:holds) AND NOT is_approved GROUP BY hold_id
""")


def seen_by(by: Caller) -> Select[Hold]:
    """The holds a caller may see."""
    return visible.of_workspace(by, Hold, Permission.CREATE_EDIT_SEGMENT)


def waiting_in(by: Caller) -> Select[HeldRemoval]:
    """The removals that wait for a decision, as far as a caller may see them."""
    seen = visible.of_workspace(by, HeldRemoval, Permission.CREATE_EDIT_SEGMENT)
    return seen.where(HeldRemoval.is_approved.is_(False))


async def counts(db: AsyncSession, workspace_id: int, hold_ids: Collection[int]) -> dict[int, int]:
    """How many removals wait in each of these holds; none is left out."""
    asked = {"workspace_id": workspace_id, "holds": sorted(hold_ids)}
    rows = {row.hold_id: row.count for row in await db.execute(WAITING, asked)}
    return {id: rows.get(id, 0) for id in hold_ids}


async def held_in(
    db: AsyncSession, workspace_id: int, member_id: int, segment_ids: Collection[int]
) -> frozenset[int]:
    """Those of these segments that a person is in only because the removal waits."""
    rows = await db.scalars(
        select(HeldRemoval.segment_id).where(
            HeldRemoval.workspace_id == workspace_id,
            HeldRemoval.member_id == member_id,
            HeldRemoval.segment_id.in_(sorted(segment_ids)),
            HeldRemoval.is_approved.is_(False),
        )
    )
    return frozenset(rows)
