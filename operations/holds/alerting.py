"""Workspace managers are written to when removals begin to wait: once for each hold."""

import datetime as dt
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Principal
from models.grants import Grant
from models.holds import HoldState
from models.mail import MailKind
from operations import mail

PENDING: Final = "EXISTS (SELECT FROM hold WHERE told_at IS NULL)"
"""SQL: whether there is anything to tell."""

TAKE: Final = text("""
WITH due AS MATERIALIZED (
    SELECT id FROM hold WHERE told_at IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE hold h SET told_at = :at
  FROM due WHERE h.id = due.id
RETURNING h.id, h.workspace_id, h.state, h.held, h.most, h.people,
          (SELECT s.name FROM segment s WHERE s.id = h.segment_id) AS segment
""")


async def tell(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """Queue a mail to the managers of the workspace about each hold they do not know of; how many.
    Of one that is over already nothing is said."""
    rows: list[Any] = list(await db.execute(TAKE, {"at": at, "limit": limit}))
    for row in sorted(rows):
        if row.state == HoldState.OPEN:
            await _tell(db, row)
    return len(rows)


async def _tell(db: AsyncSession, row: Any) -> None:
    managers = await db.scalars(
        select(Grant.member_id).where(
            Grant.workspace_id == row.workspace_id,
            Grant.principal == Principal.WORKSPACE_MANAGER,
            Grant.pending_until.is_(None),
        )
    )
    await mail.queue_each(
        db,
        workspace_id=row.workspace_id,
        kind=MailKind.HOLD_OPENED,
        keys={id: f"hold:{row.id}:{id}" for id in sorted(managers)},
        parameters={
            "segment": row.segment,
            "held": row.held,
            "most": row.most,
            "people": row.people,
        },
    )
