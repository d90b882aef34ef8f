"""Learner groups of courses: their settings and who looks after them."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt


class LearnerGroup(Base):
    """Learners and facilitators of one course, with settings of their own.

    Its learners are the live enrolments that name it. A removed group stays as a row, because
    ended enrolments and history speak of it; its name is free again.
    """

    __tablename__ = "learner_group"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("course_id", "id"),
        Index(
            "uq_learner_group_name",
            "course_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_learner_group_creator", "created_by_id", "course_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    due_at: Mapped[dt.datetime | None]
    allows_self_enrolment: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    removed_at: Mapped[dt.datetime | None]


class GroupFacilitator(Base):
    """Who teaches a group. The row gives no right: only who may teach the course can have one."""

    __tablename__ = "group_facilitator"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "group_id"], ["learner_group.workspace_id", "learner_group.id"]
        ),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_group_facilitator_member", "member_id", "group_id"),
    )

    group_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    since: Mapped[CreatedAt]
    added_by_id: Mapped[int | None] = mapped_column(BigInteger)
