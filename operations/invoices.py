"""Invoices: one for every calendar month that cost something, in their order, each exactly once.

A month is settled when it is over in the workspace's time zone: its active members are counted
and multiplied by the price of that moment. A month that comes to nothing gets no invoice, so the
numbers stay without a gap. Settling happens under the row lock of the billing account, which
remembers the first month still open.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.billing import BillingAccount, Invoice
from models.journal import record
from models.mail import MailKind
from models.workspaces import Workspace
from operations import activity, billing_mail, visible
from operations.billing import (
    NotTheOperator,
    closes_at,
    month_after,
    payment_method_in,
    price_in,
)
from operations.money import Money
from sync_engine.ticks import zone_named

PENDING: Final = "EXISTS (SELECT FROM billing_account WHERE next_close_at <= now())"
"""True when some month can be settled: one probe of an index."""


_MAIL_KEY: Final = re.compile(r"invoice:([0-9]{1,18})(?:/|$)")


@dataclass(frozen=True, slots=True)
class Settled:
    """One month of one workspace: what it came to, and its invoice's number, if there is one."""

    workspace_id: int
    month: dt.date
    active_members: int
    price: Money
    number: int | None = None

    @property
    def total(self) -> Money:
        return self.price.times(self.active_members)


def seen_by(by: Caller) -> Select[Invoice]:
    """The invoices a caller may see."""
    return visible.of_workspace(by, Invoice, Permission.VIEW_BILLING)


async def due(db: AsyncSession, *, at: dt.datetime, limit: int) -> Sequence[int]:
    """Workspaces with a month to settle, those that wait longest first."""
    found = await db.scalars(
        select(BillingAccount.workspace_id)
        .where(BillingAccount.next_close_at <= at)
        .order_by(BillingAccount.next_close_at, BillingAccount.workspace_id)
        .limit(limit)
    )
    return found.all()


async def settle_month(db: AsyncSession, *, by: Caller, at: dt.datetime) -> Settled | None:
    """Settle the oldest open month of the workspace, with an invoice if it cost anything.

    None when no month is over, or somebody else is at it: whoever it is, it is settled once.
    """
    if not by.is_system:
        raise NotTheOperator("Invoices are issued by the product.")
    account = await db.scalar(
        select(BillingAccount)
        .where(BillingAccount.workspace_id == by.workspace_id, BillingAccount.next_close_at <= at)
        .with_for_update(key_share=True, skip_locked=True)
    )
    if account is None:
        return None
    workspace = await db.get_one(Workspace, by.workspace_id)
    month = account.next_month
    over_at = closes_at(month, workspace.time_zone)
    if over_at > at:
        # The workspace has moved west since this was worked out.
        account.next_close_at = over_at
        return None
    settled = Settled(
        workspace.id,
        month,
        await activity.active_members(db, workspace_id=workspace.id, month=month),
        price_in(account),
    )
    account.next_month = month_after(month)
    account.next_close_at = closes_at(account.next_month, workspace.time_zone)
    if settled.total.minor == 0:
        record(db, by=by, verb="billing.month_closed", after=_shown(settled))
        return settled
    return await _issue(db, by=by, account=account, workspace=workspace, settled=settled, at=at)


async def foreseen(db: AsyncSession, *, workspace_id: int, at: dt.datetime) -> list[Settled]:
    """The months that `settle_month` would settle now, one after another. Nothing is changed."""
    account = await db.get_one(BillingAccount, workspace_id)
    workspace = await db.get_one(Workspace, workspace_id)
    found, month = [], account.next_month
    while closes_at(month, workspace.time_zone) <= at:
        counted = await activity.active_members(db, workspace_id=workspace_id, month=month)
        found.append(Settled(workspace_id, month, counted, price_in(account)))
        month = month_after(month)
    return found


def mail_key(invoice_id: int) -> str:
    """The key of the mail that brings an invoice."""
    return f"invoice:{invoice_id}"


def invoice_of(key: str) -> int | None:
    """The id of the invoice a mail brings, if it brings one; what the outbox adds to the keys of
    further attempts is passed over."""
    match = _MAIL_KEY.match(key)
    return int(match[1]) if match else None


async def _issue(
    db: AsyncSession,
    *,
    by: Caller,
    account: BillingAccount,
    workspace: Workspace,
    settled: Settled,
    at: dt.datetime,
) -> Settled:
    last = await db.scalar(
        select(func.max(Invoice.number)).where(Invoice.workspace_id == workspace.id)
    )
    method = payment_method_in(account)
    invoice = Invoice(
        workspace_id=workspace.id,
        number=(last or 0) + 1,
        month=settled.month,
        active_members=settled.active_members,
        price_minor=settled.price.minor,
        total_minor=settled.total.minor,
        currency=settled.price.currency,
        bill_to=workspace.name,
        payment_method=method.text if method else None,
        issued_on=at.astimezone(zone_named(workspace.time_zone)).date(),
        issued_at=at,
    )
    db.add(invoice)
    await db.flush()
    told = await billing_mail.send(
        db,
        workspace_id=workspace.id,
        key=mail_key(invoice.id),
        kind=MailKind.INVOICE,
        parameters={
            "number": invoice.number,
            "month": f"{settled.month:%Y-%m}",
            "active_members": settled.active_members,
            "price": settled.price.text,
            "total": settled.total.text,
            "invoice_id": invoice.id,
        },
    )
    record(
        db,
        by=by,
        verb="invoice.issued",
        after={"number": invoice.number, **_shown(settled)},
        detail={"mailedTo": told},
    )
    return Settled(
        settled.workspace_id, settled.month, settled.active_members, settled.price, invoice.number
    )


def _shown(settled: Settled) -> dict[str, str | int]:
    return {
        "month": f"{settled.month:%Y-%m}",
        "activeMembers": settled.active_members,
        "price": settled.price.decimal,
        "total": settled.total.decimal,
        "currency": settled.price.currency,
    }
