"""Files that are made for people, and files they bring: asked for, watched, fetched."""

import datetime as dt

from access.permissions import Permission
from models import jobs as stored
from models.jobs import FileFormat, JobKind, JobState
from resolvers.answers import Answer
from resolvers.jobs import changes, imports, reading
from schema.imports import Imported, ImportRow
from schema.node import Node
from schema.paging import Connection
from schema.payloads import Payload
from schema.requires import INHERITED, SIGNED_IN, any_of, column, done_by, guarded_type, resolved_by


@guarded_type(
    requires=SIGNED_IN,
    description="A file that is made for whoever asked for it, or is imported for whoever brought"
    " it; nobody else sees it.",
    rows=stored.Job,
)
class Job(Node):
    kind: JobKind
    format: FileFormat
    state: JobState
    done: int = column("done", requires=INHERITED, description="How many rows are worked off.")
    total: int | None = column(
        "total", requires=INHERITED, description="Of how many; null until they are counted."
    )
    percent: float | None = resolved_by(
        reading.percent, requires=SIGNED_IN, description="How much of it is done."
    )
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    expires_at: dt.datetime | None = resolved_by(
        reading.expires_at, requires=SIGNED_IN, description="Until when the file is kept."
    )
    file_name: str | None = resolved_by(
        reading.file_name,
        requires=SIGNED_IN,
        description="What the file is called; null unless it is there and one may still read it.",
    )
    size: str | None = resolved_by(
        reading.size, requires=SIGNED_IN, description="So many bytes; null like `fileName`."
    )
    url: str | None = resolved_by(
        reading.url,
        requires=SIGNED_IN,
        description="Where it is fetched, with the same token; null like `fileName`. Rights are"
        " asked each time.",
    )
    problem: str | None = column(
        "problem", requires=SIGNED_IN, description="Why it FAILED, for programs."
    )
    message: str | None = column("message", requires=SIGNED_IN, description="The same, for people.")
    imported: Imported | None = resolved_by(
        imports.imported, requires=SIGNED_IN, description="Of an import: how it is going."
    )
    rows: Connection[ImportRow] | None = resolved_by(
        imports.rows,
        requires=SIGNED_IN,
        description="Of an import, each row, and what becomes of it: null unless one might still"
        " bring it.",
    )


@guarded_type(requires=SIGNED_IN, description="A file is made, or not after all.", rows=Answer)
class JobPayload(Payload):
    job: Job | None = resolved_by(reading.touched, requires=SIGNED_IN, description="Its job.")


@guarded_type(requires=SIGNED_IN, description="What can be asked about files that are made.")
class JobQuery:
    job: Job | None = resolved_by(
        reading.job, requires=SIGNED_IN, description="A file one has asked for."
    )
    jobs: Connection[Job] | None = resolved_by(
        reading.jobs, requires=SIGNED_IN, description="The files one has asked for, newest first."
    )


@guarded_type(requires=SIGNED_IN, description="Having files made.")
class JobMutation:
    apply_import: JobPayload | None = done_by(
        changes.apply_import,
        requires=any_of(Permission.ADD_MEMBER, Permission.ASSIGN_LEARNER),
        description="Have the rows of a file that was tried (CHECKED) done. Rows are told apart"
        " anew: what became of them stands in `rows`.",
    )
    export_quiz_insights: JobPayload | None = done_by(
        changes.export_quiz_insights,
        requires=Permission.EXPORT_QUIZ_INSIGHTS,
        description="A workbook of a quiz: every attempt, the figures of each question, and what it"
        " was asked for; narrowed like `viewQuizInsights`. As CSV, the attempts alone.",
    )
    export_learners: JobPayload | None = done_by(
        changes.export_learners,
        requires=Permission.LIST_LEARNERS,
        description="A file of the people on a course, or in one of its groups: those, and of them"
        " what, one may list.",
    )
    export_members: JobPayload | None = done_by(
        changes.export_members,
        requires=Permission.LIST_ALL_MEMBERS,
        description="A file of everybody, narrowed like `listAllMembers`.",
    )
    export_audit_log: JobPayload | None = done_by(
        changes.export_audit_log,
        requires=any_of(Permission.VIEW_AUDIT_LOG),
        description="A file of what happened, narrowed like `viewAuditLog`, up to this moment.",
    )
    cancel_job: JobPayload | None = done_by(
        changes.cancel_job,
        requires=SIGNED_IN,
        description="Have a file not made after all. CONFLICT once it is over.",
    )
