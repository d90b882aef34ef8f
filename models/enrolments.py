"""Who learns in which course, and why."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, one_of, text_enum


class EnrolmentSource(StrEnum):
    """DIRECT: by hand. GROUP: through a learner group. SELF: by the learner (C21)."""

    DIRECT = "DIRECT"
    GROUP = "GROUP"
    SELF = "SELF"


class Enrolment(Base):
    """One reason someone learns in a course. Ended ones stay; of each source, and of each group,
    one is live.

    A person is a learner of the course as long as one enrolment of theirs has not ended.
    `group_id` is set where, and only where, the source is GROUP or someone enrolled themself into
    a group.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index(
            "uq_enrolment_live",
            "course_id",
            "member_id",
            "source",
            "group_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_enrolment_group",
            "group_id",
            "member_id",
            postgresql_where=text("ended_at IS NULL AND group_id IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["course_id", "group_id"], ["learner_group.course_id", "learner_group.id"]
        ),
        CheckConstraint(
            "(source = 'DIRECT') <= (group_id IS NULL) AND (source = 'GROUP') <="
            " (group_id IS NOT NULL)",
            name="group",
        ),
        Index(
            "ix_enrolment_member",
            "member_id",
            "course_id",
            postgresql_where=text("ended_at IS NULL"),
        ),
        one_of("source", EnrolmentSource),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[EnrolmentSource] = mapped_column(text_enum(EnrolmentSource))
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[CreatedAt]
    enrolled_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(BigInteger)
