"""Departments and the courses they own."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Id, one_of, text_enum


class CourseKind(StrEnum):
    """How a course is taught."""

    SELF_PACED = "SELF_PACED"
    INSTRUCTOR_LED = "INSTRUCTOR_LED"


class CourseState(StrEnum):
    """Where a course is in its life."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Department(Base):
    """A part of the workspace that owns courses and has a team."""

    __tablename__ = "department"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("uq_department_name", "workspace_id", text("lower(name)"), unique=True),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]


class Course(Base):
    """A course. Its row lock orders everything that touches roles and segment places.

    `segment_limit` overrides the workspace's limit where it is set.
    """

    __tablename__ = "course"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        ForeignKeyConstraint(
            ["workspace_id", "department_id"], ["department.workspace_id", "department.id"]
        ),
        Index("ix_course_title", "workspace_id", text("lower(title)"), "id"),
        Index("ix_course_department", "department_id", "id"),
        CheckConstraint("segment_limit BETWEEN 1 AND 50", name="segment_limit"),
        one_of("kind", CourseKind),
        one_of("state", CourseState),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int]
    department_id: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    kind: Mapped[CourseKind] = mapped_column(text_enum(CourseKind))
    state: Mapped[CourseState] = mapped_column(text_enum(CourseState))
    segment_limit: Mapped[int | None] = mapped_column(SmallInteger)
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
