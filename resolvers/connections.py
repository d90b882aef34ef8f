"""Connections to identity providers, how they are doing, and what they delivered."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Scope
from models.identity import Connection, DeliveryStatus, InboxDelivery
from operations import connections, inbox
from operations.connections import Health
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.listing import Listing, kind_of, listing_of
from resolvers.pages import asked, page_of
from resolvers.references import Reference, refer

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

SHOWN_BYTES: Final = 10_000

refer(Connection, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))
refer(InboxDelivery, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))


async def identity_connections(info: Info) -> Sequence[Connection]:
    async with info.context.read() as db:
        return await connections.list_connections(db, by=info.context.signed_in)


async def deliveries(
    info: Info,
    *,
    connection_id: strawberry.ID | None = None,
    status: list[DeliveryStatus] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Listing:
    """Newest first; the cursor is the number of the last one seen."""
    context = info.context
    kind = kind_of(context, "deliveries")
    wanted = asked(context.seal, kind, first, after)
    statuses = status or ()
    number = None if connection_id is None else number_of(connection_id, "Connection")
    async with context.read() as db:
        found = await inbox.list_deliveries(
            db,
            by=context.signed_in,
            statuses=statuses,
            connection_id=number,
            before_id=wanted.after[0] if wanted.after else None,
            limit=wanted.size + 1,
        )

    async def count(context: Context) -> int:
        async with context.read() as db:
            return await inbox.count_deliveries(
                db, by=context.signed_in, statuses=statuses, connection_id=number
            )

    page = page_of([(row, row.id) for row in found], wanted, 1, context.seal, kind)
    return listing_of(page, [row[0] for row in page.rows], count)


def connection_id(root: Parent) -> str:
    return encode("Connection", root.id)


def delivery_id(root: Parent) -> str:
    return encode("Delivery", root.id)


def delivered_by(root: Parent) -> str:
    return encode("Connection", root.connection_id)


def body(root: Parent) -> str:
    """As it arrived, for reading; what is no text is shown as replacement characters."""
    raw: bytes = root.body
    return raw[:SHOWN_BYTES].decode("utf-8", errors="replace").replace("\x00", "\ufffd")


def path(root: Parent) -> str:
    """Where the provider sends to, below the address of the product."""
    return "/scim/v2" if root.kind == "SCIM" else f"/webhooks/{root.id}"


async def connection_health(root: Parent, info: Info) -> Health | None:
    return await info.context.load(healths_of, root.id)


async def healths_of(
    db: AsyncSession, context: Context, connection_ids: Sequence[int]
) -> list[Health | None]:
    found = await connections.healths_of(db, context.signed_in.workspace_id, connection_ids)
    return [found.get(id) for id in connection_ids]


async def connections_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Connection | None]:
    rows = await db.scalars(
        select(Connection).where(
            Connection.workspace_id == context.signed_in.workspace_id, Connection.id.in_(ids)
        )
    )
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def deliveries_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[InboxDelivery | None]:
    rows = await db.scalars(
        select(InboxDelivery).where(
            InboxDelivery.workspace_id == context.signed_in.workspace_id,
            InboxDelivery.id.in_(ids),
        )
    )
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]
