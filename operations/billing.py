"""What a workspace pays for an active member, and how it pays.

The price is the operator's: no permission of the matrix leads to it, only the command line. The
payment method is the customer's, kept as a payment provider's token. Everything here is recorded
under verbs that begin with one of VERBS.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.billing import BillingAccount
from models.journal import cause_of, record
from models.mail import MailKind
from models.workspaces import Workspace
from operations import billing_mail
from operations.activity import month_of
from operations.card_numbers import holds_card_number
from operations.money import Money
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import name_of
from sync_engine.ticks import zone_named

VERBS: Final = ("billing.", "invoice.", "payment_method.")
"""How the verbs of billing events begin, in the journal."""

DEFAULT_PRICE: Final = Money(500, "EUR")
"""Of a new workspace, until the operator sets another."""

SETTLE: Final = dt.timedelta(hours=1)
"""How long after its end a month is counted: by then the last sign-in of it is committed."""

_LONGEST: Final = 300
_BRAND_LENGTH: Final = 40
_PROVIDER: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")
_REFERENCE: Final = re.compile(r"[!-~]{1,200}")
_LAST_FOUR: Final = re.compile(r"[0-9]{4}")
_SHOWN: Final = 4
_LONG_ENOUGH_TO_SHOW: Final = 12


class NotTheOperator(Exception):
    """Something only the product's operator decides was reached by somebody else: a mistake in the
    program."""


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """What is on file, as people recognize it. The provider's token is not in here."""

    workspace_id: int
    provider: str
    brand: str
    last_four: str

    @property
    def text(self) -> str:
        return f"{self.brand} ending in {self.last_four}"


def new_account(workspace: Workspace, *, at: dt.datetime) -> BillingAccount:
    """What a new workspace pays, from the month it begins in."""
    month = month_of(at, workspace.time_zone)
    return BillingAccount(
        workspace_id=workspace.id,
        price_minor=DEFAULT_PRICE.minor,
        currency=DEFAULT_PRICE.currency,
        next_month=month,
        next_close_at=closes_at(month, workspace.time_zone),
    )


def month_after(month: dt.date) -> dt.date:
    """The first day of the next month."""
    return (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def closes_at(month: dt.date, time_zone: str) -> dt.datetime:
    """From when on a month can be counted: its end in the time zone, and some time to settle."""
    end = dt.datetime.combine(month_after(month), dt.time(), zone_named(time_zone))
    return end.astimezone(dt.UTC) + SETTLE


def price_in(account: BillingAccount) -> Money:
    """What one active member costs a month."""
    return Money(account.price_minor, account.currency)


def payment_method_in(account: BillingAccount) -> PaymentMethod | None:
    """What is on file, if anything is."""
    provider, brand = account.payment_provider, account.payment_brand
    last_four = account.payment_last_four
    if provider is None or brand is None or last_four is None:
        return None
    return PaymentMethod(account.workspace_id, provider, brand, last_four)


async def view(db: AsyncSession, *, by: Caller) -> BillingAccount:
    """The workspace's account, for those who may see it."""
    await require(db, by, Permission.VIEW_BILLING)
    return await account_of(db, workspace_id=by.workspace_id)


async def account_of(db: AsyncSession, *, workspace_id: int) -> BillingAccount:
    """The workspace's account; raises Refused(NOT_FOUND)."""
    account = await db.get(BillingAccount, workspace_id)
    if account is None:
        raise not_found("workspace")
    return account


async def set_price(db: AsyncSession, *, by: Caller, price: Money, at: dt.datetime) -> bool:
    """Let every month that is not settled yet cost this. False when it did so already."""
    if not by.is_system:
        raise NotTheOperator("A workspace's price is set on the command line.")
    account = await _locked(db, by.workspace_id)
    before = price_in(account)
    if before == price:
        return False
    account.price_minor, account.currency = price.minor, price.currency
    account.updated_at, account.updated_by_id = at, by.member_id
    record(db, by=by, verb="billing.priced", before=_priced(before), after=_priced(price))
    return True


async def update_payment_method(
    db: AsyncSession,
    *,
    by: Caller,
    provider: str,
    reference: str,
    brand: str,
    last_four: str,
    at: dt.datetime,
) -> bool:
    """Pay with this from now on; the managers of finance are told. False when nothing changed.

    `reference` is the provider's token. Whatever looks like the number of a card is refused, in
    any of the four, and neither repeated nor kept.
    """
    account = await _locked(db, by.workspace_id)
    await require(db, by, Permission.UPDATE_PAYMENT_METHOD)
    given = _checked(provider=provider, reference=reference, brand=brand, last_four=last_four)
    before = _on_file(account)
    if before == given:
        return False
    was = payment_method_in(account)
    account.payment_provider, account.payment_reference = given["provider"], given["reference"]
    account.payment_brand, account.payment_last_four = given["brand"], given["lastFour"]
    account.updated_at, account.updated_by_id = at, by.member_id
    told = await billing_mail.send(
        db,
        workspace_id=by.workspace_id,
        key=f"payment-method:{cause_of(db)}",
        kind=MailKind.PAYMENT_METHOD_CHANGED,
        parameters={
            "before": was.text if was else None,
            "after": f"{given['brand']} ending in {given['lastFour']}",
            "changed_by": by.name,
            "changed_at": at.isoformat(),
        },
    )
    record(
        db,
        by=by,
        verb="payment_method.changed",
        before=_masked(before) if before else None,
        after=_masked(given),
        detail={"mailedTo": told},
    )
    return True


async def _locked(db: AsyncSession, workspace_id: int) -> BillingAccount:
    account = await db.scalar(
        select(BillingAccount)
        .where(BillingAccount.workspace_id == workspace_id)
        .with_for_update(key_share=True)
    )
    if account is None:
        raise not_found("workspace")
    return account


def _priced(price: Money) -> dict[str, str]:
    return {"price": price.decimal, "currency": price.currency}


def _on_file(account: BillingAccount) -> dict[str, str] | None:
    method = payment_method_in(account)
    if method is None or account.payment_reference is None:
        return None
    return {
        "provider": method.provider,
        "reference": account.payment_reference,
        "brand": method.brand,
        "lastFour": method.last_four,
    }


def _masked(method: dict[str, str]) -> dict[str, str]:
    """The same, with so much of the token as two of them are told apart by."""
    token = method["reference"]
    shown = token[-_SHOWN:] if len(token) >= _LONG_ENOUGH_TO_SHOW else ""
    return {**method, "reference": f"…{shown}"}


def _checked(*, provider: str, reference: str, brand: str, last_four: str) -> dict[str, str]:
    given = {"provider": provider, "reference": reference, "brand": brand, "lastFour": last_four}
    for argument, text in given.items():
        _need(len(text) <= _LONGEST, argument, f"has at most {_LONGEST} characters")
        if holds_card_number(text):
            raise Refused(
                Code.CARD_NUMBER,
                f"What was given as {argument} looks like the number of a card. Card numbers are"
                " not taken here: give them to the payment provider, and here its token for them.",
                {"argument": argument},
            )
    given = {name: text.strip() for name, text in given.items()}
    _need(
        _PROVIDER.fullmatch(given["provider"]),
        "provider",
        "is the provider's short name, of 1 to 40 characters: a-z, 0-9, - and _",
    )
    _need(
        _REFERENCE.fullmatch(given["reference"]),
        "reference",
        "is the provider's token, of 1 to 200 ASCII characters without spaces",
    )
    _need(len(given["brand"]) <= _BRAND_LENGTH, "brand", f"has at most {_BRAND_LENGTH} characters")
    _need(_LAST_FOUR.fullmatch(given["lastFour"]), "lastFour", "is four digits")
    return {**given, "brand": name_of(given["brand"], "brand")}


def _need(holds: object, argument: str, rule: str) -> None:
    """Raises Refused without repeating what was given: it may be a secret in the wrong place."""
    if not holds:
        raise Refused(
            Code.BAD_USER_INPUT, f"{argument} {rule}; this is not.", {"argument": argument}
        )
