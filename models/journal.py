"""The journal: the audit log and the numbered events of a workspace, which are one thing.

`record` is the only writer. It buffers on the session; `flush`, called by the edge as the last
statement before commit, numbers the entries under the row lock of `workspace_stream`. Because
that lock is always the last one taken and is held until commit, the numbers are gapless and in
commit order: a reader who has seen `seq` n has seen everything up to n.

Every workspace's journal is a hash chain. An entry's `digest` is the SHA-256 of its canonical text:
all it says, and a random `salt`, as one JSON object of its columns. Its `hash` is the SHA-256 of
the `hash` before it (of 32 zero bytes for the first) followed by its `digest`. Who notes `seq` and
`hash` of one entry elsewhere can show later that nothing up to there was changed, left out or
added. Because the chain is over digests, what one entry says about a person can be erased together
with its salt, which nobody can guess back from the digest, and the chain still holds
(`redacted_at`). A column added later belongs into the text only where it is not null, so that the
digests of older entries stay what they are.
"""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from access.caller import Caller
from models.base import Base, Json

APPEND: Final = """
WITH head AS MATERIALIZED (
    SELECT head, hash FROM workspace_stream
     WHERE workspace_id = %(workspace_id)s FOR NO KEY UPDATE
), fresh AS MATERIALIZED (
    SELECT head.head + e.n AS seq, clock_timestamp() AS at, gen_random_uuid() AS salt,
           coalesce(e.department_id, course.department_id) AS department_id,
           e.n, e.verb, e.origin, e.client, e.by_member_id, e.by_connection_id, e.by_name, e.cause,
           e.course_id, e.segment_id, e.member_id, e.change_set_id, e.before, e.after, e.detail,
           e.reason
      FROM head CROSS JOIN jsonb_to_recordset(%(entries)s::jsonb) AS e(n integer, verb text,
           origin text, client text, by_member_id bigint, by_connection_id integer, by_name text,
           cause uuid, department_id integer, course_id integer, segment_id integer,
           member_id bigint, change_set_id bigint, before jsonb, after jsonb, detail jsonb,
           reason text)
      LEFT JOIN course ON course.workspace_id = %(workspace_id)s AND course.id = e.course_id
), digested AS MATERIALIZED (
    SELECT fresh.*, sha256(convert_to(json_build_object('workspace_id', %(workspace_id)s::integer,
           'seq', seq, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'verb', verb, 'origin', origin, 'client', client, 'by_member_id', by_member_id,
           'by_connection_id', by_connection_id, 'by_name', by_name, 'cause', cause,
           'department_id', department_id, 'course_id', course_id, 'segment_id', segment_id,
           'member_id', member_id, 'change_set_id', change_set_id, 'before', before,
           'after', after, 'detail', detail, 'reason', reason, 'salt', salt)::text, 'UTF8')
           ) AS digest
      FROM fresh
), chained AS MATERIALIZED (
    SELECT digested.*,
           journal_chain(head.hash, digest) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS hash
      FROM digested CROSS JOIN head
), moved AS (
    UPDATE workspace_stream AS stream SET head = chained.seq, hash = chained.hash
      FROM chained
     WHERE stream.workspace_id = %(workspace_id)s AND chained.n = %(count)s
)
INSERT INTO journal_entry (workspace_id, seq, at, verb, origin, client, by_member_id,
    by_connection_id, by_name, cause, department_id, course_id, segment_id, member_id,
    change_set_id, before, after, detail, reason, salt, digest, hash)
SELECT %(workspace_id)s, seq, at, verb, origin, client, by_member_id, by_connection_id, by_name,
       cause, department_id, course_id, segment_id, member_id, change_set_id, before, after,
       detail, reason, salt, digest, hash
  FROM chained
RETURNING seq
"""
"""Append `entries` (JSON array of rows with `n` = 1…count) to one workspace's journal.

The head is locked first, so numbers, times and the chain continue what was committed last, and
whoever waited continues what it waited for. The department of a course is the one it has then.
"""

OF_ACCOUNTS: Final = frozenset({"member.activated", "member.deactivated", "member.reactivated"})
"""Entries that say in `detail.courses` on which courses the person had a source of the coordinator
role at that place in the journal: there the account decides whether the role counts."""

HOLD: Final = """
SELECT head FROM workspace_stream WHERE workspace_id = %(workspace_id)s FOR NO KEY UPDATE
"""

COURSES_OF: Final = """
SELECT member_id, array_agg(DISTINCT course_id ORDER BY course_id)
  FROM coordinator_source
 WHERE workspace_id = %(workspace_id)s AND member_id = ANY(%(member_ids)s::bigint[])
 GROUP BY member_id
"""

_PENDING: Final = "journal.pending"
_CAUSE: Final = "journal.cause"


FOUND_BY: Final = (
    *("by_member_id", "by_connection_id"),
    *("department_id", "course_id", "segment_id", "member_id"),
)
"""Columns an auditor may follow through the whole journal, in order."""


ABOUT_BILLING_MAIL: Final = "detail ->> 'kind' IN ('INVOICE', 'PAYMENT_METHOD_CHANGED')"
"""Among all the invitations, what finance managers see of the mail."""


def _found_by(column: str) -> Index:
    return Index(
        f"ix_journal_entry_{column.removesuffix('_id')}",
        *("workspace_id", column, "seq"),
        postgresql_where=text(f"{column} IS NOT NULL"),
    )


class JournalEntry(Base):
    """One thing that happened: who, what, on what, before, after, when, from where, caused by.

    `cause` is shared by all entries of one transaction and by everything the engine derives
    from it. The routing columns (`course_id`, `segment_id`, `member_id`) say whom it concerns;
    `department_id` whose it was at that time, for an entry about a course that of the course.
    `client` is the address it was asked from, as far as this side of any proxy saw it.

    Rows are never changed: a trigger refuses UPDATE, DELETE and TRUNCATE.
    """

    __tablename__ = "journal_entry"
    __table_args__ = (
        Index("ix_journal_entry_cause", "workspace_id", "cause"),
        Index("ix_journal_entry_at", "workspace_id", "at"),
        Index(
            "ix_journal_entry_verb",
            *("workspace_id", "verb", "seq"),
            postgresql_ops={"verb": "text_pattern_ops"},
        ),
        *(_found_by(column) for column in FOUND_BY),
        Index(
            "ix_journal_entry_change_set",
            *("workspace_id", "change_set_id"),
            postgresql_where=text("change_set_id IS NOT NULL"),
        ),
        Index(
            "ix_journal_entry_attachment",
            *("workspace_id", "course_id", "segment_id", "seq"),
            postgresql_where=text("course_id IS NOT NULL AND segment_id IS NOT NULL"),
        ),
        Index(
            "ix_journal_entry_group",
            "detail",
            postgresql_using="gin",
            postgresql_ops={"detail": "jsonb_path_ops"},
            postgresql_where=text("verb = 'group.changed'"),
        ),
        Index(
            "ix_journal_entry_reason",
            *("workspace_id", "seq"),
            postgresql_where=text("reason IS NOT NULL"),
        ),
        Index(
            "ix_journal_entry_billing_mail",
            *("workspace_id", "seq"),
            postgresql_where=text(ABOUT_BILLING_MAIL),
        ),
    )

    workspace_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime]
    verb: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(Text)
    client: Mapped[str | None] = mapped_column(Text)
    by_member_id: Mapped[int | None] = mapped_column(BigInteger)
    by_connection_id: Mapped[int | None]
    by_name: Mapped[str] = mapped_column(Text)
    cause: Mapped[uuid.UUID | None]
    department_id: Mapped[int | None]
    course_id: Mapped[int | None]
    segment_id: Mapped[int | None]
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    change_set_id: Mapped[int | None] = mapped_column(BigInteger)
    before: Mapped[Json | None]
    after: Mapped[Json | None]
    detail: Mapped[Json | None]
    reason: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[uuid.UUID | None]
    digest: Mapped[bytes]
    hash: Mapped[bytes]
    redacted_at: Mapped[dt.datetime | None]


def entry(
    by: Caller,
    verb: str,
    *,
    cause: uuid.UUID | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """One row for `APPEND`, without its number."""
    return {
        "verb": verb,
        "origin": by.origin,
        "client": by.client,
        "by_member_id": by.member_id,
        "by_connection_id": by.connection_id,
        "by_name": by.name,
        "cause": str(cause) if cause else None,
        **columns,
    }


def append_parameters(workspace_id: int, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of `APPEND` for these entries, in this order."""
    numbered = [{"n": n, **row} for n, row in enumerate(entries, start=1)]
    return {
        "workspace_id": workspace_id,
        "count": len(numbered),
        "entries": json.dumps(numbered, default=str),
    }


def cause_of(db: AsyncSession) -> uuid.UUID:
    """The id shared by everything this transaction causes."""
    if _CAUSE not in db.info:
        db.info[_CAUSE] = uuid.uuid4()
    cause: uuid.UUID = db.info[_CAUSE]
    return cause


def record(
    db: AsyncSession,
    *,
    by: Caller,
    verb: str,
    department_id: int | None = None,
    course_id: int | None = None,
    segment_id: int | None = None,
    member_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
    reason: str | None = None,
    is_first: bool = False,
) -> None:
    """Say what this transaction did. `verb` is `noun.past_participle`; values must be JSON-safe
    or have a plain `str`. Nothing is written until the edge flushes, just before commit.

    `is_first`: it is told before everything recorded so far. (Nothing is rewound after that.)"""
    row = entry(
        by,
        verb,
        cause=cause_of(db),
        department_id=department_id,
        course_id=course_id,
        segment_id=segment_id,
        member_id=member_id,
        before=before,
        after=after,
        detail=detail,
        reason=reason,
    )
    rows = db.info.setdefault(_PENDING, {}).setdefault(by.workspace_id, [])
    rows.insert(0 if is_first else len(rows), row)


def position(db: AsyncSession) -> dict[int, int]:
    """How much has been recorded so far, for `rewind`."""
    pending: dict[int, list[dict[str, Any]]] = db.info.get(_PENDING, {})
    return {workspace_id: len(rows) for workspace_id, rows in pending.items()}


def rewind(db: AsyncSession, position: Mapping[int, int]) -> None:
    """Forget what was recorded since, because the savepoint it belonged to was rolled back."""
    pending: dict[int, list[dict[str, Any]]] = db.info.get(_PENDING, {})
    for workspace_id, rows in list(pending.items()):
        del rows[position.get(workspace_id, 0) :]
        if not rows:
            del pending[workspace_id]


def has_recorded(db: AsyncSession) -> bool:
    """Whether this transaction has anything to tell."""
    return bool(db.info.get(_PENDING))


async def flush(db: AsyncSession) -> dict[int, int]:
    """Number and write what was recorded; returns the head reached per workspace.

    Must be the last thing a transaction does before it commits.
    """
    await db.flush()
    pending: dict[int, list[dict[str, Any]]] = db.info.pop(_PENDING, {})
    heads: dict[int, int] = {}
    connection = await db.connection()
    for workspace_id in sorted(pending):
        await _name_courses(connection, workspace_id, pending[workspace_id])
        parameters = append_parameters(workspace_id, pending[workspace_id])
        rows = await connection.exec_driver_sql(APPEND, parameters)
        heads[workspace_id] = max(row[0] for row in rows)
    return heads


async def _name_courses(
    connection: AsyncConnection, workspace_id: int, rows: Sequence[dict[str, Any]]
) -> None:
    """Say whom a change of an account concerns. Read under the journal's lock, and so exactly as
    everything numbered before left it."""
    accounts = [row for row in rows if row["verb"] in OF_ACCOUNTS]
    if not accounts:
        return
    await connection.exec_driver_sql(HOLD, {"workspace_id": workspace_id})
    asked = {
        "workspace_id": workspace_id,
        "member_ids": sorted({row["member_id"] for row in accounts}),
    }
    found: list[Any] = list(await connection.exec_driver_sql(COURSES_OF, asked))
    courses = {row[0]: row[1] for row in found}
    for row in accounts:
        row["detail"] = {**(row["detail"] or {}), "courses": courses.get(row["member_id"], [])}


async def head(db: AsyncSession, workspace_id: int) -> tuple[uuid.UUID, int]:
    """(epoch, seq) of the workspace's journal as this statement sees it."""
    found = await db.execute(
        text("SELECT epoch, head FROM workspace_stream WHERE workspace_id = :workspace_id"),
        {"workspace_id": workspace_id},
    )
    epoch, seq = found.one()
    return epoch, seq
