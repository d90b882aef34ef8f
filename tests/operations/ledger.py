"""Billing in tests: who was active when, what was settled, and what was written down about it."""

import datetime as dt
from typing import Any

from sqlalchemy import insert, select, text

from models.billing import BillingAccount, Invoice
from models.mail import Mail
from models.people import SignInMonth
from operations import billing, invoices
from operations.invoices import Settled
from operations.money import Money
from tests.world import World

VISA = {"provider": "stripe", "reference": "pm_1NXWPnG9mEhFgH", "brand": "Visa"}
CARD = "4242 4242 4242 4242"


async def were_active(world: World, month: dt.date, count: int) -> None:
    """So many people signed in during a month."""
    async with world.edge.transaction() as db:
        await db.execute(
            insert(SignInMonth),
            [
                {
                    "workspace_id": world.workspace_id,
                    "month": month,
                    "member_id": 1_000_000 + n,
                    "first_at": dt.datetime(month.year, month.month, 2, tzinfo=dt.UTC),
                }
                for n in range(count)
            ],
        )


async def costs(world: World, price: Money, at: dt.datetime) -> bool:
    async with world.edge.transaction() as db:
        return await billing.set_price(db, by=world.system, price=price, at=at)


async def pays_with(world: World, by: str, *, at: dt.datetime, **changes: str) -> bool:
    async with world.edge.transaction() as db:
        return await billing.update_payment_method(
            db, by=world.caller(by), at=at, **{**VISA, "last_four": "4242", **changes}
        )


async def settle(world: World, at: dt.datetime) -> Settled | None:
    """Settle one month."""
    async with world.edge.transaction() as db:
        return await invoices.settle_month(db, by=world.system, at=at)


async def settle_all(world: World, at: dt.datetime) -> list[Settled]:
    settled = []
    while (one := await settle(world, at)) is not None:
        settled.append(one)
    return settled


async def issued(world: World) -> list[Invoice]:
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Invoice)
            .where(Invoice.workspace_id == world.workspace_id)
            .order_by(Invoice.number)
        )
        return list(rows)


async def mailed(world: World) -> list[Mail]:
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Mail).where(Mail.workspace_id == world.workspace_id).order_by(Mail.id)
        )
        return list(rows)


async def account(world: World) -> BillingAccount:
    async with world.edge.read() as db:
        return await billing.account_of(db, workspace_id=world.workspace_id)


async def is_pending(world: World) -> bool:
    """What the sweeper would hear."""
    async with world.edge.read() as db:
        return bool(await db.scalar(text(f"SELECT {invoices.PENDING}")))


async def entries(world: World, verb: str) -> list[Any]:
    async with world.edge.read() as db:
        found = await db.execute(
            text(
                "SELECT before, after, detail FROM journal_entry"
                " WHERE workspace_id = :id AND verb = :verb ORDER BY seq"
            ),
            {"id": world.workspace_id, "verb": verb},
        )
        return list(found)
