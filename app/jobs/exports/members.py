"""People of the workspace as a file: the rows of `listAllMembers`, and what is known of them."""

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import Select

from access.permissions import Permission
from app.jobs.exports.export import Export
from app.jobs.exports.zones import zone_of
from app.workbooks import Column, Kind, Sheet
from models.jobs import Job
from models.people import Member
from operations import people, visible
from operations.imports.cells import as_text
from operations.rights import require
from resolvers.context import Context
from resolvers.jobs.asked import MembersAsked, asked_in
from resolvers.member_search import ORDERS, narrowed

PAGE: Final = 1_000

_KNOWN: Final = (
    (Column("Name", width=30), "display_name"),
    (Column("User name", width=30), "user_name"),
    (Column("E-mail", width=30), "email"),
    (Column("Account", width=14), "state"),
    (Column("Added", Kind.MOMENT), "created_at"),
    (Column("Account since", Kind.MOMENT), "activated_at"),
    (Column("Last signed in", Kind.MOMENT), "last_sign_in_at"),
)
_SHOWN_ALREADY: Final = frozenset({"userName", "displayName"})


async def members(context: Context, job: Job, _: frozenset[str]) -> Export:
    """Raises NOT_FOUND, Denied like the list itself."""
    asked = asked_in(job, MembersAsked)
    by = context.signed_in
    rows = await narrowed(context, visible.members(by), asked.to)
    async with context.read() as db:
        await require(db, by, Permission.LIST_ALL_MEMBERS)
        catalog = await people.catalog_of(db, by.workspace_id)
        total = await db.scalar(visible.count(rows))
        zone = await zone_of(db, by.workspace_id)
    further = [name for name in sorted(catalog) if name not in _SHOWN_ALREADY]
    columns = [column for column, _ in _KNOWN] + [Column(name) for name in further]
    ordered = rows.order_by(*ORDERS[asked.order_by])
    sheet = Sheet("Members", columns, _rows(context, ordered, further), frozen_columns=1)
    return Export("Members", [sheet], zone, total=total)


async def _rows(
    context: Context, rows: Select[Any], further: list[str]
) -> AsyncIterator[list[Any]]:
    columns = [getattr(Member, name) for _, name in _KNOWN]
    chosen = rows.with_only_columns(*columns, Member.attributes)
    async with context.read() as db:
        found = await db.stream(chosen.execution_options(yield_per=PAGE))
        async for *known, attributes in found:
            yield known + [as_text(attributes.get(name)) for name in further]
