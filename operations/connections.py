"""Connections to identity providers: made, switched, given secrets, and looked after (I6).

A webhook connection has up to two live secrets, so that one can be exchanged while the provider
still signs with the other. A secret is the text the Standard Webhooks specification gives it:
`whsec_` for a shared one we make, `whpk_` for the public key of a provider that signs with its
own. SCIM connections have tokens instead (`operations.tokens`).
"""

import base64
import binascii
import datetime as dt
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.identity import (
    Connection,
    ConnectionKind,
    ConnectionSecret,
    DeliveryStatus,
    InboxDelivery,
)
from models.journal import record
from operations.constraints import refused_by
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import name_of, storable

MANAGE: Final = Permission.GRANT_WORKSPACE_MANAGER
"""A provider writes what decides everybody's roles: connecting one is for whoever may name the
workspace's managers."""

LIVE_SECRETS: Final = 2
OVERLAP: Final = dt.timedelta(hours=24)
LONGEST_OVERLAP: Final = dt.timedelta(days=30)
SECRET_BYTES: Final = 32
SHARED: Final = "whsec_"
PUBLIC: Final = "whpk_"
SEEN_IS_NOTED_EVERY: Final = dt.timedelta(seconds=10)
NAMES_KEPT: Final = 100


class Seals(Protocol):
    """What keeps secrets readable for us alone: the installation's key ring."""

    def seal(self, secret: bytes, *, context: str) -> tuple[bytes, str]:
        """(sealed, name of the key)."""

    def open(self, sealed: bytes, key_name: str, *, context: str) -> bytes:
        """What was sealed for the same context."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection is doing. `waiting` are deliveries received and not yet settled."""

    last_seen_at: dt.datetime | None
    error_count: int
    dropped_count: int
    dropped: Mapping[str, int]
    waiting: int
    parked: int
    quarantined: int
    oldest_waiting_at: dt.datetime | None


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    name: str,
    kind: ConnectionKind,
    seals: Seals | None = None,
    at: dt.datetime,
) -> tuple[Connection, str | None]:
    """A new connection; a WEBHOOK one comes with its secret, shown this once."""
    await require(db, by, MANAGE)
    name = name_of(name, "connection's name")
    connection = Connection(workspace_id=by.workspace_id, name=name, kind=kind, dropped={})
    taken = Refused(Code.NAME_TAKEN, f"There is a connection “{name}” already.")
    async with refused_by(db, uq_connection_name=taken):
        db.add(connection)
    record(
        db,
        by=by,
        verb="connection.created",
        after={"name": name, "kind": kind},
        detail={"connection": connection.id},
    )
    if kind is not ConnectionKind.WEBHOOK:
        return connection, None
    if seals is None:
        raise ValueError("A webhook connection needs seals to keep its secret under.")
    secret = _new_secret()
    await _keep(db, connection, secret, seals, at)
    return connection, secret


async def set_enabled(
    db: AsyncSession, *, by: Caller, connection_id: int, is_enabled: bool
) -> Connection:
    """Let a connection speak, or no longer; what was received before is still applied."""
    await require(db, by, MANAGE)
    connection = await _lock(db, by, connection_id)
    if connection.is_enabled is not is_enabled:
        connection.is_enabled = is_enabled
        record(
            db,
            by=by,
            verb="connection.enabled" if is_enabled else "connection.disabled",
            detail={"connection": connection.id, "name": connection.name},
        )
    return connection


async def rotate_secret(
    db: AsyncSession,
    *,
    by: Caller,
    connection_id: int,
    seals: Seals,
    overlap: dt.timedelta = OVERLAP,
    public_key: str | None = None,
    at: dt.datetime,
) -> str:
    """A new secret (or the provider's `public_key`), shown this once; the one before it is good
    for `overlap` longer, and older ones end now."""
    await require(db, by, MANAGE)
    connection = await _lock(db, by, connection_id)
    if connection.kind is not ConnectionKind.WEBHOOK:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{connection.name} is a {connection.kind} connection and has tokens, not secrets.",
        )
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"The secret before can stay good for 0 to {LONGEST_OVERLAP.days} days; "
            f"{overlap} was asked for.",
        )
    secret = _new_secret() if public_key is None else _public(public_key)
    await _end_older(db, connection.id, at + overlap, at)
    await _keep(db, connection, secret, seals, at)
    record(
        db,
        by=by,
        verb="connection.rotated",
        detail={"connection": connection.id, "overlap_seconds": overlap.total_seconds()},
    )
    return secret


async def live_secrets(
    db: AsyncSession, *, connection_id: int, seals: Seals, at: dt.datetime
) -> list[str]:
    """The secrets a webhook of this connection may be signed with now; newest first."""
    rows = await db.scalars(
        select(ConnectionSecret)
        .where(
            ConnectionSecret.connection_id == connection_id,
            or_(ConnectionSecret.expires_at.is_(None), ConnectionSecret.expires_at > at),
        )
        .order_by(ConnectionSecret.id.desc())
        .limit(LIVE_SECRETS)
    )
    context = _context(connection_id)
    return [seals.open(row.sealed, row.key_id, context=context).decode() for row in rows]


async def list_connections(db: AsyncSession, *, by: Caller) -> Sequence[Connection]:
    """The workspace's connections, by name."""
    await require(db, by, MANAGE)
    rows = await db.scalars(
        select(Connection)
        .where(Connection.workspace_id == by.workspace_id)
        .order_by(func.lower(Connection.name))
    )
    return rows.all()


async def healths_of(
    db: AsyncSession, workspace_id: int, connection_ids: Collection[int]
) -> dict[int, Health]:
    """The numbers of these connections of the workspace, in two statements for any number."""
    counted = await db.execute(
        select(
            InboxDelivery.connection_id,
            InboxDelivery.status,
            func.count(),
            func.min(InboxDelivery.received_at),
        )
        .where(InboxDelivery.connection_id.in_(connection_ids))
        .group_by(InboxDelivery.connection_id, InboxDelivery.status)
    )
    tally = {(id, status): (count, oldest) for id, status, count, oldest in counted}
    rows = await db.scalars(
        select(Connection).where(
            Connection.workspace_id == workspace_id, Connection.id.in_(connection_ids)
        )
    )
    return {row.id: _health(row, tally) for row in rows}


def _health(
    row: Connection, tally: Mapping[tuple[int, DeliveryStatus], tuple[int, dt.datetime | None]]
) -> Health:
    waiting, oldest = tally.get((row.id, DeliveryStatus.RECEIVED), (0, None))
    return Health(
        last_seen_at=row.last_seen_at,
        error_count=row.error_count,
        dropped_count=row.dropped_count,
        dropped=row.dropped,
        waiting=waiting,
        parked=tally.get((row.id, DeliveryStatus.PARKED), (0, None))[0],
        quarantined=tally.get((row.id, DeliveryStatus.QUARANTINED), (0, None))[0],
        oldest_waiting_at=oldest,
    )


async def note(
    db: AsyncSession,
    *,
    connection_id: int,
    errors: int = 0,
    dropped: Mapping[str, int] | None = None,
    at: dt.datetime,
) -> None:
    """Remember that the provider spoke, what failed, and what of it is not kept here."""
    if not errors and not dropped:
        await db.execute(
            update(Connection)
            .where(
                Connection.id == connection_id,
                or_(
                    Connection.last_seen_at.is_(None),
                    Connection.last_seen_at < at - SEEN_IS_NOTED_EVERY,
                ),
            )
            .values(last_seen_at=at)
        )
        return
    connection = await db.get(
        Connection,
        connection_id,
        with_for_update={"key_share": True},
        populate_existing=True,
    )
    if connection is None:
        return
    connection.last_seen_at = at
    connection.error_count += errors
    names = dict(connection.dropped)
    for name, count in (dropped or {}).items():
        connection.dropped_count += count
        shown = storable(name)[:100]
        if shown in names or len(names) < NAMES_KEPT:
            names[shown] = names.get(shown, 0) + count
    connection.dropped = names


async def _lock(db: AsyncSession, by: Caller, connection_id: int) -> Connection:
    connection = await db.get(Connection, connection_id, with_for_update={"key_share": True})
    if connection is None or connection.workspace_id != by.workspace_id:
        raise not_found("connection")
    return connection


async def _keep(
    db: AsyncSession, connection: Connection, secret: str, seals: Seals, at: dt.datetime
) -> None:
    sealed, key_name = seals.seal(secret.encode(), context=_context(connection.id))
    db.add(
        ConnectionSecret(connection_id=connection.id, sealed=sealed, key_id=key_name, created_at=at)
    )
    await db.flush()


async def _end_older(
    db: AsyncSession, connection_id: int, newest_ends_at: dt.datetime, at: dt.datetime
) -> None:
    """The newest secret gets an end, or ends now; all others go."""
    newest = await db.scalar(
        select(func.max(ConnectionSecret.id)).where(ConnectionSecret.connection_id == connection_id)
    )
    await db.execute(
        delete(ConnectionSecret).where(
            ConnectionSecret.connection_id == connection_id,
            ConnectionSecret.id.is_distinct_from(newest if newest_ends_at > at else None),
        )
    )
    await db.execute(
        update(ConnectionSecret)
        .where(ConnectionSecret.id == newest)
        .values(expires_at=func.least(ConnectionSecret.expires_at, newest_ends_at))
    )


def _context(connection_id: int) -> str:
    return f"connection {connection_id}"


def _new_secret() -> str:
    return SHARED + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _public(text: str) -> str:
    """The text of an ed25519 public key; raises Refused."""
    try:
        key = base64.b64decode(text.removeprefix(PUBLIC), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PUBLIC) or len(key) != SECRET_BYTES:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A public key is written {PUBLIC} and then 32 bytes in base64; this one has "
            f"{len(key)} bytes.",
        )
    return text
