"""Money: exact amounts, payment methods without card numbers, who gets billing mail (C6, C24)."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from access.permissions import Principal
from models.mail import MailKind, MailState
from models.people import MemberState
from operations import billing, billing_mail, money
from operations.billing import NotTheOperator
from operations.billing_mail import Contact
from operations.card_numbers import holds_card_number
from operations.money import Money
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.ledger import CARD, account, costs, entries, mailed, pays_with
from tests.world import MONDAY, World


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    """Mo manages the workspace, Fay its finances; Ada is nobody."""
    for name in ("Mo", "Fay", "Ada"):
        await world.member(name, emails=[f"{name.lower()}@acme.example"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.grant("Fay", Principal.FINANCE_MANAGER)
    return world


async def contacts(world: World) -> list[Contact]:
    async with world.edge.read() as db:
        return await billing_mail.contacts(db, workspace_id=world.workspace_id)


async def names(world: World) -> list[str]:
    return [each.name for each in await contacts(world)]


# --- Amounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("4.50", "EUR", 450, "EUR 4.50"),
        ("4.5", "eur", 450, "EUR 4.50"),
        ("0.05", "SEK", 5, "SEK 0.05"),
        ("1234567", "JPY", 1234567, "JPY 1,234,567"),
        ("1.234", "BHD", 1234, "BHD 1.234"),
        ("0", "EUR", 0, "EUR 0.00"),
    ],
)
def test_a_price_is_kept_in_the_minor_units_of_its_currency(
    amount: str, currency: str, minor: int, text: str
) -> None:
    price = money.price_of(amount, currency)

    assert price == Money(minor, currency.upper())
    assert price.text == text


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("4.505", "EUR", "EUR has 2 decimals; 4.505 has 3."),
        ("1.5", "JPY", "JPY has 0 decimals; 1.5 has 1."),
        ("-1", "EUR", "no amount"),
        ("1e3", "EUR", "no amount"),
        ("1,50", "EUR", "no amount"),
        ("10000000.01", "EUR", "at most EUR 10,000,000.00"),
        ("1", "XAU", "no currency"),
        ("1", "???", "no currency"),
    ],
)
def test_what_is_no_exact_price_is_refused_and_never_rounded(
    amount: str, currency: str, said: str
) -> None:
    with pytest.raises(Refused) as refusal:
        money.price_of(amount, currency)

    assert refusal.value.code is Code.BAD_USER_INPUT
    assert said in refusal.value.message


@given(
    minor=st.integers(0, money.LARGEST_AMOUNT),
    count=st.integers(0, 2**31 - 1),
    currency=st.sampled_from(["EUR", "SEK", "JPY", "BHD", "CLF", "MRU", "XOF"]),
)
def test_a_total_is_price_times_count_to_the_last_unit(
    minor: int, count: int, currency: str
) -> None:
    price = Money(minor, currency)
    total = price.times(count)

    assert type(total.minor) is int
    assert total.minor == sum([minor] * (count % 7)) + minor * (count - count % 7)
    assert total.minor < 2**63
    assert int(total.decimal.replace(".", "")) == total.minor
    assert total.text.startswith(f"{currency} ")
    assert total.text[4:].replace(",", "") == total.decimal
    assert money.price_of(price.decimal, currency) == price


# --- The price -----------------------------------------------------------------------------------


async def test_a_new_workspace_costs_the_default_until_the_operator_says_otherwise(
    world: World,
) -> None:
    assert billing.price_in(await account(world)) == billing.DEFAULT_PRICE

    assert await costs(world, Money(450, "SEK"), MONDAY)
    assert not await costs(world, Money(450, "SEK"), MONDAY)

    assert billing.price_in(await account(world)) == Money(450, "SEK")
    [entry] = await entries(world, "billing.priced")
    assert entry.before == {"price": "5.00", "currency": "EUR"}
    assert entry.after == {"price": "4.50", "currency": "SEK"}


async def test_no_customer_sets_the_price(firm: World) -> None:
    with pytest.raises(NotTheOperator):
        async with firm.edge.transaction() as db:
            await billing.set_price(db, by=firm.caller("Mo"), price=Money(0, "EUR"), at=MONDAY)

    assert billing.price_in(await account(firm)) == billing.DEFAULT_PRICE


# --- The payment method --------------------------------------------------------------------------


@pytest.mark.spec("C6", "C24")
async def test_a_finance_manager_changes_the_payment_method_and_the_journal_masks_it(
    firm: World,
) -> None:
    """C6, C24"""
    other = {"reference": "pm_2AAAAAAAAAAAAAwxyz", "brand": "Mastercard", "last_four": "1111"}
    assert await pays_with(firm, "Fay", at=MONDAY)
    assert await pays_with(firm, "Mo", at=MONDAY, **other)
    assert not await pays_with(firm, "Mo", at=MONDAY, **other)

    method = billing.payment_method_in(await account(firm))
    assert method is not None
    assert method.text == "Mastercard ending in 1111"
    first, second = await entries(firm, "payment_method.changed")
    assert first.before is None
    assert (
        second.before
        == first.after
        == {
            "provider": "stripe",
            "reference": "…hFgH",
            "brand": "Visa",
            "lastFour": "4242",
        }
    )
    assert second.after["reference"] == "…wxyz"
    assert second.detail == {"mailedTo": [firm.members["Fay"]]}


async def test_nobody_else_changes_it(firm: World) -> None:
    """C6"""
    with pytest.raises(Denied):
        await pays_with(firm, "Ada", at=MONDAY)

    assert billing.payment_method_in(await account(firm)) is None
    assert await mailed(firm) == []


@pytest.mark.parametrize("argument", ["provider", "reference", "brand", "last_four"])
@pytest.mark.parametrize(
    "card",
    [
        CARD,
        "4242424242424242",
        "4242-4242-4242-4242",
        "pan=4242.4242.4242.4242;",
        "378282246310005",
        "\uff14\uff12\uff14\uff12 4242 4242 4242",
        "4\u200b242 4242 4242 4242",
        "4242 4242 4242 4242 12/28",
    ],
)
async def test_the_number_of_a_card_is_refused_in_any_field_and_not_repeated(
    firm: World, argument: str, card: str
) -> None:
    """C24"""
    before = await firm.verbs()

    with pytest.raises(Refused) as refusal:
        await pays_with(firm, "Fay", at=MONDAY, **{argument: card})

    assert refusal.value.code is Code.CARD_NUMBER
    assert "42" not in refusal.value.message
    assert refusal.value.details == {"argument": argument.replace("last_four", "lastFour")}
    assert await firm.verbs() == before
    assert billing.payment_method_in(await account(firm)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"provider": "Stripe Inc."},
        {"provider": ""},
        {"reference": ""},
        {"reference": "two words"},
        {"reference": "x" * 201},
        {"brand": "x" * 41},
        {"brand": ""},
        {"brand": "\u202easiV"},
        {"last_four": "424"},
        {"last_four": "\u0664\u0662\u0664\u0662"},
        {"reference": "1-" * 300_000},
    ],
)
async def test_what_does_not_fit_is_refused_without_repeating_it(
    firm: World, changes: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refusal:
        await pays_with(firm, "Fay", at=MONDAY, **changes)

    assert refusal.value.code is Code.BAD_USER_INPUT
    [given] = changes.values()
    assert not given or given not in refusal.value.message
    assert len(refusal.value.message) < 200


def luhn(digits: str) -> str:
    """With the check digit that ISO/IEC 7812 asks for, worked out the slow way."""
    for check in "0123456789":
        number = digits + check
        values = [int(each) for each in number]
        for place in range(len(values) - 2, -1, -2):
            values[place] = sum(int(each) for each in str(values[place] * 2))
        if sum(values) % 10 == 0:
            return number
    raise AssertionError("One of ten always fits.")


@given(
    digits=st.text("0123456789", min_size=11, max_size=18),
    separator=st.sampled_from(["", " ", "-", ".", " / ", "\u00a0", "\u2013"]),
    around=st.sampled_from([("", ""), ("card ", " thanks"), ("#", "#"), ("x", "x")]),
)
def test_every_card_number_is_seen_however_it_is_spaced(
    digits: str, separator: str, around: tuple[str, str]
) -> None:
    number = luhn(digits)
    written = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    other = number[:-1] + str((int(number[-1]) + 1) % 10)

    assert holds_card_number(f"{around[0]}{written}{around[1]}")
    assert not holds_card_number(f"{around[0]}{other}{around[1]}")


@pytest.mark.parametrize(
    "token",
    ["pm_1NXWPnG9mEhFgH", "tok_visa", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "1" * 24, "", "x"],
)
def test_a_provider_s_token_is_no_card_number(token: str) -> None:
    assert not holds_card_number(token)


# --- Who gets billing mail -----------------------------------------------------------------------


@pytest.mark.spec("C6")
async def test_finance_managers_get_billing_mail_and_workspace_managers_only_without_one(
    firm: World,
) -> None:
    """C6: receive_billing_mail of permissions.csv"""
    [fay] = await contacts(firm)
    assert (fay.name, fay.address, fay.principal) == (
        "Fay",
        "fay@acme.example",
        Principal.FINANCE_MANAGER,
    )
    assert fay.reason == "RECEIVE_BILLING_MAIL is allowed to finance_manager."

    await firm.set_state("Fay", MemberState.DEACTIVATED)

    [mo] = await contacts(firm)
    assert (mo.name, mo.principal) == ("Mo", Principal.WORKSPACE_MANAGER)
    assert "no finance manager, which holds" in mo.reason

    await firm.set_state("Fay", MemberState.ACTIVE)
    assert await names(firm) == ["Fay"]


async def test_a_finance_manager_without_an_account_leaves_the_mail_to_the_managers(
    world: World,
) -> None:
    """C5, C6"""
    await world.member("Mo", emails=["mo@acme.example"])
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await world.member("Eve", state=MemberState.PENDING, emails=["eve@acme.example"])
    await world.grant("Eve", Principal.FINANCE_MANAGER)

    assert await names(world) == ["Mo"]


async def test_who_is_both_gets_one_mail_and_a_shared_address_one_too(firm: World) -> None:
    await firm.grant("Mo", Principal.FINANCE_MANAGER)
    await firm.member("Flo", emails=["FAY@acme.example"])
    await firm.grant("Flo", Principal.FINANCE_MANAGER)

    assert await names(firm) == ["Fay", "Flo", "Mo"]
    await pays_with(firm, "Mo", at=MONDAY)

    [mail] = await mailed(firm)
    assert mail.kind is MailKind.PAYMENT_METHOD_CHANGED
    assert mail.recipients == ["fay@acme.example", "mo@acme.example"]
    assert mail.member_ids == [firm.members["Fay"], firm.members["Mo"]]


@pytest.mark.spec("C6")
async def test_rights_held_anywhere_else_bring_no_billing_mail(firm: World) -> None:
    """C6: the cells that say no."""
    await firm.course("Safety")
    await firm.grant("Ada", Principal.DEPARTMENT_MANAGER, department="Training")
    await firm.grant("Ada", Principal.INVITE)

    assert await names(firm) == ["Fay"]


async def test_billing_mail_with_nobody_to_get_it_is_in_the_log_all_the_same(
    world: World,
) -> None:
    """C24: recorded, visible, not lost."""
    await world.member("Mo")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    [mo] = await contacts(world)
    assert mo.address is None

    await pays_with(world, "Mo", at=MONDAY)

    [mail] = await mailed(world)
    assert (mail.state, mail.recipients) == (MailState.FAILED, [])
    assert mail.last_error == billing_mail.NOBODY
    [entry] = await entries(world, "payment_method.changed")
    assert entry.detail == {"mailedTo": []}


async def test_a_mail_keeps_the_recipients_it_was_written_to(firm: World) -> None:
    """C24: whoever becomes a finance manager later was not told earlier."""
    await pays_with(firm, "Mo", at=MONDAY)
    await firm.grant("Ada", Principal.FINANCE_MANAGER)

    [mail] = await mailed(firm)
    assert mail.recipients == ["fay@acme.example"]
    assert await names(firm) == ["Ada", "Fay"]


async def test_every_billing_event_is_recognized_by_its_verb(firm: World) -> None:
    before = set(await firm.verbs())
    await pays_with(firm, "Fay", at=MONDAY)
    await costs(firm, Money(1, "EUR"), dt.datetime.now(dt.UTC))

    told = set(await firm.verbs()) - before
    assert told == {"payment_method.changed", "billing.priced"}
    assert all(verb.startswith(billing.VERBS) for verb in told)


async def test_the_database_keeps_no_half_of_a_payment_method(world: World) -> None:
    with pytest.raises(IntegrityError, match="ck_billing_account_payment_method"):
        async with world.edge.transaction() as db:
            await db.execute(text("UPDATE billing_account SET payment_brand = 'Visa'"))


async def test_taking_the_role_away_ends_the_mail(firm: World) -> None:
    async with firm.edge.transaction() as db:
        await db.execute(text("DELETE FROM access_grant WHERE principal = 'finance_manager'"))

    assert await names(firm) == ["Mo"]
