"""Roles on a course given by hand, and the words said beside the rules."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, one_of, text_enum


class CourseRoleKind(StrEnum):
    """The two exclusive staff roles of one course."""

    INSTRUCTOR = "INSTRUCTOR"
    COORDINATOR = "COORDINATOR"


class OverrideKind(StrEnum):
    """EXCLUDE: not a coordinator although a segment says so. KEEP: one although none does.

    ENDING: still one, for the days of grace after the last reason for it has gone (M40).
    """

    EXCLUDE = "EXCLUDE"
    KEEP = "KEEP"
    ENDING = "ENDING"


class CourseRole(Base):
    """One person's one role on one course by hand. The primary key is the exclusivity (M23)."""

    __tablename__ = "course_role"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_course_role_member", "member_id", "course_id"),
        one_of("role", CourseRoleKind),
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    role: Mapped[CourseRoleKind] = mapped_column(text_enum(CourseRoleKind))
    since: Mapped[CreatedAt]
    given_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]


class CoordinatorOverride(Base):
    """A person excluded from, or kept in, the derived coordinators of a course (M37), or one whose
    role is ending (M40).

    One row per person and course, so nobody is two of these. The row's presence is the truth; an
    expired one is removed, and announced, by the engine's clock. Where it is ENDING there is no
    other source of the role (`sync_engine.grace`), and `told_at` says when a mail told the person.
    """

    __tablename__ = "coordinator_override"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_coordinator_override_member", "member_id", "course_id"),
        Index(
            "ix_coordinator_override_expires_at",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        Index(
            "ix_coordinator_override_ending",
            "workspace_id",
            "member_id",
            postgresql_where=text("kind = 'ENDING'"),
        ),
        Index(
            "ix_coordinator_override_untold",
            "created_at",
            postgresql_where=text("kind = 'ENDING' AND told_at IS NULL"),
        ),
        one_of("kind", OverrideKind),
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    kind: Mapped[OverrideKind] = mapped_column(text_enum(OverrideKind))
    reason: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]
    told_at: Mapped[dt.datetime | None]
