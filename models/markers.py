"""Marker rows: what the engine still has to look at. Narrow, short-lived, eagerly vacuumed."""

import datetime as dt
import uuid

from sqlalchemy import BigInteger, Identity, Index, Integer, SmallInteger, func
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
        Index("ix_dirty_member_lane", "lane", "since"),
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
