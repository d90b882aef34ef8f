"""Tokens of our own, as their owners and administrators look them up."""

from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Scope
from models.identity import Token, TokenKind
from operations import tokens as operated
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.listing import Listing, listed
from resolvers.references import IS_SELF, NOTHING, Reference, refer

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME = (func.lower(Token.name), Token.id)

refer(
    Token,
    lambda row, caller: Reference(
        Scope.WORKSPACE,
        row.workspace_id,
        IS_SELF if row.member_id is not None and row.member_id == caller.member_id else NOTHING,
    ),
)


async def own_tokens(
    info: Info,
    *,
    include_ended: bool = False,
    first: int | None = None,
    after: str | None = None,
) -> Listing:
    context = info.context
    async with context.read() as db:
        chosen = await operated.selected(db, by=context.signed_in, ended=include_ended)
    return await listed(
        context, chosen, order=BY_NAME, first=first, after=after, name="viewer.tokens"
    )


async def tokens(
    info: Info,
    *,
    member_id: strawberry.ID | None = None,
    kind: list[TokenKind] | None = None,
    include_ended: bool = False,
    first: int | None = None,
    after: str | None = None,
) -> Listing:
    context = info.context
    async with context.read() as db:
        chosen = await operated.selected(
            db, by=context.signed_in, everybodys=True, ended=include_ended
        )
    if member_id is not None:
        chosen = chosen.where(Token.member_id == number_of(member_id, "Member"))
    if kind is not None:
        chosen = chosen.where(Token.kind.in_(kind))
    return await listed(context, chosen, order=BY_NAME, first=first, after=after, name="tokens")


def token_connection(root: Parent) -> str | None:
    return None if root.connection_id is None else encode("Connection", root.connection_id)


def token_scopes(root: Parent) -> list[Permission]:
    return [Permission(scope) for scope in root.scopes]


async def tokens_by_id(
    db: AsyncSession, context: Context, ids: Sequence[str]
) -> list[Token | None]:
    rows = await db.scalars(
        select(Token).where(Token.workspace_id == context.signed_in.workspace_id, Token.id.in_(ids))
    )
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]
