"""Mail: what operations want sent is written down with what they did, and sent afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import cause_of
from models.mail import Mail, MailKind, MailState


async def queue(
    db: AsyncSession,
    *,
    workspace_id: int,
    key: str,
    kind: MailKind,
    recipients: Sequence[tuple[int, str]],
    parameters: Mapping[str, Any],
) -> bool:
    """Have one mail sent, once: false when a mail with this key was queued before.

    `recipients` are (member id, address); without any, nothing is queued.
    """
    if not recipients:
        return False
    made = await db.scalar(
        insert(Mail)
        .values(
            workspace_id=workspace_id,
            key=key,
            kind=kind,
            recipients=[address for _, address in recipients],
            member_ids=[member_id for member_id, _ in recipients],
            parameters=dict(parameters),
            cause=cause_of(db),
            state=MailState.QUEUED,
        )
        .on_conflict_do_nothing()
        .returning(Mail.id)
    )
    return made is not None
