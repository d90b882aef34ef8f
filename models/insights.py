"""Summaries of what learners of a course did, from which insights are read: sums that add up.

The people of a course are taken in blocks of 1,024 ids. What a block amounts to is kept as cells,
and so is what all blocks together do (block -1), so that reading costs the same however many
people learn. Whatever changes leaves a marker for its block, in the same transaction. A reader
takes the cells of all, less those of marked blocks, and counts the marked blocks itself: what it
says is true of the moment it reads, whether or not the worker that folds markers in has come by.
"""

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, Boolean, Identity, Index, Numeric, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, one_of, text_enum
from models.markers import QUEUE_STORAGE

BLOCK_BITS: Final = 10
"""A person is in the block `member_id >> BLOCK_BITS`."""

ALL_BLOCKS: Final = -1
WHOLE_COURSE: Final = 0
"""In place of a module: what is about the course itself."""


class Facet(StrEnum):
    """What a cell counts. Those from ANSWERED on are about a quiz, the others about a course.

    STANDING: learners by state. DUE: learners who have not completed, by when it is due. STARTED,
    FINISHED: learners by the day of it in the time zone of the workspace. TAKEN: learners who have
    completed (of a quiz: submissions), by the whole minutes it took. CERTIFIED: certificates by
    state and end. ATTENDED: registrations by state. ANSWERED: a question, by revision and score of
    the submission. TOTAL: submissions by revision and score. PACE: answers by the whole seconds
    they took. CHOSEN: answers by what was answered. WAITING: submissions that have no grade yet;
    all before are of those that have. HANDED_IN: submissions by day.
    """

    STANDING = "STANDING"
    DUE = "DUE"
    STARTED = "STARTED"
    FINISHED = "FINISHED"
    TAKEN = "TAKEN"
    CERTIFIED = "CERTIFIED"
    ATTENDED = "ATTENDED"
    ANSWERED = "ANSWERED"
    TOTAL = "TOTAL"
    PACE = "PACE"
    CHOSEN = "CHOSEN"
    WAITING = "WAITING"
    HANDED_IN = "HANDED_IN"


class InsightCell(Base):
    """How many of a block are alike in everything the key says, and sums over them.

    `slice` is `department:` and the department of the people, by which everybody is counted once,
    or `group:` and the id of a group they learn in; of quizzes it is empty. `key` is by what the
    facet counts. `counts` says of a submission whether it is the person's first (1), last (2) and
    best (4). `n` is how many; `points`, `squares` and `most` are the sums of the points, of their
    squares and of the most that could be had, and `correct` is how many were right (of TOTAL:
    passed). `answered` is, of ANSWERED, how many were answered at all; of HANDED_IN, how many are
    the first their person handed in.
    """

    __tablename__ = "insight_cell"
    __table_args__ = (one_of("facet", Facet),)

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    facet: Mapped[Facet] = mapped_column(text_enum(Facet), primary_key=True)
    slice: Mapped[str] = mapped_column(Text, primary_key=True)
    question_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    counts: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    is_staff: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
    answered: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    correct: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    points: Mapped[Decimal] = mapped_column(Numeric, default=0, server_default="0")
    squares: Mapped[Decimal] = mapped_column(Numeric, default=0, server_default="0")
    most: Mapped[Decimal] = mapped_column(Numeric, default=0, server_default="0")


class InsightMarker(Base):
    """Something has changed that the cells of this block do not say yet.

    Rows are only ever added and taken, never changed: whoever writes waits for nobody, and whoever
    folds takes those it saw before it counted.
    """

    __tablename__ = "insight_marker"
    __table_args__ = (
        Index("ix_insight_marker_unit", "course_id", "module_id", "block"),
        {"postgresql_with": QUEUE_STORAGE},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    course_id: Mapped[int]
    module_id: Mapped[int]
    block: Mapped[int]
    since: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())


class InsightUnit(Base):
    """A course, or a quiz of it, whose cells are kept; its row lock is whoever folds. What has no
    row here is counted by its readers."""

    __tablename__ = "insight_unit"

    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    module_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workspace_id: Mapped[int] = mapped_column(index=True)
    folded_at: Mapped[dt.datetime | None]
