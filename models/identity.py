"""Identity providers, what they delivered, and the tokens of people and programs."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Id, Json, one_of, text_enum


class ConnectionKind(StrEnum):
    """Through which door a connection's identity provider speaks."""

    SCIM = "SCIM"
    WEBHOOK = "WEBHOOK"


class DeliveryStatus(StrEnum):
    """What became of a delivery. PARKED waits for its subject to appear."""

    RECEIVED = "RECEIVED"
    APPLIED = "APPLIED"
    SUPERSEDED = "SUPERSEDED"
    PARKED = "PARKED"
    QUARANTINED = "QUARANTINED"
    DISCARDED = "DISCARDED"


class TokenKind(StrEnum):
    """PAT: a person's. SERVICE: a program's. SCIM: one connection's."""

    PAT = "PAT"
    SERVICE = "SERVICE"
    SCIM = "SCIM"


class Connection(Base):
    """One identity provider connected to a workspace through one door.

    `dropped` says which attributes it sent that this workspace does not keep, and how often;
    `dropped_count` is their sum.
    """

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("uq_connection_name", "workspace_id", text("lower(name)"), unique=True),
        one_of("kind", ConnectionKind),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[ConnectionKind] = mapped_column(text_enum(ConnectionKind))
    is_enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    last_seen_at: Mapped[dt.datetime | None]
    error_count: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dropped_count: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dropped: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[CreatedAt]


class ConnectionSecret(Base):
    """A webhook signing secret, sealed (AES-GCM) under the key named by `key_id`.

    A connection may have two live secrets while one is being rotated out.
    """

    __tablename__ = "connection_secret"

    id: Mapped[Id]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[dt.datetime | None]


class DirectoryPerson(Base):
    """A member as one connection knows the person; `id` is the SCIM id.

    `resource` is what the provider sent, `attribute_clock` the order key each attribute was
    last written at, `live_key`/`tombstone_key` the same for the person's existence (I4).
    `member_id` is NULL for a tombstone of someone never seen.
    """

    __tablename__ = "directory_person"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "connection_id"], ["connection.workspace_id", "connection.id"]
        ),
        ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"]),
        Index(
            "uq_directory_person_external_id",
            "connection_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND deleted_at IS NULL"),
        ),
        Index(
            "uq_directory_person_user_name",
            "connection_id",
            text("lower(user_name)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_directory_person_member", "member_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    workspace_id: Mapped[int]
    connection_id: Mapped[int]
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    external_id: Mapped[str | None] = mapped_column(Text)
    user_name: Mapped[str] = mapped_column(Text)
    resource: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    attribute_clock: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    live_key: Mapped[Json | None]
    tombstone_key: Mapped[Json | None]
    version: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    deleted_at: Mapped[dt.datetime | None]


class DirectoryGroup(Base):
    """A group of an identity provider; its folded name is a value of the `groups` attribute.

    `clock` holds the order keys its name, its whole list of members and its end were last
    written at (I4). A deleted group is a tombstone without members.
    """

    __tablename__ = "directory_group"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "connection_id"], ["connection.workspace_id", "connection.id"]
        ),
        UniqueConstraint("workspace_id", "id"),
        Index(
            "uq_directory_group_name",
            "connection_id",
            text("lower(display_name)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "uq_directory_group_external_id",
            "connection_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL AND deleted_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    workspace_id: Mapped[int]
    connection_id: Mapped[int]
    external_id: Mapped[str | None] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    folded_name: Mapped[str] = mapped_column(Text)
    clock: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    deleted_at: Mapped[dt.datetime | None]


class DirectoryGroupMember(Base):
    """A person in a directory group."""

    __tablename__ = "directory_group_member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "group_id"],
            ["directory_group.workspace_id", "directory_group.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_directory_group_member_member", "member_id", "group_id"),
    )

    group_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]


class InboxDelivery(Base):
    """A delivery as it arrived, stored before the sender hears 2xx; stored once (I3).

    `waits_for` names what a PARKED delivery waits for: a person or a group that is not there yet.
    """

    __tablename__ = "inbox_delivery"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "connection_id"], ["connection.workspace_id", "connection.id"]
        ),
        UniqueConstraint("connection_id", "delivery_id"),
        Index("ix_inbox_delivery_status", "status", "id"),
        Index(
            "ix_inbox_delivery_waits_for",
            "connection_id",
            "waits_for",
            postgresql_where=text("waits_for IS NOT NULL"),
        ),
        one_of("status", DeliveryStatus),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    connection_id: Mapped[int]
    delivery_id: Mapped[str] = mapped_column(Text)
    received_at: Mapped[CreatedAt]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[DeliveryStatus] = mapped_column(text_enum(DeliveryStatus))
    reason: Mapped[str | None] = mapped_column(Text)
    waits_for: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    settled_at: Mapped[dt.datetime | None]


class Token(Base):
    """A token we issued. `id` is its clear part; only the SHA-256 of the secret is kept."""

    __tablename__ = "token"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "connection_id"], ["connection.workspace_id", "connection.id"]
        ),
        Index("ix_token_name", "workspace_id", text("lower(name)"), "id"),
        Index("ix_token_member", "member_id"),
        one_of("kind", TokenKind),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    kind: Mapped[TokenKind] = mapped_column(text_enum(TokenKind))
    name: Mapped[str] = mapped_column(Text)
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    connection_id: Mapped[int | None]
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class IdempotentAnswer(Base):
    """The first answer to a request that carried an idempotency key (G8)."""

    __tablename__ = "idempotent_answer"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[Json]
    created_at: Mapped[CreatedAt]
