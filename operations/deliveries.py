"""Applying what lies in the inbox.

Deliveries of one connection are applied one at a time, each in its own transaction. What must
wait for somebody is parked and taken up again when that somebody appears; what cannot be applied
is quarantined with a reason.
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import Final

from psycopg import errors
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from models import journal
from models.identity import Connection, DeliveryStatus, InboxDelivery
from models.journal import record
from operations import connections
from operations.edge import Edge
from operations.identity import apply_user_change
from operations.membership_order import apply_group_change
from operations.refusals import Refused
from operations.statements import (
    IdentityChange,
    Kind,
    Outcome,
    Status,
    parked,
    quarantined,
)
from operations.wording import storable

ATTEMPTS: Final = 3
PATIENCE: Final = dt.timedelta(hours=24)

PENDING: Final = (
    "EXISTS (SELECT FROM inbox_delivery WHERE status = 'RECEIVED' "
    f"OR status = 'PARKED' AND received_at < now() - interval '{PATIENCE.total_seconds():.0f} s')"
)
"""SQL: whether `apply_pending` has something to do."""

_ONE_AT_A_TIME: Final = -1
"""First key of the advisory lock of a connection's inbox; the second is the connection's id. The
engine's locks have a workspace's id there, which is positive."""

log = logging.getLogger(__name__)


class NotUnderstood(Exception):
    """An authentic delivery says nothing we know. The message is the reason of its quarantine."""


Read = Callable[[bytes, str], list[IdentityChange]]
"""From a delivery's body and id to what it says, purely. Raises NotUnderstood."""


async def apply_pending(edge: Edge, *, read: Read, limit: int, at: dt.datetime) -> int:
    """Apply what has been received, oldest first, at most `limit` deliveries; how many it were.

    Raises when the database is away; every delivery applied until then stays so.
    """
    await _lose_patience(edge, at)
    applied = 0
    while applied < limit and await _apply_next(edge, read, at):
        applied += 1
    return applied


async def _apply_next(edge: Edge, read: Read, at: dt.datetime) -> bool:
    async with edge.transaction() as db:
        delivery = await db.scalar(
            select(InboxDelivery)
            .where(InboxDelivery.status == DeliveryStatus.RECEIVED)
            .order_by(InboxDelivery.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if delivery is None:
            return False
        await db.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME, delivery.connection_id)))
        connection = await db.get_one(Connection, delivery.connection_id)
        outcome = await _apply(db, connection, delivery, read, at)
        await _settle(db, connection, delivery, outcome, at)
    return True


async def _apply(
    db: AsyncSession, connection: Connection, delivery: InboxDelivery, read: Read, at: dt.datetime
) -> Outcome | None:
    """What became of the delivery; None when it failed and is to be tried again.

    Whatever goes wrong, nothing it did stays.
    """
    by = Caller(
        connection.workspace_id, connection.name, Origin.WEBHOOK, connection_id=connection.id
    )
    written = journal.position(db)
    try:
        changes = read(delivery.body, delivery.delivery_id)
        async with db.begin_nested():
            outcomes = [await _say(db, by, change, at) for change in changes]
            await db.flush()
        return _together(outcomes)
    except NotUnderstood as reason:
        outcome: Outcome | None = quarantined(str(reason))
    except Refused as refusal:
        waits_for = refusal.details.get("waits_for")
        outcome = parked(waits_for, refusal.message) if waits_for else quarantined(refusal.message)
    except DBAPIError as problem:
        if not _is_about_this(problem):
            raise
        outcome = _failed(delivery, problem)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        outcome = _failed(delivery, problem)
    journal.rewind(db, written)
    return outcome


async def _say(db: AsyncSession, by: Caller, change: IdentityChange, at: dt.datetime) -> Outcome:
    if change.kind in (Kind.USER_CHANGED, Kind.USER_DELETED):
        return await apply_user_change(db, by=by, change=change, at=at)
    return await apply_group_change(db, by=by, change=change, at=at)


def _is_about_this(problem: DBAPIError) -> bool:
    """Whether the database refused this delivery, rather than being away."""
    refusals = (
        errors.IntegrityError,
        errors.DataError,
        errors.ProgramLimitExceeded,
        errors.SerializationFailure,
        errors.DeadlockDetected,
    )
    return isinstance(problem.orig, refusals)


def _failed(delivery: InboxDelivery, problem: Exception) -> Outcome | None:
    log.error("delivery %s failed", delivery.id, exc_info=problem)
    if delivery.attempts + 1 < ATTEMPTS:
        return None
    return quarantined(
        f"It failed {ATTEMPTS} times, the last time with {type(problem).__name__}; this is a "
        "mistake of ours, and the log says more."
    )


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """One outcome for a delivery that says several things: the one that needs most attention."""
    if not outcomes:
        return Outcome(Status.UNCHANGED)
    worst = max(outcomes, key=lambda outcome: _ATTENTION.index(outcome.status))
    return Outcome(
        worst.status,
        worst.reason,
        waits_for=worst.waits_for,
        freed=tuple(each for outcome in outcomes for each in outcome.freed),
        dropped=tuple(each for outcome in outcomes for each in outcome.dropped),
        ties=tuple(each for outcome in outcomes for each in outcome.ties),
    )


_ATTENTION: Final = (
    Status.SUPERSEDED,
    Status.UNCHANGED,
    Status.APPLIED,
    Status.PARKED,
    Status.QUARANTINED,
)
_STATUS: Final = {
    Status.APPLIED: DeliveryStatus.APPLIED,
    Status.UNCHANGED: DeliveryStatus.APPLIED,
    Status.SUPERSEDED: DeliveryStatus.SUPERSEDED,
    Status.PARKED: DeliveryStatus.PARKED,
    Status.QUARANTINED: DeliveryStatus.QUARANTINED,
}


async def _settle(
    db: AsyncSession,
    connection: Connection,
    delivery: InboxDelivery,
    outcome: Outcome | None,
    at: dt.datetime,
) -> None:
    delivery.attempts += 1
    if outcome is None:
        return
    delivery.status = _STATUS[outcome.status]
    delivery.reason = _reason(outcome)
    delivery.waits_for = outcome.waits_for
    delivery.settled_at = None if outcome.status is Status.PARKED else at
    await db.flush()
    if outcome.freed:
        await _wake(db, connection.id, outcome.freed)
    is_quarantined = outcome.status is Status.QUARANTINED
    if is_quarantined:
        _record_quarantine(db, connection, delivery)
    if is_quarantined or outcome.dropped:
        dropped = dict.fromkeys(outcome.dropped, 1)
        await connections.note(
            db, connection_id=connection.id, errors=int(is_quarantined), dropped=dropped, at=at
        )


def _reason(outcome: Outcome) -> str | None:
    said = [outcome.reason] if outcome.reason else []
    if outcome.dropped:
        said.append(f"Not kept here: {', '.join(outcome.dropped)[:500]}.")
    if outcome.ties:
        said.append(f"Said differently at the same time: {', '.join(outcome.ties)[:500]}.")
    return storable(" ".join(said)) or None


async def _wake(db: AsyncSession, connection_id: int, freed: Sequence[str]) -> None:
    await db.execute(
        update(InboxDelivery)
        .where(
            InboxDelivery.connection_id == connection_id,
            InboxDelivery.waits_for.in_(freed),
            InboxDelivery.status == DeliveryStatus.PARKED,
        )
        .values(status=DeliveryStatus.RECEIVED, waits_for=None)
    )


def _record_quarantine(db: AsyncSession, connection: Connection, delivery: InboxDelivery) -> None:
    by = Caller(
        connection.workspace_id, connection.name, Origin.WEBHOOK, connection_id=connection.id
    )
    record(
        db,
        by=by,
        verb="delivery.quarantined",
        detail={"delivery": delivery.id, "delivery_id": delivery.delivery_id},
        reason=delivery.reason,
    )


async def _lose_patience(edge: Edge, at: dt.datetime) -> None:
    """What has been parked too long is quarantined."""
    async with edge.transaction() as db:
        await db.execute(
            update(InboxDelivery)
            .where(
                InboxDelivery.status == DeliveryStatus.PARKED,
                InboxDelivery.received_at < at - PATIENCE,
            )
            .values(
                status=DeliveryStatus.QUARANTINED,
                settled_at=at,
                waits_for=None,
                reason=text(
                    "reason || ' It waited for 24 hours, and is not waited for any longer.'"
                ),
            )
        )
