"""What a workspace pays, how, and what it was billed."""

import datetime as dt

from access.permissions import Permission, Principal
from models import billing, mail
from models.mail import MailKind, MailState
from operations import billing as operated
from operations import billing_mail, money
from resolvers import billing as answered
from resolvers import billing_changes
from resolvers.answers import Answer
from schema.node import Node
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import (
    INHERITED,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded_type,
    resolved_by,
)

SEES = Permission.VIEW_BILLING


@guarded_type(
    requires=SIGNED_IN,
    description="An exact amount: whole minor units of a currency.",
    rows=money.Money,
)
class Money:
    currency: str
    minor_units: str = column(
        "minor",
        requires=INHERITED,
        description="How many cents, öre or yen: a whole number, as text because it outgrows Int.",
    )
    decimal: str = column(
        "decimal", requires=INHERITED, description="With the decimals of the currency: 1234.50."
    )
    text: str = column("text", requires=INHERITED, description="For people: EUR 1,234.50.")


@guarded_type(
    requires=SEES,
    description="How the workspace pays, as people recognize it. The number of a card is never"
    " here, and neither is the payment provider's token.",
    rows=operated.PaymentMethod,
)
class PaymentMethod:
    provider: str
    brand: str
    last_four: str


@guarded_type(
    requires=SEES,
    description="What one calendar month cost. It is issued once and never changed.",
    rows=billing.Invoice,
)
class Invoice(Node):
    number: int
    month: dt.date = column(
        "month", requires=INHERITED, description="The first day of the month it is for."
    )
    active_members: int
    currency: str
    issued_at: dt.datetime
    price: Money | None = resolved_by(
        answered.invoice_price, requires=SEES, description="For one active member, as it was then."
    )
    total: Money | None = resolved_by(
        answered.invoice_total, requires=SEES, description="Active members times price."
    )
    pdf_url: str = resolved_by(
        answered.pdf_url,
        requires=SIGNED_IN,
        description="Where it is as PDF, below the address of the product, with a bearer token.",
    )


@guarded_type(
    requires=SEES,
    description="A billing mail. It went to whoever got billing mail when it was written.",
    rows=mail.Mail,
)
class BillingMail:
    kind: MailKind
    state: MailState
    recipients: list[str]
    sent_at: dt.datetime | None
    at: dt.datetime = column("created_at", requires=INHERITED, description="When it was written.")
    problem: str | None = column(
        "last_error", requires=INHERITED, description="Why it was not sent, where it was not."
    )
    invoice: Invoice | None = resolved_by(
        answered.invoice_sent, requires=SEES, description="The invoice it brings, if it brings one."
    )


@guarded_type(
    requires=SEES,
    description="Somebody who gets billing mail now, and why.",
    rows=billing_mail.Contact,
)
class BillingContact:
    name: str
    address: str | None
    principal: Principal
    reason: str


@guarded_type(
    requires=SEES,
    description="What a workspace pays, how, and what it was billed.",
    rows=billing.BillingAccount,
)
class Billing:
    currency: str
    price: Money | None = resolved_by(
        answered.account_price,
        requires=SEES,
        description="For one active member and month. The operator of the product sets it.",
    )
    payment_method: PaymentMethod | None = resolved_by(
        answered.payment_method, requires=SEES, description="What is on file."
    )
    invoices: Connection[Invoice] | None = resolved_by(
        answered.all_invoices, requires=SEES, description="Newest first."
    )
    billing_mail: Connection[BillingMail] | None = resolved_by(
        answered.all_mail, requires=SEES, description="Every billing mail, newest first."
    )
    contacts: list[BillingContact] | None = resolved_by(
        answered.contacts,
        requires=SEES,
        description="Who gets billing mail now: the finance managers, and only while there is none,"
        " the workspace managers.",
    )


@guarded_type(requires=SIGNED_IN, description="How the workspace pays was changed.", rows=Answer)
class BillingPayload(Payload):
    billing: Billing | None = resolved_by(
        billing_changes.touched_billing,
        requires=SIGNED_IN,
        description="What the workspace pays and how, after.",
    )


@guarded_type(requires=SIGNED_IN, description="Money.")
class BillingQuery:
    view_billing: Billing | None = resolved_by(
        answered.view_billing,
        requires=any_of(SEES).by_operation(),
        description="What the workspace pays, how, and what it was billed.",
    )


@guarded_type(requires=SIGNED_IN, description="Money.")
class BillingMutation:
    update_payment_method: BillingPayload | None = done_by(
        billing_changes.update_payment_method,
        requires=Permission.UPDATE_PAYMENT_METHOD,
        description="Pay with this from now on. `reference` is a payment provider's token for the"
        " method; the number of a card is refused.",
    )
