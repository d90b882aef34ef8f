"""People of a workspace and what is known about them."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Date,
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


class MemberState(StrEnum):
    """PENDING: added, no account yet. ACTIVE. DEACTIVATED: access ended, rows kept."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


class Member(Base):
    """A person in a workspace.

    `attributes` holds values as received, by canonical name; `facts` the same values typed and
    folded, as rules read them. `access_epoch` grows whenever every token and stream of the
    person must be looked at again. `activated_at` is when the person first was ACTIVE; without
    it, reactivating leads back to PENDING. A deleted member is a tombstone: DEACTIVATED,
    `deleted_at` set, the user name free again. `manager_id` is whom the attribute `manager` means:
    the database says so itself, and the engine looks again (`sync_engine.reports`).
    """

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(
            "uq_member_user_name",
            "workspace_id",
            text("lower(user_name)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_member_name", "workspace_id", text("lower(display_name)"), "id"),
        Index(
            "ix_member_email",
            "workspace_id",
            text("lower(email)"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "ix_member_pending",
            "workspace_id",
            "id",
            postgresql_where=text("state = 'PENDING' AND deleted_at IS NULL"),
        ),
        Index(
            "ix_member_deleted",
            "workspace_id",
            "id",
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
        Index("ix_member_manager", "manager_id", postgresql_where=text("manager_id IS NOT NULL")),
        Index(
            "ix_member_manager_said",
            "workspace_id",
            text("lower(btrim(attributes ->> 'manager'))"),
            postgresql_where=text("attributes ->> 'manager' IS NOT NULL"),
        ),
        one_of("state", MemberState),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    user_name: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    state: Mapped[MemberState] = mapped_column(text_enum(MemberState))
    attributes: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    facts: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    manager_id: Mapped[int | None] = mapped_column(BigInteger, deferred=True)
    revision: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    access_epoch: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    activated_at: Mapped[dt.datetime | None]
    last_sign_in_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[dt.datetime | None]


class AttributeDefinition(Base):
    """One attribute of a workspace's schema: its type, and who owns its values (S4).

    `type` and `owner` are the values of `sync_engine.rules.AttributeType` and `Owner`.
    """

    __tablename__ = "attribute_definition"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)


class MemberMoment(Base):
    """The dates of people, one row per date attribute, so a tick finds exactly who may flip."""

    __tablename__ = "member_moment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_member_moment_on", "workspace_id", "attribute", "on_date", "member_id"),
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    attribute: Mapped[str] = mapped_column(Text, primary_key=True)
    workspace_id: Mapped[int]
    on_date: Mapped[dt.date] = mapped_column(Date)


class SignInMonth(Base):
    """Who signed in during a calendar month of the workspace's time zone (C20).

    `month` is its first day. The rows are figures of the past: what happens to the person later
    does not change them.
    """

    __tablename__ = "sign_in_month"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    month: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    first_at: Mapped[CreatedAt]
