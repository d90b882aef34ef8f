"""Pins end with the segment, or the person, they are about.

Whoever ends one has left the markers already, so the engine looks again.
"""

from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from models.holds import MembershipPin


async def end_of_segment(db: AsyncSession, *, workspace_id: int, segment_id: int) -> None:
    """Pins of a segment that is deleted; removals that wait are `holds.deciding`'s."""
    await db.execute(
        delete(MembershipPin).where(
            MembershipPin.workspace_id == workspace_id, MembershipPin.segment_id == segment_id
        )
    )


async def end_of_people(
    db: AsyncSession, *, workspace_id: int, member_ids: Collection[int]
) -> None:
    """Pins of people who are deleted; removals of theirs that wait, the engine does."""
    await db.execute(
        delete(MembershipPin).where(
            MembershipPin.workspace_id == workspace_id, MembershipPin.member_id.in_(member_ids)
        )
    )
