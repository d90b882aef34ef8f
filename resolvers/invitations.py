"""What became of somebody's invitation, and sending it again."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.invitations import Invitation
from operations import inviting
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.member_search import InvitationState

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation as administrators see it."""

    state: InvitationState
    invited_at: dt.datetime | None = None
    last_sent_at: dt.datetime | None = None
    sent_count: int = 0
    expires_at: dt.datetime | None = None


async def of_member(root: Parent, info: Info) -> Invited:
    return await info.context.load(of_members, root.id)


async def of_members(
    db: AsyncSession, context: Context, member_ids: Sequence[int]
) -> list[Invited]:
    """The invitations of these people, in one statement."""
    rows = await db.scalars(
        select(Invitation).where(
            Invitation.workspace_id == context.signed_in.workspace_id,
            Invitation.member_id.in_(member_ids),
        )
    )
    found = {row.member_id: _shown(row) for row in rows}
    return [found.get(id, Invited(InvitationState.NOT_INVITED)) for id in member_ids]


async def resend_invitation(
    info: Info,
    *,
    member_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    seals = info.context.seals

    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(member_id, "Member")
        await inviting.resend(
            db, by=caller, member_id=number, seals=seals, at=dt.datetime.now(dt.UTC)
        )
        return {"member_id": number}

    return await answer(info, operation)


def _shown(row: Invitation) -> Invited:
    is_over = row.expires_at <= dt.datetime.now(dt.UTC)
    state = InvitationState.EXPIRED if is_over else InvitationState.INVITED
    return Invited(
        InvitationState.ACCEPTED if row.accepted_at is not None else state,
        row.invited_at,
        row.last_sent_at,
        row.sent_count,
        row.expires_at,
    )
