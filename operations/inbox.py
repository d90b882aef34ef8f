"""The durable inbox: a delivery is stored before its sender hears 2xx, once (I3).

What becomes of it is the business of `deliveries`. What was quarantined can be replayed.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import Connection, DeliveryStatus, InboxDelivery
from models.journal import record
from operations.refusals import Code, Refused, not_found
from operations.rights import require

PAGE: Final = range(1, 201)


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """The delivery is ours now; the sender may forget it."""

    id: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It was stored before; `is_same` is whether its body was the same."""

    is_same: bool


async def store(
    db: AsyncSession, *, connection: Connection, delivery_id: str, body: bytes, at: dt.datetime
) -> StoredDelivery | Duplicate:
    """Keep a delivery, once."""
    id = await db.scalar(
        insert(InboxDelivery)
        .values(
            workspace_id=connection.workspace_id,
            connection_id=connection.id,
            delivery_id=delivery_id,
            received_at=at,
            body=body,
            status=DeliveryStatus.RECEIVED,
        )
        .on_conflict_do_nothing()
        .returning(InboxDelivery.id)
    )
    if id is not None:
        return StoredDelivery(id)
    before = await db.scalar(
        select(InboxDelivery.body).where(
            InboxDelivery.connection_id == connection.id, InboxDelivery.delivery_id == delivery_id
        )
    )
    return Duplicate(before == body)


async def list_deliveries(
    db: AsyncSession,
    *,
    by: Caller,
    statuses: Sequence[DeliveryStatus] = (),
    connection_id: int | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[InboxDelivery]:
    """The workspace's deliveries, newest first."""
    await require(db, by, Permission.REPLAY_IDP_EVENT)
    if limit not in PAGE:
        raise Refused(
            Code.BAD_USER_INPUT, f"A page has 1 to {PAGE[-1]} deliveries; {limit} was asked for."
        )
    query = _chosen(by, statuses, connection_id)
    if before_id is not None:
        query = query.where(InboxDelivery.id < before_id)
    return (await db.scalars(query.order_by(InboxDelivery.id.desc()).limit(limit))).all()


async def count_deliveries(
    db: AsyncSession,
    *,
    by: Caller,
    statuses: Sequence[DeliveryStatus] = (),
    connection_id: int | None = None,
) -> int:
    """How many there are of the same."""
    await require(db, by, Permission.REPLAY_IDP_EVENT)
    chosen = _chosen(by, statuses, connection_id).subquery()
    return await db.scalar(select(func.count()).select_from(chosen)) or 0


def _chosen(
    by: Caller, statuses: Sequence[DeliveryStatus], connection_id: int | None
) -> Select[InboxDelivery]:
    query = select(InboxDelivery).where(InboxDelivery.workspace_id == by.workspace_id)
    if statuses:
        query = query.where(InboxDelivery.status.in_(statuses))
    if connection_id is not None:
        query = query.where(InboxDelivery.connection_id == connection_id)
    return query


async def replay(
    db: AsyncSession, *, by: Caller, delivery_id: int, at: dt.datetime
) -> InboxDelivery:
    """Have a quarantined, parked or discarded delivery (`InboxDelivery.id`) applied again."""
    again = {DeliveryStatus.QUARANTINED, DeliveryStatus.PARKED, DeliveryStatus.DISCARDED}
    delivery = await _lock(db, by, delivery_id, again, "replayed")
    delivery.status = DeliveryStatus.RECEIVED
    delivery.received_at = at
    delivery.attempts = 0
    delivery.reason = delivery.waits_for = delivery.settled_at = None
    record(db, by=by, verb="delivery.replayed", detail={"delivery": delivery.id})
    return delivery


async def discard(
    db: AsyncSession, *, by: Caller, delivery_id: int, at: dt.datetime
) -> InboxDelivery:
    """Give a quarantined or parked delivery up; it stays listed, and can still be replayed."""
    waiting = {DeliveryStatus.QUARANTINED, DeliveryStatus.PARKED}
    delivery = await _lock(db, by, delivery_id, waiting, "discarded")
    delivery.status = DeliveryStatus.DISCARDED
    delivery.waits_for = None
    delivery.settled_at = at
    record(db, by=by, verb="delivery.discarded", detail={"delivery": delivery.id})
    return delivery


async def _lock(
    db: AsyncSession, by: Caller, id: int, allowed: set[DeliveryStatus], done: str
) -> InboxDelivery:
    await require(db, by, Permission.REPLAY_IDP_EVENT)
    delivery = await db.get(InboxDelivery, id, with_for_update=True)
    if delivery is None or delivery.workspace_id != by.workspace_id:
        raise not_found("delivery")
    if delivery.status not in allowed:
        raise Refused(
            Code.CONFLICT,
            f"The delivery is {delivery.status}; only what is "
            f"{', '.join(sorted(allowed))} can be {done}.",
        )
    return delivery
