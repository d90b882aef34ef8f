"""Live sessions of instructor-led courses: when, where, who teaches, who comes."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, one_of, text_enum


class LiveSessionState(StrEnum):
    """Whether it takes place. That it is over follows from its times."""

    SCHEDULED = "SCHEDULED"
    CANCELLED = "CANCELLED"


class RegistrationState(StrEnum):
    """H5. WAITLISTED and BOOKED are open; the last three say how it came out."""

    WAITLISTED = "WAITLISTED"
    BOOKED = "BOOKED"
    CANCELLED_BY_USER = "CANCELLED_BY_USER"
    CANCELLED_SESSION = "CANCELLED_SESSION"
    NO_SHOW = "NO_SHOW"
    PARTIAL = "PARTIAL"
    ATTENDED = "ATTENDED"


class LiveSession(Base):
    """A dated meeting. Its row lock orders registrations and everything seats depend on.

    Times are instants; `time_zone` (IANA) is where they are read. `capacity` NULL: as many as
    come. `registration_closes_at` is the cut-off for registering oneself; without one, the start.
    `sequence` grows with every change a calendar must notice (RFC 5545). `queue` is the last place
    of the waitlist that was given out. `waitlist_ended_at` is when those still waiting were told.
    """

    __tablename__ = "live_session"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        UniqueConstraint("workspace_id", "id"),
        Index("ix_live_session_course", "course_id", "starts_at", "id"),
        Index(
            "ix_live_session_waitlist",
            "starts_at",
            postgresql_where=text("waitlist_ended_at IS NULL"),
        ),
        CheckConstraint("ends_at > starts_at", name="times"),
        CheckConstraint("capacity > 0", name="capacity"),
        CheckConstraint("registration_closes_at <= starts_at", name="cut_off"),
        one_of("state", LiveSessionState),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    course_id: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    time_zone: Mapped[str] = mapped_column(Text)
    place: Mapped[str | None] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(Text)
    capacity: Mapped[int | None]
    has_waitlist: Mapped[bool] = mapped_column(default=True, server_default="true")
    registration_closes_at: Mapped[dt.datetime | None]
    state: Mapped[LiveSessionState] = mapped_column(text_enum(LiveSessionState))
    reason: Mapped[str | None] = mapped_column(Text)
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    queue: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    waitlist_ended_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    created_by_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[CreatedAt]


class LiveSessionStaff(Base):
    """Who teaches a live session. The row gives no right."""

    __tablename__ = "live_session_staff"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "live_session_id"],
            ["live_session.workspace_id", "live_session.id"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        Index("ix_live_session_staff_member", "member_id", "live_session_id"),
    )

    live_session_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    since: Mapped[CreatedAt]
    added_by_id: Mapped[int | None] = mapped_column(BigInteger)


class LiveRegistration(Base):
    """One person's place at a live session, or in its waitlist. One row for each person: who
    cancels and comes again queues at the end.

    `place` is where somebody WAITLISTED stands in the order first come, first served; it only
    grows, so the position shown is counted. `is_overbooked`: seated beyond the capacity, said
    aloud.
    """

    __tablename__ = "live_registration"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "live_session_id"],
            ["live_session.workspace_id", "live_session.id"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("live_session_id", "member_id"),
        Index(
            "uq_live_registration_place",
            "live_session_id",
            "place",
            unique=True,
            postgresql_where=text("state = 'WAITLISTED'"),
        ),
        Index("ix_live_registration_member", "member_id", "live_session_id"),
        CheckConstraint("(state = 'WAITLISTED') = (place IS NOT NULL)", name="place"),
        one_of("state", RegistrationState),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int]
    live_session_id: Mapped[int] = mapped_column(BigInteger)
    member_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[RegistrationState] = mapped_column(text_enum(RegistrationState))
    place: Mapped[int | None] = mapped_column(BigInteger)
    is_overbooked: Mapped[bool] = mapped_column(default=False, server_default="false")
    minutes_attended: Mapped[int | None]
    registered_at: Mapped[CreatedAt]
    registered_by_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[CreatedAt]


class CalendarFeed(Base):
    """The secret in the address of a person's calendar; of it only the SHA-256 is kept."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"
        ),
    )

    member_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workspace_id: Mapped[int]
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
