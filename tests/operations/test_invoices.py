"""Invoices: a month is billed once it is over where the workspace is, once, in order (C24)."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.mail import MailKind, MailState
from operations import activity, billing, invoices
from operations.billing import SETTLE, NotTheOperator, closes_at, month_after
from operations.money import Money
from tests.furnishing import furnished
from tests.operations.ledger import (
    account,
    costs,
    entries,
    is_pending,
    issued,
    mailed,
    pays_with,
    settle,
    settle_all,
    were_active,
)
from tests.world import World

Sessions = async_sessionmaker[AsyncSession]
MARCH, APRIL, MAY = (dt.date(2026, month, 1) for month in (3, 4, 5))
MAY_DAY = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    """A workspace in Stockholm, from March 2026; Fay manages its finances."""
    await world.member("Fay", emails=["fay@acme.example"])
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    return world


# --- When a month is over ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "month", "over"),
    [
        # Summer time begins on March 29 and ends on October 25.
        ("Europe/Stockholm", "2026-02-01", "2026-02-28 23:00"),
        ("Europe/Stockholm", "2026-03-01", "2026-03-31 22:00"),
        ("Europe/Stockholm", "2026-10-01", "2026-10-31 23:00"),
        # Summer time ends on April 5 and begins on September 27.
        ("Pacific/Auckland", "2026-03-01", "2026-03-31 11:00"),
        ("Pacific/Auckland", "2026-04-01", "2026-04-30 12:00"),
        # Summer time ends on November 1 itself, two hours after the month began.
        ("America/Los_Angeles", "2026-10-01", "2026-11-01 07:00"),
        ("America/Los_Angeles", "2026-11-01", "2026-12-01 08:00"),
        ("Asia/Kathmandu", "2026-12-01", "2026-12-31 18:15"),
        ("UTC", "2028-02-01", "2028-03-01 00:00"),
    ],
)
def test_a_month_ends_where_the_workspace_is(zone: str, month: str, over: str) -> None:
    """C24"""
    assert closes_at(dt.date.fromisoformat(month), zone) == utc(over) + SETTLE


@given(
    month=st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 1)).map(lambda day: day.replace(day=1)),
    zone=st.sampled_from(
        ["Europe/Stockholm", "Pacific/Auckland", "America/Los_Angeles", "Africa/Cairo", "UTC"]
    ),
)
def test_what_is_counted_for_a_month_is_what_was_noted_in_it(month: dt.date, zone: str) -> None:
    """The last moment of a month is noted in it, and the next moment in the next."""
    end = closes_at(month, zone) - SETTLE

    assert activity.month_of(end - SECOND, zone) == month
    assert activity.month_of(end, zone) == month_after(month)
    assert end.astimezone(ZoneInfo(zone)).date() == month_after(month)


async def test_nothing_is_billed_before_the_month_is_over_and_settled(firm: World) -> None:
    """C24"""
    await were_active(firm, MARCH, 3)
    over = utc("2026-03-31 22:00") + SETTLE

    assert await settle(firm, over - SECOND) is None
    assert await issued(firm) == []

    settled = await settle(firm, over)
    assert settled is not None
    assert settled.number == 1
    assert await settle(firm, over) is None


async def test_sign_ins_around_midnight_are_billed_in_their_own_month(sessions: Sessions) -> None:
    """C20, C24: in Auckland, April begins while it is March in Europe."""
    world = await World.new(sessions, time_zone="Pacific/Auckland")
    for n, at in enumerate(["2026-03-31 10:59:59", "2026-03-31 11:00:00", "2026-03-31 12:00:00"]):
        await world.member(f"Person {n}")
        async with world.edge.transaction() as db:
            await activity.note(
                db,
                workspace_id=world.workspace_id,
                member_id=world.members[f"Person {n}"],
                at=utc(at),
            )

    settled = await settle_all(world, MAY_DAY)

    assert [(each.month, each.active_members) for each in settled] == [(MARCH, 1), (APRIL, 2)]


async def test_a_workspace_begins_in_the_month_it_has_where_it_is(sessions: Sessions) -> None:
    new_year = utc("2026-12-31 23:30")

    east = await World.new(sessions, "east", time_zone="Europe/Stockholm", at=new_year)
    west = await World.new(sessions, "west", time_zone="America/Los_Angeles", at=new_year)

    assert (await account(east)).next_month == dt.date(2027, 1, 1)
    assert (await account(west)).next_month == dt.date(2026, 12, 1)


# --- What it comes to ----------------------------------------------------------------------------


@pytest.mark.spec("C24")
async def test_an_invoice_is_active_members_times_price_as_both_were_then(firm: World) -> None:
    """C24"""
    await were_active(firm, MARCH, 7)
    await costs(firm, Money(333, "SEK"), MAY_DAY)
    await pays_with(firm, "Fay", at=MAY_DAY)
    at = utc("2026-04-01 09:00")
    await settle(firm, at)

    await costs(firm, Money(999, "USD"), MAY_DAY)
    await were_active(firm, dt.date(2026, 2, 1), 1)
    await pays_with(firm, "Fay", at=MAY_DAY, brand="Mastercard")

    [invoice] = await issued(firm)
    assert (invoice.number, invoice.month, invoice.active_members) == (1, MARCH, 7)
    assert (invoice.price_minor, invoice.total_minor, invoice.currency) == (333, 2331, "SEK")
    assert (invoice.bill_to, invoice.payment_method) == ("Acme", "Visa ending in 4242")
    assert (invoice.issued_at, invoice.issued_on) == (at, dt.date(2026, 4, 1))
    [entry] = await entries(firm, "invoice.issued")
    assert entry.after == {
        "number": 1,
        "month": "2026-03",
        "activeMembers": 7,
        "price": "3.33",
        "total": "23.31",
        "currency": "SEK",
    }
    assert entry.detail == {"mailedTo": [firm.members["Fay"]]}


@pytest.mark.spec("C24")
async def test_an_invoice_brings_one_mail_to_those_who_get_billing_mail(firm: World) -> None:
    """C6, C24"""
    await were_active(firm, MARCH, 2)
    await settle(firm, MAY_DAY)

    [mail] = await mailed(firm)
    [invoice] = await issued(firm)
    assert (mail.kind, mail.state) == (MailKind.INVOICE, MailState.QUEUED)
    assert mail.recipients == ["fay@acme.example"]
    assert mail.parameters == {
        "number": 1,
        "month": "2026-03",
        "active_members": 2,
        "price": "EUR 5.00",
        "total": "EUR 10.00",
        "invoice_id": invoice.id,
    }
    assert invoices.invoice_of(mail.key) == invoice.id
    assert invoices.invoice_of(f"{mail.key}/again-3") == invoice.id
    assert invoices.invoice_of("payment-method:1") is None


async def test_a_month_that_costs_nothing_gets_no_invoice_and_is_not_looked_at_again(
    firm: World,
) -> None:
    """Nobody was there in April; in May the price was nothing. The numbers have no gap."""
    await were_active(firm, MARCH, 1)
    await were_active(firm, MAY, 4)
    await were_active(firm, dt.date(2026, 6, 1), 5)
    await settle_all(firm, MAY_DAY)
    await costs(firm, Money(0, "EUR"), MAY_DAY)
    await settle_all(firm, utc("2026-06-02 00:00"))
    await costs(firm, Money(100, "EUR"), MAY_DAY)
    await settle_all(firm, utc("2026-07-02 00:00"))

    found = await issued(firm)
    assert [(each.number, each.month.month) for each in found] == [(1, 3), (2, 6)]
    closed = [entry.after for entry in await entries(firm, "billing.month_closed")]
    assert [(each["month"], each["activeMembers"]) for each in closed] == [
        ("2026-04", 0),
        ("2026-05", 4),
    ]
    assert (await account(firm)).next_month == dt.date(2026, 7, 1)
    assert len(await mailed(firm)) == 2


async def test_the_sweeper_hears_of_a_month_until_it_is_settled(sessions: Sessions) -> None:
    """`pending` compares with the clock of the database, so this world is in its past."""
    world = await World.new(sessions, at=utc("2020-01-15 00:00"))
    now = dt.datetime.now(dt.UTC)
    assert await is_pending(world)

    settled = await settle_all(world, now)

    assert len(settled) == (now.year - 2020) * 12 + now.month - 1
    assert not await is_pending(world)


async def test_the_question_of_the_sweeper_is_one_probe_of_an_index(world: World) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await db.scalars(text(f"EXPLAIN SELECT {invoices.PENDING}"))
        lines = "\n".join(plan)

    assert "ix_billing_account_next_close_at" in lines


# --- Catching up ---------------------------------------------------------------------------------


async def test_a_year_of_downtime_is_made_up_for_in_order(firm: World) -> None:
    """C24: twelve months, each with its own figure, numbered without a gap."""
    months = [MARCH]
    while len(months) < 12:
        months.append(month_after(months[-1]))
    for n, month in enumerate(months):
        await were_active(firm, month, n + 1)

    async with firm.edge.read() as db:
        foreseen = await invoices.foreseen(
            db, workspace_id=firm.workspace_id, at=utc("2027-03-01 00:00")
        )
    settled = await settle_all(firm, utc("2027-03-01 00:00"))

    found = await issued(firm)
    assert [each.number for each in found] == list(range(1, 13))
    assert [each.month for each in found] == months
    assert [each.total_minor for each in found] == [500 * (n + 1) for n in range(12)]
    assert [(each.month, each.total) for each in foreseen] == [
        (each.month, each.total) for each in settled
    ]
    assert len(await mailed(firm)) == 12
    assert await firm.verbs() == sorted(
        await firm.verbs(), key=lambda verb: verb == "invoice.issued"
    )


async def test_what_is_foreseen_changes_nothing(firm: World) -> None:
    await were_active(firm, MARCH, 1)
    before = await account(firm)

    async with firm.edge.read() as db:
        [seen] = await invoices.foreseen(
            db, workspace_id=firm.workspace_id, at=utc("2026-04-02 00:00")
        )

    assert (seen.total, seen.number) == (Money(500, "EUR"), None)
    assert await issued(firm) == []
    assert (await account(firm)).next_month == before.next_month


async def test_whoever_finds_the_account_locked_leaves_it_alone(firm: World) -> None:
    await were_active(firm, MARCH, 1)

    async with firm.edge.transaction() as db:
        first = await invoices.settle_month(db, by=firm.system, at=utc("2026-04-02 00:00"))
        assert await settle(firm, MAY_DAY) is None

    assert first is not None
    assert [each.number for each in await issued(firm)] == [1]


async def test_what_is_rolled_back_leaves_neither_invoice_nor_mail_nor_gap(firm: World) -> None:
    await were_active(firm, MARCH, 1)

    async def broken() -> None:
        async with firm.edge.transaction() as db:
            await invoices.settle_month(db, by=firm.system, at=MAY_DAY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert await issued(firm) == []
    assert await mailed(firm) == []

    await settle(firm, MAY_DAY)
    assert [each.number for each in await issued(firm)] == [1]


async def test_a_workspace_that_moves_west_waits_for_its_own_midnight(firm: World) -> None:
    async with firm.edge.transaction() as db:
        await db.execute(text("UPDATE workspace SET time_zone = 'America/Los_Angeles'"))
    await were_active(firm, MARCH, 1)
    in_stockholm = utc("2026-03-31 22:00") + SETTLE

    assert await settle(firm, in_stockholm) is None
    assert (await account(firm)).next_close_at == utc("2026-04-01 07:00") + SETTLE
    assert await settle(firm, utc("2026-04-01 07:00") + SETTLE) is not None


async def test_invoices_of_two_tenants_are_numbered_each_for_itself(sessions: Sessions) -> None:
    worlds = [await World.new(sessions, slug) for slug in ("one", "two")]
    for world in worlds:
        await were_active(world, MARCH, 1)
    await were_active(worlds[1], APRIL, 2)
    async with worlds[0].edge.read() as db:
        assert await invoices.due(db, at=MAY_DAY, limit=10) == [w.workspace_id for w in worlds]

    for world in worlds:
        await settle_all(world, MAY_DAY)

    assert [each.number for each in await issued(worlds[0])] == [1]
    assert [each.number for each in await issued(worlds[1])] == [1, 2]


async def test_nobody_but_the_product_issues_invoices(firm: World) -> None:
    with pytest.raises(NotTheOperator):
        async with firm.edge.transaction() as db:
            await invoices.settle_month(db, by=firm.caller("Fay"), at=MAY_DAY)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("total_minor = total_minor + 1", "ck_invoice_total"),
        ("month = month + 1", "ck_invoice_month"),
        ("number = 0", "ck_invoice_number"),
    ],
)
async def test_the_database_itself_keeps_invoices_exact(
    firm: World, change: str, rule: str
) -> None:
    await were_active(firm, MARCH, 1)
    await settle(firm, MAY_DAY)

    with pytest.raises(IntegrityError, match=rule):
        async with firm.edge.transaction() as db:
            await db.execute(text(f"UPDATE invoice SET {change}"))


def test_months_follow_each_other_without_end() -> None:
    months = [dt.date(2027, 11, 1)]
    for _ in range(30):
        months.append(month_after(months[-1]))

    assert all(a < b and b.day == 1 and (b - a).days in range(28, 32) for a, b in pairwise(months))
    assert billing.month_after(dt.date(2028, 1, 1)) == dt.date(2028, 2, 1)
