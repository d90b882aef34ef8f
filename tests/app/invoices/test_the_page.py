"""The page of an invoice: what it says, in every script, whatever was typed into a name (C24)."""

import datetime as dt
import unicodedata
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.invoices.page import page_of
from models.billing import Invoice
from tests.pdf import ink, title, words

NAMES = {
    "Swedish": "Åkerströms Möbler i Örebro AB",
    "Polish": "Zażółć gęślą jaźń Sp. z o.o.",
    "Greek": "Ωμέγα Εκπαίδευση",
    "Cyrillic": "Товариство «Їжак»",
    "Chinese": "学习有限公司",
    "Japanese": "株式会社まなび",
    "Korean": "주식회사 배움",
    "Hindi": "शिक्षा",
    "emoji": "Rocket \U0001f680 Learning",
    "ligatures": "Offiziell effizient flink",
}
HOSTILE = [
    '#panic("boom")',
    '#read("/etc/passwd")',
    '#eval("1+1")',
    "$ sum_(k=1)^n k $",
    "*bold* _emph_ `code`",
    "= Heading",
    '"}#set page(fill: red){"',
    "// comment",
    "/* comment",
    "@reference <label>",
    "\\u{41} \\",
    '[#link("https://example.com")]',
    "{{ 7*7 }} ${7*7} %s %n",
    "line one\nline two",
    "()/Type /JavaScript",
]


def invoice(**changes: Any) -> Invoice:
    values: dict[str, Any] = {
        "id": 1,
        "workspace_id": 1,
        "number": 12,
        "month": dt.date(2026, 2, 1),
        "active_members": 1234,
        "price_minor": 450,
        "currency": "EUR",
        "bill_to": "Acme",
        "payment_method": "Visa ending in 4242",
        "issued_on": dt.date(2026, 3, 1),
        "issued_at": dt.datetime(2026, 3, 1, 0, 0, 7, 123456, tzinfo=dt.UTC),
        **changes,
    }
    total = values["active_members"] * values["price_minor"]
    return Invoice(**values, total_minor=total)


def test_the_page_says_what_a_finance_department_asks_for() -> None:
    said = words(page_of(invoice()))

    for expected in (
        "Invoice 12",
        "Bill to Acme",
        "Date of issue 1 March 2026",
        "Billing period 1 – 28 February 2026",
        "Active members in February 2026 1,234 EUR 4.50 EUR 5,553.00",
        "Total EUR 5,553.00",
        "Payment method Visa ending in 4242",
        "Page 1 of 1",
    ):
        assert expected in said
    assert "VAT" not in said


@pytest.mark.parametrize(
    ("currency", "minor", "price", "total"),
    [
        ("JPY", 500, "JPY 500", "JPY 617,000"),
        ("BHD", 1005, "BHD 1.005", "BHD 1,240.170"),
        ("SEK", 5, "SEK 0.05", "SEK 61.70"),
        ("USD", 10**9, "USD 10,000,000.00", "USD 12,340,000,000.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    currency: str, minor: int, price: str, total: str
) -> None:
    said = words(page_of(invoice(currency=currency, price_minor=minor)))

    assert f"1,234 {price} {total}" in said


def test_what_was_not_on_file_is_not_made_up() -> None:
    assert "None was on file" in words(page_of(invoice(payment_method=None)))


def test_the_same_invoice_gives_the_same_bytes_and_another_gives_others() -> None:
    assert page_of(invoice()) == page_of(invoice())
    assert page_of(invoice()) != page_of(invoice(number=13))


def test_the_same_moment_told_in_another_zone_is_the_same_bytes() -> None:
    """Databases say times in the zone of the connection."""
    elsewhere = invoice().issued_at.astimezone(ZoneInfo("Pacific/Auckland"))

    assert page_of(invoice(issued_at=elsewhere)) == page_of(invoice())


def test_it_is_a_file_for_archives() -> None:
    pdf = page_of(invoice())

    assert pdf.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert title(pdf) == "Invoice 12: Acme"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_names_in_every_script_are_on_the_page(name: str) -> None:
    page = page_of(invoice(bill_to=name))

    plain = unicodedata.normalize("NFKD", name)
    assert plain.replace(" ", "") in words(page).replace(" ", "")
    assert "[U+" not in words(page)


@pytest.mark.parametrize(
    "name",
    ["شركة التعليم", "חברת הלימודים", "บริษัทเรียนรู้"],
    ids=["Arabic", "Hebrew", "Thai"],
)
def test_names_whose_letters_are_joined_or_reordered_are_on_the_page(name: str) -> None:
    """Readers of PDF give such letters back in an order of their own."""
    page = page_of(invoice(bill_to=name))

    assert ink(page) > ink(page_of(invoice(bill_to=".")))
    assert "[U+" not in words(page)


def test_a_character_no_font_has_is_written_as_its_number() -> None:
    assert "Ur [U+12000] Ltd" in words(page_of(invoice(bill_to="Ur \U00012000 Ltd")))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_name_is_taken_for_markup(name: str) -> None:
    said = words(page_of(invoice(bill_to=name, payment_method=name)))

    assert said.replace(" ", "").count(name.replace(" ", "").replace("\n", "")) == 2
    assert "Total EUR 5,553.00" in said


@pytest.mark.parametrize("name", ["W" * 200, "Ünï" * 66, "x " * 100])
def test_a_long_name_stays_in_its_column(name: str) -> None:
    said = words(page_of(invoice(bill_to=name)))
    plain = unicodedata.normalize("NFKD", name)

    assert "Billing period 1 – 28 February 2026" in said
    assert plain.replace(" ", "") in said.replace(" ", "")


@settings(max_examples=60, deadline=None)
@given(name=st.text(min_size=1, max_size=40))
def test_no_text_at_all_stops_a_page_from_being_set(name: str) -> None:
    assert "Total EUR 5,553.00" in words(page_of(invoice(bill_to=name)))
