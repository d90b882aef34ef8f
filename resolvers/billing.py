"""What a workspace pays, its invoices, and the mail about them."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Scope
from models.billing import BillingAccount, Invoice
from models.mail import Mail
from operations import billing, billing_mail, invoices, visible
from operations.billing import PaymentMethod
from operations.billing_mail import Contact
from operations.money import Money
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import encode
from resolvers.listing import Listing, listed
from resolvers.references import Reference, refer
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

NEWEST_INVOICE: Final = ((-Invoice.number).label("newest"),)
NEWEST_MAIL: Final = ((-Mail.id).label("newest"),)

_OF_THE_WORKSPACE: Final[tuple[Any, ...]] = (
    BillingAccount,
    Invoice,
    Mail,
    PaymentMethod,
    Contact,
)
for _kind in _OF_THE_WORKSPACE:
    refer(_kind, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))


async def view_billing(info: Info, at_least: Cursor | None = None) -> BillingAccount:
    await positions.at_least(info.context, at_least)
    async with info.context.read() as db:
        return await billing.view(db, by=info.context.signed_in)


def account_price(root: Parent) -> Money:
    return billing.price_in(root)


def payment_method(root: Parent) -> PaymentMethod | None:
    return billing.payment_method_in(root)


async def all_invoices(
    info: Info, *, first: int | None = None, after: str | None = None
) -> Listing:
    return await listed(
        info.context,
        invoices.seen_by(info.context.signed_in),
        order=NEWEST_INVOICE,
        first=first,
        after=after,
        name="invoices",
    )


async def all_mail(info: Info, *, first: int | None = None, after: str | None = None) -> Listing:
    return await listed(
        info.context,
        billing_mail.seen_by(info.context.signed_in),
        order=NEWEST_MAIL,
        first=first,
        after=after,
        name="billingMail",
    )


async def contacts(root: Parent, info: Info) -> Sequence[Contact]:
    async with info.context.read() as db:
        return await billing_mail.contacts(db, workspace_id=root.workspace_id)


def invoice_price(root: Parent) -> Money:
    return Money(root.price_minor, root.currency)


def invoice_total(root: Parent) -> Money:
    return Money(root.total_minor, root.currency)


def pdf_url(root: Parent) -> str:
    """Below the address of the product; the door asks for a token."""
    return f"/invoices/{encode('Invoice', root.id)}.pdf"


async def invoice_sent(root: Parent, info: Info) -> Invoice | None:
    number = invoices.invoice_of(root.key)
    return None if number is None else await info.context.load(invoices_by_id, number)


async def invoices_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Invoice | None]:
    """Those the caller may see, in one statement."""
    rows = await db.scalars(invoices.seen_by(context.signed_in).where(Invoice.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def accounts_by_workspace(
    db: AsyncSession, context: Context, workspace_ids: Sequence[int]
) -> list[BillingAccount | None]:
    """Those the caller may see, in one statement."""
    seen = visible.of_workspace(context.signed_in, BillingAccount, Permission.VIEW_BILLING)
    rows = await db.scalars(seen.where(BillingAccount.workspace_id.in_(workspace_ids)))
    found = {row.workspace_id: row for row in rows}
    return [found.get(id) for id in workspace_ids]
