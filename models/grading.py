"""What learners answered in quizzes and assignments, and how it was graded."""

import datetime as dt
import uuid
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Json, one_of, text_enum


class SubmissionState(StrEnum):
    """SUBMITTED waits for a grade by hand; GRADED has all its points."""

    IN_PROGRESS = "IN_PROGRESS"
    SUBMITTED = "SUBMITTED"
    GRADED = "GRADED"


class Submission(Base):
    """One go of a person at the quiz or assignment of an attempt; one of a module is open.

    Numbers count up from 1 within attempt and module. `course_id` and `member_id` are those of
    the attempt, so that whoever grades finds them. `version` grows with every grading, so that two
    graders notice each other.
    """

    __tablename__ = "submission"
    __table_args__ = (
        ForeignKeyConstraint(
            ["attempt_id", "module_id"],
            ["attempt_module.attempt_id", "attempt_module.module_id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("attempt_id", "module_id", "number"),
        Index(
            "uq_submission_open",
            "attempt_id",
            "module_id",
            unique=True,
            postgresql_where=text("state = 'IN_PROGRESS'"),
        ),
        Index(
            "ix_submission_to_grade",
            "course_id",
            "submitted_at",
            "id",
            postgresql_where=text("state = 'SUBMITTED'"),
        ),
        Index("ix_submission_course", "course_id", "module_id", "member_id"),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("score >= 0 AND score <= max_score", name="score"),
        CheckConstraint(
            "(state = 'IN_PROGRESS') = (submitted_at IS NULL)"
            " AND (state = 'GRADED') = (score IS NOT NULL)"
            " AND (state = 'GRADED') = (is_passed IS NOT NULL)",
            name="state_says",
        ),
        one_of("state", SubmissionState),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    member_id: Mapped[int] = mapped_column(BigInteger)
    attempt_id: Mapped[int] = mapped_column(BigInteger)
    module_id: Mapped[int]
    number: Mapped[int]
    state: Mapped[SubmissionState] = mapped_column(text_enum(SubmissionState))
    started_at: Mapped[CreatedAt]
    submitted_at: Mapped[dt.datetime | None]
    graded_at: Mapped[dt.datetime | None]
    score: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    max_score: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    is_passed: Mapped[bool | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class Answer(Base):
    """What was answered to one question: `given` as `operations.content.given` writes it, NULL of
    JSON where nothing was; the points and feedback in force. `question_id` is the question's in the
    revision; an assignment is question 0. What is handed in has a row for every question, and a
    trigger keeps what was given then.
    """

    __tablename__ = "answer"
    __table_args__ = (CheckConstraint("points >= 0", name="points"),)

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True
    )
    question_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    given: Mapped[Json | None] = mapped_column(JSONB, nullable=False)
    answered_at: Mapped[CreatedAt]
    is_correct: Mapped[bool | None]
    points: Mapped[Decimal | None] = mapped_column(Numeric(8, 2))
    feedback: Mapped[str | None] = mapped_column(Text)


class Grade(Base):
    """One grading of one answer, by the product or by a person; the newest is in force. A trigger
    refuses to change it (H3)."""

    __tablename__ = "grade"
    __table_args__ = (
        ForeignKeyConstraint(
            ["submission_id", "question_id"],
            ["answer.submission_id", "answer.question_id"],
            ondelete="CASCADE",
        ),
        Index("ix_grade_answer", "submission_id", "question_id", "id"),
        CheckConstraint("points >= 0", name="points"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    submission_id: Mapped[int] = mapped_column(BigInteger)
    question_id: Mapped[int]
    points: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    feedback: Mapped[str | None] = mapped_column(Text)
    graded_at: Mapped[CreatedAt]
    graded_by_id: Mapped[int | None] = mapped_column(BigInteger)
    cause: Mapped[uuid.UUID | None]
