"""Marker rows: what the engine still has to look at. Narrow, short-lived, eagerly vacuumed."""

import datetime as dt
import uuid

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

QUEUE_STORAGE = {
    "fillfactor": "50",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "200",
}


class DirtyMember(Base):
    """This person's memberships may differ from what the rules say.

    The primary key coalesces: any number of changes before a drain cost one evaluation.
    `lane` is 0 for interactive changes, 1 for bulk. `cause` is the latest cause.
    """

    __tablename__ = "dirty_member"
    __table_args__ = (
        Index("ix_dirty_member_lane", "lane", "workspace_id", "since"),
        Index("ix_dirty_member_workspace", "workspace_id", "since"),
        {"postgresql_with": QUEUE_STORAGE},
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    lane: Mapped[int] = mapped_column(SmallInteger)
    since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    cause: Mapped[uuid.UUID | None]


class DirtySegment(Base):
    """This segment must be evaluated anew for one block of people; block -1: not yet expanded."""

    __tablename__ = "dirty_segment"
    __table_args__ = (
        Index("ix_dirty_segment_workspace", "workspace_id", "block", "since"),
        Index(
            "ix_dirty_segment_oldest",
            "workspace_id",
            "since",
            postgresql_where=text("block >= 0"),
        ),
        {"postgresql_with": QUEUE_STORAGE},
    )

    segment_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    block: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    cause: Mapped[uuid.UUID | None]


class TickWindow(Base):
    """The clock moved from `old` to `new`; the people it concerns are not yet marked."""

    __tablename__ = "tick_window"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    old: Mapped[dt.date]
    new: Mapped[dt.date]
    cause: Mapped[uuid.UUID | None]


class DirtyReports(Base):
    """Who this person's manager is, or who has this person as manager, is to be looked at again.

    Left by triggers, whoever writes. `has_moved`: the manager is another one, so everybody below
    has to be looked at, too. `cause` is said where somebody else's change led to it.
    """

    __tablename__ = "dirty_reports"
    __table_args__ = (
        Index("ix_dirty_reports_workspace", "workspace_id", "since"),
        {"postgresql_with": QUEUE_STORAGE},
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    has_moved: Mapped[bool] = mapped_column(server_default="false")
    since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    cause: Mapped[uuid.UUID | None]


class ParkedMember(Base):
    """The marker of a person with whom the engine fails, aside so that everybody else goes on.

    It goes back by itself at `retry_at`, later each time; None: only when somebody says so. The
    row goes when the engine succeeds. `since` is that of the marker: nothing later is reflected.
    """

    __tablename__ = "parked_member"
    __table_args__ = (
        Index("ix_parked_member_workspace", "workspace_id", "member_id"),
        Index(
            "ix_parked_member_retry_at",
            "retry_at",
            postgresql_where=text("retry_at IS NOT NULL"),
        ),
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    lane: Mapped[int] = mapped_column(SmallInteger)
    since: Mapped[dt.datetime]
    cause: Mapped[uuid.UUID | None]
    failures: Mapped[int]
    error: Mapped[str] = mapped_column(Text)
    parked_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    retry_at: Mapped[dt.datetime | None]


class Verification(Base):
    """A comparison of all memberships of a workspace with a recomputation, and its result.

    `next_block` is where it goes on after an interruption. `missing` and `extra` must be 0, and so
    must roles that end although something gives them (`needless`).
    """

    __tablename__ = "verification"
    __table_args__ = (
        Index("ix_verification_workspace", "workspace_id", "id"),
        Index(
            "uq_verification_running",
            "workspace_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    began_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[dt.datetime | None]
    next_block: Mapped[int] = mapped_column(server_default="0")
    blocks: Mapped[int] = mapped_column(server_default="0")
    pairs_checked: Mapped[int] = mapped_column(BigInteger, server_default="0")
    missing: Mapped[int] = mapped_column(BigInteger, server_default="0")
    extra: Mapped[int] = mapped_column(BigInteger, server_default="0")
    needless: Mapped[int] = mapped_column(BigInteger, server_default="0")
    pending: Mapped[int] = mapped_column(BigInteger, server_default="0")
