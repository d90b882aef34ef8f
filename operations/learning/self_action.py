"""Nobody marks complete, resets, re-dates or certifies themself; a workspace may allow it (M38).

The table gives ACT_ON_OWN_ENROLMENT to nobody: no role opens this, only the workspace's setting.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.workspaces import Workspace
from operations.refusals import Code, Refused


async def concerns(db: AsyncSession, *, by: Caller, member_ids: Collection[int]) -> bool:
    """Whether the caller is among these people and may not act on themself."""
    if by.member_id is None or by.member_id not in member_ids:
        return False
    return not await db.scalar(
        select(Workspace.allows_self_action).where(Workspace.id == by.workspace_id)
    )


async def refuse(db: AsyncSession, *, by: Caller, member_ids: Collection[int]) -> None:
    """Raises SELF_ACTION where the caller would act on themself and may not."""
    if await concerns(db, by=by, member_ids=member_ids):
        raise Refused(
            Code.SELF_ACTION,
            "Nobody does this to themself; somebody else who may has to.",
            {"memberId": by.member_id},
        )
