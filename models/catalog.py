"""Departments, and the courses and modules they own."""

import datetime as dt
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


class ModuleKind(StrEnum):
    """What a piece of content is."""

    LESSON = "LESSON"
    QUIZ = "QUIZ"
    ASSIGNMENT = "ASSIGNMENT"


class RetakePolicy(StrEnum):
    """How often a learner may begin again after completing (M19); LIMITED has a number."""

    NONE = "NONE"
    LIMITED = "LIMITED"
    UNLIMITED = "UNLIMITED"


class ScorePolicy(StrEnum):
    """Which finished attempt a person's score on a course is of (H1)."""

    BEST = "BEST"
    LAST = "LAST"
    FIRST = "FIRST"


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

    `segment_limit` overrides the workspace's limit where it is set. `retake_limit` is how many
    further attempts LIMITED allows. `due_at` holds for whoever has no date of their own or of a
    group. `certificate_days` is how long a certificate is valid; without it, for good.
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
        CheckConstraint(
            "(retake_policy = 'LIMITED') = (retake_limit IS NOT NULL)"
            " AND coalesce(retake_limit, 1) BETWEEN 1 AND 1000",
            name="retake_limit",
        ),
        CheckConstraint("certificate_days BETWEEN 1 AND 36500", name="certificate_days"),
        one_of("kind", CourseKind),
        one_of("state", CourseState),
        one_of("retake_policy", RetakePolicy),
        one_of("score_policy", ScorePolicy),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int]
    department_id: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    kind: Mapped[CourseKind] = mapped_column(text_enum(CourseKind))
    state: Mapped[CourseState] = mapped_column(text_enum(CourseState))
    segment_limit: Mapped[int | None] = mapped_column(SmallInteger)
    retake_policy: Mapped[RetakePolicy] = mapped_column(
        text_enum(RetakePolicy), default=RetakePolicy.NONE, server_default=RetakePolicy.NONE.value
    )
    retake_limit: Mapped[int | None] = mapped_column(SmallInteger)
    score_policy: Mapped[ScorePolicy] = mapped_column(
        text_enum(ScorePolicy), default=ScorePolicy.BEST, server_default=ScorePolicy.BEST.value
    )
    due_at: Mapped[dt.datetime | None]
    allows_self_enrolment: Mapped[bool] = mapped_column(default=False, server_default="false")
    attendance_completes: Mapped[bool] = mapped_column(default=False, server_default="false")
    certifies_completion: Mapped[bool] = mapped_column(default=False, server_default="false")
    certificate_days: Mapped[int | None]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Module(Base):
    """A piece of content. It belongs to a department; courses of it use it.

    `revision` is the number of the newest published revision; without one nobody can take it.
    """

    __tablename__ = "module"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        ForeignKeyConstraint(
            ["workspace_id", "department_id"], ["department.workspace_id", "department.id"]
        ),
        Index("ix_module_title", "workspace_id", text("lower(title)"), "id"),
        Index("ix_module_department", "department_id", "id"),
        one_of("kind", ModuleKind),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int]
    department_id: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[ModuleKind] = mapped_column(text_enum(ModuleKind))
    revision: Mapped[int | None]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class CourseModule(Base):
    """A module on one of the numbered places of a course; the order is that of the places."""

    __tablename__ = "course_module"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(["workspace_id", "module_id"], ["module.workspace_id", "module.id"]),
        UniqueConstraint("course_id", "place", deferrable=True, initially="DEFERRED"),
        Index("ix_course_module_module", "module_id", "course_id"),
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    place: Mapped[int]
