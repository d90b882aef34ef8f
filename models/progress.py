"""How far people are: one row of progress for each person on a course, and every attempt."""

import datetime as dt
import uuid
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, one_of, text_enum


class AttemptState(StrEnum):
    """H1. NOT_STARTED, IN_PROGRESS and SUBMITTED are open; the others are ends."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUBMITTED = "SUBMITTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    RESET = "RESET"
    ABANDONED = "ABANDONED"


class AttemptOrigin(StrEnum):
    """SELF: begun by the person. MANUAL: made by whoever marked the course complete (M4).
    ATTENDANCE: made by attending a live session."""

    SELF = "SELF"
    MANUAL = "MANUAL"
    ATTENDANCE = "ATTENDANCE"


class RoleAtStart(StrEnum):
    """As what a person began an attempt. Staff attempts stay out of course figures (M39)."""

    LEARNER = "LEARNER"
    COORDINATOR = "COORDINATOR"
    INSTRUCTOR = "INSTRUCTOR"


class ProgressState(StrEnum):
    """Where a person stands on a course: COMPLETED as soon as one counting attempt is; else what
    the open attempt is; else FAILED if a counting attempt ended so; else NOT_STARTED."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUBMITTED = "SUBMITTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class DueDateOf(StrEnum):
    """Whose due date was changed."""

    COURSE = "COURSE"
    GROUP = "GROUP"
    LEARNER = "LEARNER"


class Progress(Base):
    """One person on one course, from the first enrolment or attempt on; it is never removed.

    Its row lock orders everything about this person on this course: enrolments, due date,
    attempts, certificates. Take it after the course's, where both are needed, and those of
    several people in the order of their ids.

    `is_learner`: a live enrolment exists. `attempts` is the number of the last attempt; those up
    to `attempts_before` were reset and count no longer. `state`, `percent` (by the course's score
    policy) and `completed_at` (first completion) summarize the counting attempts. `override_due_at`
    is the person's own due date; `own_due_at` is that, or else the latest of the person's groups,
    or else NULL: then the course's holds (M8).
    """

    __tablename__ = "progress"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_progress_member", "member_id", "course_id"),
        Index(
            "ix_progress_learner",
            "course_id",
            "state",
            "member_id",
            postgresql_where=text("is_learner"),
        ),
        CheckConstraint("attempts >= attempts_before AND attempts_before >= 0", name="attempts"),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        one_of("state", ProgressState),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    is_learner: Mapped[bool] = mapped_column(default=False, server_default="false")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    attempts_before: Mapped[int] = mapped_column(default=0, server_default="0")
    state: Mapped[ProgressState] = mapped_column(
        text_enum(ProgressState),
        default=ProgressState.NOT_STARTED,
        server_default=ProgressState.NOT_STARTED.value,
    )
    percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    completed_at: Mapped[dt.datetime | None]
    override_due_at: Mapped[dt.datetime | None]
    own_due_at: Mapped[dt.datetime | None]
    last_activity_at: Mapped[dt.datetime | None]
    since: Mapped[CreatedAt]


class DueDateChange(Base):
    """One change of a due date: of a course, a group, or one person on a course. Never changed."""

    __tablename__ = "due_date_change"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        ForeignKeyConstraint(
            ["course_id", "group_id"], ["learner_group.course_id", "learner_group.id"]
        ),
        Index("ix_due_date_change_course", "course_id", "member_id", "id"),
        CheckConstraint(
            "(of = 'GROUP') = (group_id IS NOT NULL)"
            " AND (of = 'LEARNER') = (member_id IS NOT NULL)",
            name="whose",
        ),
        one_of("of", DueDateOf),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    of: Mapped[DueDateOf] = mapped_column(text_enum(DueDateOf))
    group_id: Mapped[int | None] = mapped_column(BigInteger)
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    before: Mapped[dt.datetime | None]
    after: Mapped[dt.datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[CreatedAt]
    changed_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]


class Attempt(Base):
    """One pass of one person through one course. Numbers are never used again; one is open.

    It keeps the role it began under and the due date of that moment. Its modules are those of the
    course, at the revisions published, when it began (`AttemptModule`). `ended_by_id` and `reason`
    say who ended it, where that was not the person.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        ForeignKeyConstraint(
            ["course_id", "member_id"],
            ["progress.course_id", "progress.member_id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("course_id", "member_id", "number"),
        Index(
            "uq_attempt_open",
            "course_id",
            "member_id",
            unique=True,
            postgresql_where=text("state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')"),
        ),
        Index("ix_attempt_member", "member_id", "course_id"),
        Index(
            "ix_attempt_staff_open",
            "workspace_id",
            "id",
            postgresql_where=text(
                "state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED') AND role <> 'LEARNER'"
            ),
        ),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint(
            "(state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')) = (ended_at IS NULL)",
            name="ended_at",
        ),
        CheckConstraint("score >= 0 AND score <= max_score", name="score"),
        one_of("state", AttemptState),
        one_of("origin", AttemptOrigin),
        one_of("role", RoleAtStart),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int]
    state: Mapped[AttemptState] = mapped_column(text_enum(AttemptState))
    origin: Mapped[AttemptOrigin] = mapped_column(text_enum(AttemptOrigin))
    role: Mapped[RoleAtStart] = mapped_column(text_enum(RoleAtStart))
    due_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[dt.datetime | None]
    submitted_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Text)
    score: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    max_score: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))


class ModuleState(StrEnum):
    """How far an attempt is with one of its modules. SUBMITTED waits to be graded."""

    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUBMITTED = "SUBMITTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class AttemptModule(Base):
    """One module of an attempt, on the revision it began with (C22). `submissions` counts those
    of a quiz or an assignment; `score` is the best of them that is graded."""

    __tablename__ = "attempt_module"
    __table_args__ = (
        ForeignKeyConstraint(["attempt_id"], ["attempt.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(
            ["module_id", "revision"], ["module_revision.module_id", "module_revision.number"]
        ),
        UniqueConstraint("attempt_id", "place"),
        Index("ix_attempt_module_module", "module_id", "attempt_id"),
        CheckConstraint("score >= 0 AND score <= max_score", name="score"),
        one_of("state", ModuleState),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    attempt_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    revision: Mapped[int]
    place: Mapped[int]
    state: Mapped[ModuleState] = mapped_column(
        text_enum(ModuleState),
        default=ModuleState.NOT_STARTED,
        server_default=ModuleState.NOT_STARTED.value,
    )
    opened_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    submissions: Mapped[int] = mapped_column(default=0, server_default="0")
    score: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    max_score: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
