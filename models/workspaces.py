"""Workspaces: the tenants. Everything else belongs to exactly one of them."""

import datetime as dt
import uuid

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Id

SEGMENT_LIMIT_DEFAULT = 10
SEGMENT_LIMIT_RANGE = range(1, 51)


class Workspace(Base):
    """One tenant. `segment_limit` is how many segments one course may carry (M29).

    `allows_self_action`: people may mark complete, reset, re-date and certify themselves (M38).
    `late_placement_days` is how long after its end people may be placed into a live session (M36).
    `smallest_group` is how many people figures must be about before they are shown to those who
    may not see the people themselves. `kept_days` is how long files that were made are kept.
    `grace_days` is how long people stay coordinators after the last reason for it has gone (M40).
    More than `hold_people` and `hold_percent` of the derived coordinators of a segment, or of the
    workspace, do not go within `hold_minutes` before somebody has approved it (S11).
    """

    __tablename__ = "workspace"
    __table_args__ = (
        CheckConstraint("segment_limit BETWEEN 1 AND 50", name="segment_limit"),
        CheckConstraint("late_placement_days BETWEEN 0 AND 3650", name="late_placement_days"),
        CheckConstraint("smallest_group BETWEEN 1 AND 1000", name="smallest_group"),
        CheckConstraint("kept_days BETWEEN 1 AND 365", name="kept_days"),
        CheckConstraint("grace_days BETWEEN 0 AND 30", name="grace_days"),
        CheckConstraint("hold_people BETWEEN 0 AND 1000000000", name="hold_people"),
        CheckConstraint("hold_percent BETWEEN 0 AND 100", name="hold_percent"),
        CheckConstraint("hold_minutes BETWEEN 1 AND 10080", name="hold_minutes"),
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text, server_default="UTC")
    segment_limit: Mapped[int] = mapped_column(
        SmallInteger, default=SEGMENT_LIMIT_DEFAULT, server_default=str(SEGMENT_LIMIT_DEFAULT)
    )
    allows_self_action: Mapped[bool] = mapped_column(default=False, server_default="false")
    late_placement_days: Mapped[int] = mapped_column(SmallInteger, default=90, server_default="90")
    smallest_group: Mapped[int] = mapped_column(SmallInteger, default=5, server_default="5")
    kept_days: Mapped[int] = mapped_column(SmallInteger, default=7, server_default="7")
    grace_days: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    hold_people: Mapped[int] = mapped_column(default=10, server_default="10")
    hold_percent: Mapped[int] = mapped_column(SmallInteger, default=20, server_default="20")
    hold_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    created_at: Mapped[CreatedAt]


class WorkspaceStream(Base):
    """The head of one workspace's journal.

    Its row lock numbers journal entries: gapless and in commit order, because it is taken last
    in every writing transaction and held until commit. `hash` is that of the last entry, which
    the next one continues. `epoch` changes when the history a
    cursor speaks of is no longer this database's history (a restore).
    """

    __tablename__ = "workspace_stream"
    __table_args__ = ({"postgresql_with": {"fillfactor": "20"}},)

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    hash: Mapped[bytes] = mapped_column(server_default=text(f"'\\x{'00' * 32}'"))
    epoch: Mapped[uuid.UUID] = mapped_column(server_default=func.gen_random_uuid())


class EngineState(Base):
    """The engine's clock and rule epoch for one workspace.

    `epoch` grows with every rule edit and tick; `today` is the date `now` means in rules, in the
    workspace's own time zone, and moves only by a tick.
    """

    __tablename__ = "engine_state"
    __table_args__ = ({"postgresql_with": {"fillfactor": "20"}},)

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    today: Mapped[dt.date] = mapped_column()


class Lineage(Base):
    """Which physical database the journal's cursors were issued by. One row.

    Compared at start-up with the cluster's identity; a difference means the data was restored
    elsewhere, and every stream gets a new epoch.
    """

    __tablename__ = "lineage"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    identity: Mapped[str] = mapped_column(Text)
