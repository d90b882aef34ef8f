"""Mutations of connections to identity providers, and of what they delivered."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.identity import Connection, ConnectionKind, InboxDelivery, TokenKind
from operations import connections, inbox, tokens
from resolvers.answers import Answer, Values, answer
from resolvers.connections import connections_by_id, deliveries_by_id
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.moments import exact

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def create_connection(
    info: Info,
    *,
    name: str,
    kind: ConnectionKind,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        made, secret = await connections.create(
            db, by=caller, name=name, kind=kind, seals=info.context.seals, at=_now()
        )
        return {"connection_id": made.id, "secret": secret}

    return await answer(info, operation)


async def rotate_connection_secret(
    info: Info,
    *,
    connection_id: strawberry.ID,
    overlap_hours: int = 24,
    public_key: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(connection_id, "Connection")
        secret = await connections.rotate_secret(
            db,
            by=caller,
            connection_id=number,
            seals=info.context.seals,
            overlap=dt.timedelta(hours=overlap_hours),
            public_key=public_key,
            at=_now(),
        )
        return {"connection_id": number, "secret": secret}

    return await answer(info, operation)


async def create_connection_token(
    info: Info,
    *,
    connection_id: strawberry.ID,
    name: str,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(connection_id, "Connection")
        _, secret = await tokens.create(
            db,
            by=caller,
            kind=TokenKind.SCIM,
            name=name,
            connection_id=number,
            expires_at=exact(expires_at, "expiresAt"),
            at=_now(),
        )
        return {"connection_id": number, "secret": secret}

    return await answer(info, operation)


async def set_connection_enabled(
    info: Info,
    *,
    connection_id: strawberry.ID,
    is_enabled: bool,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(connection_id, "Connection")
        await connections.set_enabled(db, by=caller, connection_id=number, is_enabled=is_enabled)
        return {"connection_id": number}

    return await answer(info, operation)


async def replay_idp_event(
    info: Info,
    *,
    delivery_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(delivery_id, "Delivery")
        await inbox.replay(db, by=caller, delivery_id=number, at=_now())
        return {"delivery_id": number}

    return await answer(info, operation)


async def discard_idp_event(
    info: Info,
    *,
    delivery_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(delivery_id, "Delivery")
        await inbox.discard(db, by=caller, delivery_id=number, at=_now())
        return {"delivery_id": number}

    return await answer(info, operation)


async def touched_connection(root: Parent, info: Info) -> Connection | None:
    if root.connection_id is None:
        return None
    return await info.context.load(connections_by_id, root.connection_id)


async def touched_delivery(root: Parent, info: Info) -> InboxDelivery | None:
    if root.delivery_id is None:
        return None
    return await info.context.load(deliveries_by_id, root.delivery_id)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
