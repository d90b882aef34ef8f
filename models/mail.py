"""Mail that is to be sent, and mail that was sent: the outbox and its log are one table."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Json, one_of, text_enum


class MailKind(StrEnum):
    """What a mail is about; its template has the same name."""

    INVITATION = "INVITATION"
    INVOICE = "INVOICE"
    PAYMENT_METHOD_CHANGED = "PAYMENT_METHOD_CHANGED"
    CERTIFICATE_ISSUED = "CERTIFICATE_ISSUED"
    LIVE_SESSION_BOOKED = "LIVE_SESSION_BOOKED"
    LIVE_SESSION_WAITLISTED = "LIVE_SESSION_WAITLISTED"
    LIVE_SESSION_PROMOTED = "LIVE_SESSION_PROMOTED"
    LIVE_SESSION_CHANGED = "LIVE_SESSION_CHANGED"
    LIVE_SESSION_CANCELLED = "LIVE_SESSION_CANCELLED"
    LIVE_SESSION_WAITLIST_ENDED = "LIVE_SESSION_WAITLIST_ENDED"
    COURSE_INSIGHTS = "COURSE_INSIGHTS"
    COORDINATOR_ENDING = "COORDINATOR_ENDING"
    HOLD_OPENED = "HOLD_OPENED"


class MailState(StrEnum):
    """FAILED: given up, after the last attempt or a refusal that will not change."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"


class Mail(Base):
    """One mail to one or several people, written in the transaction that caused it.

    `key` says what it is for, so that the same thing is never sent twice. `recipients` are the
    addresses, in the order of `member_ids`. `parameters` fill the template; what must not be kept
    readable (an activation code) is sealed in them and taken out once the mail is sent.
    """

    __tablename__ = "mail"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key"),
        Index("ix_mail_queued", "next_attempt_at", "id", postgresql_where=text("state = 'QUEUED'")),
        Index("ix_mail_kind", "workspace_id", "kind", "id"),
        one_of("kind", MailKind),
        one_of("state", MailState),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    key: Mapped[str] = mapped_column(Text)
    kind: Mapped[MailKind] = mapped_column(text_enum(MailKind))
    recipients: Mapped[list[str]] = mapped_column(ARRAY(Text))
    member_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    parameters: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    cause: Mapped[uuid.UUID | None]
    created_at: Mapped[CreatedAt]
    state: Mapped[MailState] = mapped_column(text_enum(MailState))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[CreatedAt]
    sent_at: Mapped[dt.datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
