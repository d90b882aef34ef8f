"""`coordinator billing`: the operator sets prices, and sees or issues what is due (C24)."""

import datetime as dt

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations import billing as operations
from operations.money import Money
from tests.app.cli.program import Answer, run
from tests.operations.ledger import account, entries, issued, mailed, were_active
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(180)

JANUARY = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)


def billing(database_url: str, *arguments: str) -> Answer:
    return run("billing", *arguments, given={"DATABASE_URL": database_url})


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    """Three people were active in January, nobody in February, two in March."""
    world = await World.new(sessions, at=JANUARY)
    await were_active(world, dt.date(2026, 1, 1), 3)
    await were_active(world, dt.date(2026, 3, 1), 2)
    return world


async def test_the_operator_sets_the_price_and_nobody_rounds_it(
    world: World, database_url: str
) -> None:
    before = billing(database_url, "price", "show")
    done = billing(database_url, "price", "set", "4.50", "sek")
    again = billing(database_url, "price", "set", "4.50", "SEK")
    wrong = billing(database_url, "price", "set", "4.505", "SEK")

    assert before.out == "EUR 5.00\n"
    assert done.out == "SEK 4.50 for each active member and month.\n"
    assert again.out == "SEK 4.50 for each active member and month, as before.\n"
    assert (wrong.code, wrong.err) == (1, "SEK has 2 decimals; 4.505 has 3.\n")
    assert operations.price_in(await account(world)) == Money(450, "SEK")
    assert len(await entries(world, "billing.priced")) == 1


async def test_invoices_are_shown_first_and_issued_only_when_told_to(
    world: World, database_url: str
) -> None:
    shown = billing(database_url, "invoices", "--month", "2026-03")
    assert await issued(world) == []
    done = billing(database_url, "invoices", "--month", "2026-03", "--issue")
    after = billing(database_url, "invoices", "--month", "2026-03", "--issue")

    assert shown.out.splitlines() == [
        "acme  2026-01  3 × EUR 5.00 = EUR 15.00  an invoice",
        "acme  2026-02  0 × EUR 5.00 = EUR 0.00  no invoice",
        "acme  2026-03  2 × EUR 5.00 = EUR 10.00  an invoice",
    ]
    assert shown.err == "3 month(s) due. Nothing was changed; --issue does it.\n"
    assert done.out.splitlines() == [
        "acme  2026-01  3 × EUR 5.00 = EUR 15.00  invoice 1",
        "acme  2026-02  0 × EUR 5.00 = EUR 0.00  no invoice",
        "acme  2026-03  2 × EUR 5.00 = EUR 10.00  invoice 2",
    ]
    assert (after.code, after.out, after.err) == (0, "", "No month is due.\n")
    assert [each.number for each in await issued(world)] == [1, 2]
    assert len(await mailed(world)) == 2


async def test_all_workspaces_are_looked_at_unless_one_is_named(
    world: World, database_url: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "other", at=JANUARY)
    await were_active(other, dt.date(2026, 1, 1), 1)

    both = billing(database_url, "invoices", "--month", "2026-01")
    one = billing(database_url, "invoices", "--month", "2026-01", "--workspace", "other")
    none = billing(database_url, "invoices", "--workspace", "acne")

    assert [line.split()[0] for line in both.out.splitlines()] == ["acme", "other"]
    assert [line.split()[0] for line in one.out.splitlines()] == ["other"]
    assert none.err == "There is no workspace 'acne'; there are: acme, other.\n"


@pytest.mark.parametrize("month", ["2026-13", "October", "2026"])
async def test_what_is_no_month_is_said_to_be_none(month: str, database_url: str) -> None:
    answer = billing(database_url, "invoices", "--month", month)

    assert answer.code == 2
    assert "is no month" in answer.err
