"""User segments, their versions, where they are attached, and who is in them."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Id, Json, Moment, one_of, text_enum


class SegmentKind(StrEnum):
    """STATIC: named people. RULE: follows attributes."""

    STATIC = "STATIC"
    RULE = "RULE"


class SegmentState(StrEnum):
    """DRAFT → ACTIVE ⇄ PAUSED; BROKEN when a rule no longer compiles (S5).

    Only ACTIVE segments are evaluated. PAUSED and BROKEN freeze what they give.
    """

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    BROKEN = "BROKEN"


BUILDS_ON: Final = (
    'jsonb_path_query_array(rule, \'strict $.** ? (@.attr == "memberOf")'
    '.value.** ? (@.type() == "number")\')'
)
"""The ids that clauses about the relation memberOf name, wherever in the rule they stand."""

ASKS_ABOVE: Final = (
    "coalesce(jsonb_path_exists(rule,"
    """ 'strict $.** ? (@.attr == "reportsTo" || @.attr == "reportsDirectlyTo")'), false)"""
)
"""Whether a rule asks who is above a person."""


class Segment(Base):
    """A segment as it is now. `epoch` is the engine epoch at its last change.

    `member_count` is a number for displays, exact as of `counted_at`; the truth is `membership`.
    A deleted segment is a tombstone with `deleted_at`: attached nowhere, its name free again,
    and nobody belongs to it; the engine closes what memberships it had. `builds_on`: the segments
    whose people its rule asks about; `asks_above`: it asks who is above people.
    """

    __tablename__ = "segment"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index(
            "uq_segment_name",
            "workspace_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_segment_epoch", "workspace_id", "epoch"),
        Index("ix_segment_builds_on", "workspace_id", postgresql_where=text("builds_on <> '[]'")),
        Index("ix_segment_asks_above", "workspace_id", postgresql_where=text("asks_above")),
        CheckConstraint("(kind = 'RULE') = (rule IS NOT NULL)", name="rule"),
        CheckConstraint("(state = 'BROKEN') = (broken_reason IS NOT NULL)", name="broken"),
        one_of("kind", SegmentKind),
        one_of("state", SegmentState),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    kind: Mapped[SegmentKind] = mapped_column(text_enum(SegmentKind))
    state: Mapped[SegmentState] = mapped_column(text_enum(SegmentState))
    broken_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    rule: Mapped[Json | None]
    builds_on: Mapped[list[int] | None] = mapped_column(
        JSONB, Computed(BUILDS_ON, persisted=True), deferred=True
    )
    asks_above: Mapped[bool] = mapped_column(Computed(ASKS_ABOVE, persisted=True), deferred=True)
    is_usable_by_departments: Mapped[bool] = mapped_column(default=False, server_default="false")
    epoch: Mapped[int] = mapped_column(BigInteger)
    member_count: Mapped[int] = mapped_column(default=0, server_default="0")
    counted_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[dt.datetime | None]


class VersionOrigin(StrEnum):
    """What made a version of a rule."""

    CREATED = "CREATED"
    EDITED = "EDITED"
    ROLLED_BACK = "ROLLED_BACK"


class SegmentVersion(Base):
    """One version of a rule, kept for explanation and rollback.

    `restores` is the version whose rule it took back, where it did. `cause` leads to the journal
    entry of the change that made it.
    """

    __tablename__ = "segment_version"
    __table_args__ = (
        one_of("origin", VersionOrigin),
        CheckConstraint("(origin = 'ROLLED_BACK') = (restores IS NOT NULL)", name="restores"),
    )

    segment_id: Mapped[int] = mapped_column(
        ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[Json]
    origin: Mapped[VersionOrigin] = mapped_column(text_enum(VersionOrigin))
    restores: Mapped[int | None]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_by_name: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[uuid.UUID | None]


class SegmentPerson(Base):
    """A person named in a STATIC segment."""

    __tablename__ = "segment_person"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "segment_id"],
            ["segment.workspace_id", "segment.id"],
            ondelete="CASCADE",
        ),
        Index("ix_segment_person_member", "member_id", "segment_id"),
    )

    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]


class AttachmentMode(StrEnum):
    """How an attachment follows its segment from `mode_since` on (S8).

    SYNC: whoever is in it. ADD_ONLY: whoever was in it then, or ever since. REMOVE_ONLY: whoever
    was in it then and never left. FROZEN: whoever was in it then.
    """

    SYNC = "SYNC"
    ADD_ONLY = "ADD_ONLY"
    REMOVE_ONLY = "REMOVE_ONLY"
    FROZEN = "FROZEN"


class CourseSegment(Base):
    """A segment attached to a course, on one of the course's numbered places.

    Whom it makes coordinators is read from intervals of membership by the view
    `coordinator_source`, and of the past by `operations.attachment_modes`.

    A trigger (`course_segment_within_limit`) refuses a place above the course's limit, so no
    path can take one too many; the unique place refuses two at once.
    """

    __tablename__ = "course_segment"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "segment_id"], ["segment.workspace_id", "segment.id"]
        ),
        UniqueConstraint("course_id", "place"),
        CheckConstraint("place BETWEEN 1 AND 50", name="place"),
        Index("ix_course_segment_segment", "segment_id", "course_id"),
        Index(
            "ix_course_segment_keeping",
            "segment_id",
            "course_id",
            postgresql_where=text("mode IN ('ADD_ONLY', 'FROZEN')"),
        ),
        one_of("mode", AttachmentMode),
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    place: Mapped[int] = mapped_column(SmallInteger)
    attached_at: Mapped[CreatedAt]
    attached_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]
    mode: Mapped[AttachmentMode] = mapped_column(
        text_enum(AttachmentMode), default=AttachmentMode.SYNC, server_default=AttachmentMode.SYNC
    )
    mode_since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())


class Membership(Base):
    """An interval during which a person was in a segment; current where `until` is NULL.

    Written only by the engine, under the lock of the person's block. There is deliberately no
    foreign key to `member` or `segment`: its check would make the engine wait for writers.
    `cause` and `closing_cause` lead to the journal entries of the changes that opened and closed
    the interval; of intervals closed before revision 0007 only the change set is known.
    `closed_by_rule`: rules alone ended it, neither a decision about this person nor the end of the
    account; only these count among removals of which too many have to wait (S11).
    """

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_current",
            "segment_id",
            "member_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
            postgresql_include=["since"],
        ),
        Index(
            "ix_membership_ended",
            "segment_id",
            "until",
            postgresql_where=text("until IS NOT NULL"),
        ),
        {
            "postgresql_with": {
                "fillfactor": "90",
                "autovacuum_vacuum_scale_factor": "0.02",
                "autovacuum_vacuum_insert_scale_factor": "0.05",
            }
        },
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    segment_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[dt.datetime] = mapped_column(primary_key=True)
    until: Mapped[dt.datetime | None]
    opened_by_id: Mapped[int | None] = mapped_column(BigInteger)
    closed_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]
    closing_cause: Mapped[uuid.UUID | None]
    closed_by_rule: Mapped[bool | None]


class ChangeSet(Base):
    """What one run of the engine changed, and why (S12).

    `watermark` is the journal's head when the run had read its state: everything committed up
    to there, for the people the run claimed, is reflected. `held` removals were found and wait
    for approval. `undone_at` is when somebody took the whole of it back. `lost` are the people who
    were in a segment that courses follow, and by this run are in none any more (S11).
    `segment_ids` are the segments whose people it changed; who they are, its journal entry says.
    """

    __tablename__ = "change_set"
    __table_args__ = (
        Index("ix_change_set_newest", "workspace_id", text("(- id)")),
        Index(
            "ix_change_set_lost", "workspace_id", "at", postgresql_where=text("lost IS NOT NULL")
        ),
        Index("ix_change_set_segments", "segment_ids", postgresql_using="gin"),
        Index(
            "ix_change_set_causes",
            "causes",
            postgresql_using="gin",
            postgresql_ops={"causes": "jsonb_path_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    kind: Mapped[str] = mapped_column(Text)
    causes: Mapped[Json]
    watermark: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    today: Mapped[dt.date]
    examined: Mapped[int]
    added: Mapped[int]
    removed: Mapped[int]
    suppressed: Mapped[int]
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    lost: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    segment_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    undone_at: Mapped[dt.datetime | None]
    at: Mapped[Moment]
