"""The journal, as auditors page through it."""

import datetime as dt
import uuid
from typing import Any, Final

import strawberry

from access.caller import Origin
from access.permissions import Scope
from models.journal import JournalEntry
from models.people import Member
from operations import audit
from operations.audit import Filters
from operations.refusals import Code, Refused
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.listing import Listing, kind_of, listing_of
from resolvers.pages import asked, page_of
from resolvers.references import Reference, refer
from resolvers.rows import members_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

LIST: Final = "viewAuditLog"

# Which entries one may see, `operations.audit` says. Of an entry, what is for those who see the
# whole journal is asked of the workspace.
refer(JournalEntry, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))


async def view_audit_log(
    info: Info,
    *,
    verbs: list[str] | None = None,
    by_member_id: strawberry.ID | None = None,
    by_connection_id: strawberry.ID | None = None,
    by_system: bool | None = None,
    member_id: strawberry.ID | None = None,
    course_id: strawberry.ID | None = None,
    segment_id: strawberry.ID | None = None,
    department_id: strawberry.ID | None = None,
    origins: list[Origin] | None = None,
    cause: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    reason: str | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    context = info.context
    await positions.at_least(context, at_least)
    kind = kind_of(context, LIST)
    wanted = asked(context.seal, kind, first, after)
    filters = filters_of(
        verbs=verbs,
        by_member_id=by_member_id,
        by_connection_id=by_connection_id,
        by_system=by_system,
        member_id=member_id,
        course_id=course_id,
        segment_id=segment_id,
        department_id=department_id,
        origins=origins,
        cause=cause,
        since=since,
        until=until,
        reason=reason,
    )
    async with context.read() as db:
        found = await audit.list_entries(
            db,
            by=context.signed_in,
            filters=filters,
            before_seq=wanted.after[0] if wanted.after else None,
            limit=wanted.size + 1,
        )

    async def count(context: Context) -> int:
        async with context.read() as db:
            return await audit.count_entries(db, by=context.signed_in, filters=filters)

    page = page_of([(row, row.seq) for row in found], wanted, 1, context.seal, kind)
    return listing_of(page, [row[0] for row in page.rows], count)


def filters_of(
    *,
    verbs: list[str] | None,
    by_member_id: str | None,
    by_connection_id: str | None,
    by_system: bool | None,
    member_id: str | None,
    course_id: str | None,
    segment_id: str | None,
    department_id: str | None,
    origins: list[Origin] | None,
    cause: str | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    reason: str | None,
) -> Filters:
    """What entries are asked for, as it was said; raises Refused."""
    return Filters(
        verbs=verbs or (),
        by_member_id=_number(by_member_id, "Member"),
        by_connection_id=_number(by_connection_id, "Connection"),
        by_system=bool(by_system),
        member_id=_number(member_id, "Member"),
        course_id=_number(course_id, "Course"),
        segment_id=_number(segment_id, "Segment"),
        department_id=_number(department_id, "Department"),
        origins=origins or (),
        cause=cause_of(cause),
        since=aware(since),
        until=aware(until),
        reason=reason,
    )


def aware(moment: dt.datetime | None) -> dt.datetime | None:
    """A moment without a time zone is meant in UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=dt.UTC)


def cause_of(text: str | None) -> uuid.UUID | None:
    """What entries of one cause have in common; raises Refused for what cannot be one."""
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Refused(Code.BAD_USER_INPUT, f"“{text[:80]}” is not the id of a cause.") from None


def _number(id: str | None, type_name: str) -> int | None:
    return None if id is None else number_of(id, type_name)


def seq(root: Parent) -> str:
    return str(root.seq)


def origin(root: Parent) -> Origin:
    return Origin(root.origin)


def cause(root: Parent) -> str | None:
    return None if root.cause is None else str(root.cause)


def hash_of(root: Parent) -> str:
    written: bytes = root.hash
    return written.hex()


def by_connection_id(root: Parent) -> str | None:
    return None if root.by_connection_id is None else encode("Connection", root.by_connection_id)


async def by(root: Parent, info: Info) -> Member | None:
    if root.by_member_id is None:
        return None
    return await info.context.load(members_by_id, root.by_member_id)
