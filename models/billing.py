"""What a workspace pays, how, and what it was billed. Money is in minor units (cents, öre)."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt


class BillingAccount(Base):
    """What a workspace pays, and how. Its row lock orders invoices and everything they depend on.

    `price_minor` is for one active member and month. `payment_reference` is a payment provider's
    token for the method, never the number of a card; brand and last four digits are for people to
    recognize it by. `next_month` is the first month that is not settled: neither invoiced nor found
    to cost nothing; `next_close_at` is when it can be.
    """

    __tablename__ = "billing_account"
    __table_args__ = (
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("payment_last_four ~ '^[0-9]{4}$'", name="last_four"),
        CheckConstraint(
            "num_nonnulls(payment_provider, payment_reference, payment_brand, payment_last_four)"
            " IN (0, 4)",
            name="payment_method",
        ),
        CheckConstraint("extract(day from next_month) = 1", name="next_month"),
        Index("ix_billing_account_next_close_at", "next_close_at"),
    )

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    payment_provider: Mapped[str | None] = mapped_column(Text)
    payment_reference: Mapped[str | None] = mapped_column(Text)
    payment_brand: Mapped[str | None] = mapped_column(Text)
    payment_last_four: Mapped[str | None] = mapped_column(Text)
    next_month: Mapped[dt.date] = mapped_column(Date)
    next_close_at: Mapped[dt.datetime]
    updated_at: Mapped[CreatedAt]
    updated_by_id: Mapped[int | None] = mapped_column(BigInteger)


class Invoice(Base):
    """What one calendar month cost: active members × price, as both were then.

    One per workspace and month; numbers count up from 1 in each workspace without a gap. An
    issued invoice is never changed, and everything its page shows is in its row: `issued_on` is the
    date in the workspace's time zone, `payment_method` how people recognize what was on file.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("workspace_id", "month"),
        UniqueConstraint("workspace_id", "number"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("extract(day from month) = 1", name="month"),
        CheckConstraint("total_minor = active_members * price_minor", name="total"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    number: Mapped[int]
    month: Mapped[dt.date] = mapped_column(Date)
    active_members: Mapped[int]
    price_minor: Mapped[int] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    bill_to: Mapped[str] = mapped_column(Text)
    payment_method: Mapped[str | None] = mapped_column(Text)
    issued_on: Mapped[dt.date] = mapped_column(Date)
    issued_at: Mapped[CreatedAt]
