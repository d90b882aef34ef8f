"""Certificates, and the templates they are printed from."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Json, one_of, text_enum


class CertificateState(StrEnum):
    """H4. Whoever reads one whose time is over sees EXPIRED at once; the row follows."""

    ISSUED = "ISSUED"
    SUPERSEDED = "SUPERSEDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class CertificateTemplate(Base):
    """What the certificates of a course say; version 0, which has no row, is the product's own.

    Versions count up from 1 in each course and are never changed.
    """

    __tablename__ = "certificate_template"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        CheckConstraint("version > 0", name="version"),
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    content: Mapped[Json]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)


class CertificateRegister(Base):
    """How many certificates a workspace has issued. Its row lock numbers them without a gap."""

    __tablename__ = "certificate_register"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Certificate(Base):
    """That a person completed a course. Never removed; of a person and course one is ISSUED.

    `serial` counts up in the workspace; `code` is what strangers verify it by, and cannot be
    guessed. `printed` is everything the page shows, as it was when it was issued. `reason` says
    why it was revoked.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        ForeignKeyConstraint(
            ["course_id", "member_id"],
            ["progress.course_id", "progress.member_id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("workspace_id", "serial"),
        UniqueConstraint("code"),
        Index(
            "uq_certificate_issued",
            "course_id",
            "member_id",
            unique=True,
            postgresql_where=text("state = 'ISSUED'"),
        ),
        Index("ix_certificate_member", "member_id", "course_id", "id"),
        Index(
            "ix_certificate_expires_at",
            "expires_at",
            postgresql_where=text("state = 'ISSUED' AND expires_at IS NOT NULL"),
        ),
        CheckConstraint("(state = 'ISSUED') = (ended_at IS NULL)", name="ended_at"),
        one_of("state", CertificateState),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    serial: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str] = mapped_column(Text)
    state: Mapped[CertificateState] = mapped_column(text_enum(CertificateState))
    template_version: Mapped[int]
    printed: Mapped[Json]
    issued_at: Mapped[CreatedAt]
    issued_by_id: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[uuid.UUID | None]
