"""What the demo company already has behind it: three months of bills, and somebody invited."""

import datetime as dt
import random
from collections.abc import Mapping

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from access.permissions import Principal
from app.demo import company
from models.people import SignInMonth
from operations import billing, grants, newcomers
from operations.activity import month_of
from operations.money import Money
from operations.newcomers import Newcomer

MONTHS_BEHIND = 3


async def begin_in_the_past(
    db: AsyncSession, *, by: Caller, ids: Mapping[str, int], at: dt.datetime
) -> None:
    """Let most people have signed in during the last months; their invoices are issued as soon as
    the worker for later looks, because no month since is settled."""
    dice = random.Random(20260302)  # noqa: S311 - a story, not a secret
    months = [month_of(at, company.TIME_ZONE)]
    while len(months) <= MONTHS_BEHIND:
        months.append((months[-1] - dt.timedelta(days=1)).replace(day=1))
    signed_in = [
        {"workspace_id": by.workspace_id, "month": month, "member_id": id}
        for month in months[1:]
        for id in ids.values()
        if dice.random() < 0.7
    ]
    await db.execute(insert(SignInMonth), signed_in)
    account = await billing.account_of(db, workspace_id=by.workspace_id)
    account.next_month = months[-1]
    account.next_close_at = billing.closes_at(months[-1], company.TIME_ZONE)
    await billing.set_price(db, by=by, price=Money(company.PRICE, "SEK"), at=at)
    await billing.update_payment_method(
        db,
        by=by,
        provider="example-payments",
        reference="pm_demo_northwind",
        brand="Visa",
        last_four="4242",
        at=at,
    )


async def invite_somebody(
    db: AsyncSession,
    *,
    by: Caller,
    ids: Mapping[str, int],
    academies: Mapping[str, int],
    at: dt.datetime,
) -> None:
    """The inviter adds a person, which mails nothing; a first right does."""
    inviter = dict(company.SHOWN)[Principal.INVITE]
    name, address, department = company.NEWCOMER
    iris = Caller(by.workspace_id, inviter, Origin.CLI, member_id=ids[inviter])
    [added] = await newcomers.add(
        db, by=iris, newcomers=[Newcomer(email=address, display_name=name)]
    )
    if added.member_id is None:
        raise RuntimeError(f"{name} could not be added: {added.refusal}")
    await grants.give(
        db,
        by=by,
        member_ids=[added.member_id],
        principals=[Principal.DEPT_TEACH],
        department_id=academies[department],
        at=at,
    )
