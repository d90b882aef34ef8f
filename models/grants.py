"""Stored rights: who holds which principal of the permission matrix, and where."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from access.permissions import Scope
from models.base import Base, CreatedAt, Id


def held_on(
    workspace_id: int, department_id: int | None, course_id: int | None, module_id: int | None
) -> tuple[Scope, int]:
    """What a right with these columns is on."""
    if module_id is not None:
        return Scope.MODULE, module_id
    if course_id is not None:
        return Scope.COURSE, course_id
    if department_id is not None:
        return Scope.DEPARTMENT, department_id
    return Scope.WORKSPACE, workspace_id


class Grant(Base):
    """A person holds `principal` (a value of `access.Principal`) on one scope.

    All of `department_id`, `course_id`, `module_id` NULL means the workspace itself; at most
    one of them is set. The same grant exists once.
    """

    __tablename__ = "access_grant"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["workspace_id", "department_id"], ["department.workspace_id", "department.id"]
        ),
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(["workspace_id", "module_id"], ["module.workspace_id", "module.id"]),
        CheckConstraint("num_nonnulls(department_id, course_id, module_id) <= 1", name="one_scope"),
        Index(
            "uq_access_grant",
            "member_id",
            "principal",
            "department_id",
            "course_id",
            "module_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_access_grant_department",
            "department_id",
            postgresql_where=text("department_id IS NOT NULL"),
        ),
        Index(
            "ix_access_grant_course", "course_id", postgresql_where=text("course_id IS NOT NULL")
        ),
        Index(
            "ix_access_grant_module", "module_id", postgresql_where=text("module_id IS NOT NULL")
        ),
        Index(
            "ix_access_grant_workspace",
            "workspace_id",
            "principal",
            postgresql_where=text("num_nonnulls(department_id, course_id, module_id) = 0"),
        ),
        Index(
            "ix_access_grant_pending_until",
            "pending_until",
            postgresql_where=text("pending_until IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    workspace_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    principal: Mapped[str] = mapped_column(Text)
    department_id: Mapped[int | None]
    course_id: Mapped[int | None]
    module_id: Mapped[int | None]
    granted_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    pending_until: Mapped[dt.datetime | None]

    @property
    def place(self) -> tuple[Scope, int]:
        """What it is on."""
        return held_on(self.workspace_id, self.department_id, self.course_id, self.module_id)


class TeamMember(Base):
    """A person on the team of a department, with permissions there or with none (C11).

    Whoever holds a grant on the department or on a course of it has this row too: triggers refuse
    a grant without it, and that it goes while grants stay.
    """

    __tablename__ = "team_member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "department_id"], ["department.workspace_id", "department.id"]
        ),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_team_member_member", "member_id", "department_id"),
    )

    department_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    since: Mapped[CreatedAt]
    added_by_id: Mapped[int | None] = mapped_column(BigInteger)
