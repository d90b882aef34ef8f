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
from models.mail import Mail, MailState
from operations import invitations
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
    mail: MailState | None = None
    problem: str | None = None


async def of_member(root: Parent, info: Info) -> Invited:
    return await info.context.load(of_members, root.id)


async def of_members(
    db: AsyncSession, context: Context, member_ids: Sequence[int]
) -> list[Invited]:
    """The invitations of these people, and the mails they last went out with, in two statements."""
    workspace_id = context.signed_in.workspace_id
    rows = await db.scalars(
        select(Invitation).where(
            Invitation.workspace_id == workspace_id, Invitation.member_id.in_(member_ids)
        )
    )
    numbered = {invitations.mail_key(row.member_id, row.sent_count): row for row in rows}
    mails = await db.execute(
        select(Mail.key, Mail.state, Mail.last_error).where(
            Mail.workspace_id == workspace_id, Mail.key.in_(numbered)
        )
    )
    sent = {key: (state, error) for key, state, error in mails}
    found = {row.member_id: _shown(row, *sent.get(key, ())) for key, row in numbered.items()}
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
        await invitations.resend(
            db, by=caller, member_id=number, seals=seals, at=dt.datetime.now(dt.UTC)
        )
        return {"member_id": number}

    return await answer(info, operation)


def _shown(row: Invitation, mail: MailState | None = None, problem: str | None = None) -> Invited:
    is_over = row.expires_at <= dt.datetime.now(dt.UTC)
    state = InvitationState.EXPIRED if is_over else InvitationState.INVITED
    return Invited(
        InvitationState.ACCEPTED if row.accepted_at is not None else state,
        row.invited_at,
        row.last_sent_at,
        row.sent_count,
        row.expires_at,
        mail,
        problem,
    )
