"""What stands beside the rules of segments: decisions about single people, and removals that wait.

Read by the engine under the lock of the people's block. Whoever writes a row leaves a marker for
the person in the same transaction, before the row.
"""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, one_of, text_enum


class PinOrigin(StrEnum):
    """What led to a pin: a change set was undone (S12), or a held removal discarded (S11)."""

    UNDO = "UNDO"
    HOLD = "HOLD"


class MembershipPin(Base):
    """A person is in a segment, or is not, whatever its rule says, until the pin goes.

    `change_set_id` is the one that was undone, `hold_id` the hold that was discarded. The row's
    presence is the truth; an expired one is removed by the engine's clock.
    """

    __tablename__ = "membership_pin"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["segment.workspace_id", "segment.id"],
            ondelete="CASCADE",
        ),
        Index("ix_membership_pin_member", "member_id", "segment_id"),
        Index(
            "ix_membership_pin_expires_at",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        one_of("origin", PinOrigin),
    )

    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    is_in: Mapped[bool]
    origin: Mapped[PinOrigin] = mapped_column(text_enum(PinOrigin))
    change_set_id: Mapped[int | None] = mapped_column(BigInteger)
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]


class HoldState(StrEnum):
    """OPEN → DECIDED by people, or RELEASED because nothing of it is to be removed any more."""

    OPEN = "OPEN"
    DECIDED = "DECIDED"
    RELEASED = "RELEASED"


class Hold(Base):
    """Removals that wait, because together they were more than may go unasked (S11).

    It is of one segment, or with `segment_id` NULL of the whole workspace. When it opened, more
    than `most` of `people` derived coordinators would have gone: `counted` within the window.
    `held` removals have come to wait in it; so many of them were `approved` and `discarded`.
    Workspace managers were written to at `told_at`.

    There is deliberately no foreign key: its check would make the engine wait for writers.
    """

    __tablename__ = "hold"
    __table_args__ = (
        Index("ix_hold_workspace", "workspace_id", "id"),
        Index("ix_hold_untold", "id", postgresql_where=text("told_at IS NULL")),
        Index(
            "uq_hold_open",
            "workspace_id",
            "segment_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'OPEN'"),
        ),
        CheckConstraint("(state = 'OPEN') = (ended_at IS NULL)", name="ended"),
        one_of("state", HoldState),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    segment_id: Mapped[int | None]
    state: Mapped[HoldState] = mapped_column(
        text_enum(HoldState), default=HoldState.OPEN, server_default=HoldState.OPEN
    )
    most: Mapped[int]
    people: Mapped[int]
    counted: Mapped[int]
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    approved: Mapped[int] = mapped_column(default=0, server_default="0")
    discarded: Mapped[int] = mapped_column(default=0, server_default="0")
    opened_at: Mapped[CreatedAt]
    ended_at: Mapped[dt.datetime | None]
    told_at: Mapped[dt.datetime | None]
    cause: Mapped[uuid.UUID | None]


class HeldRemoval(Base):
    """A membership that the rules have ended, and that goes on until somebody decides.

    Once `is_approved`, the engine closes the membership and takes the row away; `cause` is then
    that of the approval. It also takes it away when the rules want the person again.
    """

    __tablename__ = "held_removal"
    __table_args__ = (
        Index("ix_held_removal_member", "member_id", "segment_id"),
        Index("ix_held_removal_hold", "hold_id", "segment_id", "member_id"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    hold_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hold.id", ondelete="CASCADE"))
    is_approved: Mapped[bool] = mapped_column(default=False, server_default="false")
    since: Mapped[CreatedAt]
    cause: Mapped[uuid.UUID | None]
