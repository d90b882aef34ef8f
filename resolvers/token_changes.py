"""Mutations of tokens of our own."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import Token, TokenKind
from operations import tokens
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.moments import exact
from resolvers.tokens import tokens_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def create_token(
    info: Info,
    *,
    kind: TokenKind,
    name: str,
    member_id: strawberry.ID | None = None,
    scopes: list[Permission] | None = None,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        made, secret = await tokens.create(
            db,
            by=caller,
            kind=kind,
            name=name,
            member_id=(caller.member_id if member_id is None else number_of(member_id, "Member")),
            scopes=[scope.value for scope in scopes or ()],
            expires_at=exact(expires_at, "expiresAt"),
            at=dt.datetime.now(dt.UTC),
        )
        return {"token_id": made.id, "secret": secret}

    return await answer(info, operation)


async def revoke_token(
    info: Info,
    *,
    token_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        ended = await tokens.revoke(db, by=caller, token_id=token_id, at=dt.datetime.now(dt.UTC))
        return {"token_id": ended.id}

    return await answer(info, operation)


async def touched_token(root: Parent, info: Info) -> Token | None:
    if root.token_id is None:
        return None
    return await info.context.load(tokens_by_id, root.token_id)
