"""Invitations: who is given something before there is an account is asked to make one, once."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import cause_of

CONSIDER: Final = text("""
INSERT INTO invitation_due (member_id, workspace_id, cause)
SELECT m.id, m.workspace_id, :cause FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY(:ids) AND m.state = 'PENDING'
   AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = m.id)
 ORDER BY m.id
ON CONFLICT (member_id) DO UPDATE SET cause = excluded.cause
""")


async def consider(db: AsyncSession, *, workspace_id: int, member_ids: Collection[int]) -> None:
    """These people were given a grant, a role or an enrolment: whoever of them has no account and
    was never invited will be. Nothing is asked when there is nobody."""
    if member_ids:
        given = {"workspace_id": workspace_id, "ids": list(member_ids), "cause": cause_of(db)}
        await db.execute(CONSIDER, given)
