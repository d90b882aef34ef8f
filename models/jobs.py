"""Long work that people ask for: files that are made for them, and files they bring."""

import datetime as dt
import uuid
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, CreatedAt, Json, one_of, text_enum


class JobKind(StrEnum):
    """What is made: the others read what is brought. Assignments are to one course."""

    QUIZ_INSIGHTS = "QUIZ_INSIGHTS"
    LEARNERS = "LEARNERS"
    MEMBERS = "MEMBERS"
    AUDIT = "AUDIT"
    IMPORT_MEMBERS = "IMPORT_MEMBERS"
    IMPORT_ASSIGNMENTS = "IMPORT_ASSIGNMENTS"


class JobState(StrEnum):
    """CHECKED: an import was tried, row by row, and waits for a word to be done. DONE ones whose
    file was kept long enough are EXPIRED."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CHECKED = "CHECKED"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class FileFormat(StrEnum):
    XLSX = "XLSX"
    CSV = "CSV"


class Job(Base):
    """One piece of long work. Its row lock is whoever works at it; what a worker that died leaves
    RUNNING is taken up again once `lease_until` is over, and given up after some `runs`.

    `parameters` are what was asked for, as validated. `total` is NULL until it is counted. Bytes
    lie in the storage: `input_key` what was brought, `output_key` what was made, which
    `file_name`, `media_type`, `size` and `sha256` are about; the row says so once they are there.
    `problem` is a code and `message` its sentence where it FAILED.

    An import is tried first; `is_applied` once its rows are to be done. `applied_line` is the last
    line of the file that was: what a run does is written together with how far it is.
    """

    __tablename__ = "job"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "requested_by_id"],
            ["member.workspace_id", "member.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["workspace_id", "course_id"], ["course.workspace_id", "course.id"]),
        Index("ix_job_requester", "workspace_id", "requested_by_id", "id"),
        Index(
            "ix_job_waiting",
            "lease_until",
            "id",
            postgresql_where=text("state IN ('QUEUED', 'RUNNING')"),
        ),
        Index("ix_job_kept", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        CheckConstraint("done >= 0 AND total >= 0", name="progress"),
        CheckConstraint("(state = 'FAILED') = (problem IS NOT NULL)", name="problem"),
        one_of("kind", JobKind),
        one_of("state", JobState),
        one_of("format", FileFormat),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind))
    format: Mapped[FileFormat] = mapped_column(text_enum(FileFormat))
    state: Mapped[JobState] = mapped_column(
        text_enum(JobState), default=JobState.QUEUED, server_default=JobState.QUEUED.value
    )
    requested_by_id: Mapped[int] = mapped_column(BigInteger)
    course_id: Mapped[int | None]
    parameters: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[CreatedAt]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    expires_at: Mapped[dt.datetime | None]
    lease_until: Mapped[dt.datetime | None]
    runs: Mapped[int] = mapped_column(default=0, server_default="0")
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    total: Mapped[int | None]
    input_key: Mapped[str | None] = mapped_column(Text)
    output_key: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[uuid.UUID | None]
    is_applied: Mapped[bool] = mapped_column(default=False, server_default=false())
    applied_line: Mapped[int] = mapped_column(default=0, server_default="0")


class ImportOutcome(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


class ImportRow(Base):
    """What became of one row of a file that was brought, or would become of it: the last try.

    `line` is its number in the file, where the line of titles is 1. `said` are its cells by title,
    so that refused rows can be handed back; `code` and `message` say why it was refused. `keys`
    are by what the person of a row that was not refused is told, each with the job before it: a
    later row with one of them is about somebody who has had a row.
    """

    __tablename__ = "import_row"
    __table_args__ = (
        Index(
            "ix_import_row_refused",
            "job_id",
            "line",
            postgresql_where=text("outcome = 'REFUSED'"),
        ),
        Index(
            "ix_import_row_keys",
            "keys",
            postgresql_using="gin",
            postgresql_with={"fastupdate": False},
        ),
        one_of("outcome", ImportOutcome),
    )

    job_id: Mapped[int] = mapped_column(
        ForeignKey("job.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    outcome: Mapped[ImportOutcome] = mapped_column(text_enum(ImportOutcome))
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    code: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    said: Mapped[dict[str, str]] = mapped_column(JSONB)
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
