"""The time zone in which moments are written."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from models.workspaces import Workspace
from sync_engine.ticks import zone_named


async def zone_of(db: AsyncSession, workspace_id: int) -> dt.tzinfo:
    """That of the workspace."""
    workspace = await db.get_one(Workspace, workspace_id)
    return zone_named(workspace.time_zone)
