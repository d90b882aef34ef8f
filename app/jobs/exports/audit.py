"""What happened as a file: the entries of `viewAuditLog`, oldest first."""

from collections.abc import AsyncIterator
from typing import Any, Final

from app.jobs.exports.export import Export
from app.jobs.exports.zones import zone_of
from app.workbooks import Column, Kind, Sheet
from models.jobs import Job
from operations import audit
from operations.audit import Filters
from operations.jobs.rights import EVERYTHING
from resolvers.context import Context
from resolvers.jobs.asked import AuditAsked, asked_in

PAGE: Final = 1_000

_COLUMNS: Final[tuple[tuple[Column, str], ...]] = (
    (Column("Number", Kind.INTEGER), "seq"),
    (Column("When", Kind.MOMENT), "at"),
    (Column("What", width=28), "verb"),
    (Column("By", width=28), "by_name"),
    (Column("Through", width=12), "origin"),
    (Column("From", width=16), "client"),
    (Column("By member", Kind.INTEGER), "by_member_id"),
    (Column("By connection", Kind.INTEGER), "by_connection_id"),
    (Column("Member", Kind.INTEGER), "member_id"),
    (Column("Course", Kind.INTEGER), "course_id"),
    (Column("Segment", Kind.INTEGER), "segment_id"),
    (Column("Department", Kind.INTEGER), "department_id"),
    (Column("Reason", width=30), "reason"),
    (Column("Before", width=30), "before"),
    (Column("After", width=30), "after"),
    (Column("Detail", width=30), "detail"),
    (Column("Cause", width=38), "cause"),
)
_FOR_THE_WHOLE: Final = "client"
"""From where people acted is for those who see the whole journal."""


async def audit_log(context: Context, job: Job, reach: frozenset[str]) -> Export:
    """Raises Denied, Refused like the list itself."""
    asked = asked_in(job, AuditAsked)
    by = context.signed_in
    async with context.read() as db:
        total = await audit.count_entries(db, by=by, filters=asked.filters)
        zone = await zone_of(db, by.workspace_id)
    shown = [each for each in _COLUMNS if EVERYTHING in reach or each[1] != _FOR_THE_WHOLE]
    names = [name for _, name in shown]
    sheet = Sheet(
        "Audit log", [column for column, _ in shown], _rows(context, asked, names), frozen_columns=1
    )
    return Export("Audit log", [sheet], zone, total=total)


async def _rows(context: Context, asked: AuditAsked, names: list[str]) -> AsyncIterator[list[Any]]:
    filters: Filters = asked.filters
    after = 0
    while True:
        async with context.read() as db:
            entries = await audit.export_page(
                db,
                by=context.signed_in,
                filters=filters,
                after_seq=after,
                up_to=asked.up_to,
                limit=PAGE,
            )
        for each in entries:
            yield [each.columns[name] for name in names]
        if len(entries) < PAGE:
            return
        after = entries[-1].columns["seq"]
