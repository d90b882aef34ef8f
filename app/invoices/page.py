"""The page of an invoice. It is made anew whenever it is asked for, and always the same."""

import datetime as dt
from pathlib import Path
from typing import Final

from app.typesetting import typeset
from models.billing import Invoice
from operations.billing import month_after
from operations.money import Money

PRODUCT: Final = "LMS Coordinator"
EXPLANATION: Final = (
    "Active members are the people who signed in at least once during the billing period."
)
TEMPLATE: Final = Path(__file__).with_name("invoice.typ")


def page_of(invoice: Invoice) -> bytes:
    """The PDF, from nothing but the invoice's row. Takes some milliseconds: run it in a thread."""
    last_day = month_after(invoice.month) - dt.timedelta(days=1)
    data = {
        "product": PRODUCT,
        "heading": f"Invoice {invoice.number}",
        "title": f"Invoice {invoice.number}: {invoice.bill_to}",
        "footer": f"{PRODUCT} · Invoice {invoice.number}",
        "bill_to": invoice.bill_to,
        "number": str(invoice.number),
        "issued_on": _day(invoice.issued_on),
        "period": f"{invoice.month.day} – {_day(last_day)}",
        "description": f"Active members in {invoice.month:%B %Y}",
        "quantity": f"{invoice.active_members:,}",
        "price": Money(invoice.price_minor, invoice.currency).text,
        "total": Money(invoice.total_minor, invoice.currency).text,
        "payment": _payment(invoice),
        "explanation": EXPLANATION,
    }
    return typeset(TEMPLATE, data, at=invoice.issued_at)


def _payment(invoice: Invoice) -> str:
    if invoice.payment_method is None:
        return "None was on file when this invoice was issued."
    return invoice.payment_method


def _day(on: dt.date) -> str:
    return f"{on.day} {on:%B %Y}"
