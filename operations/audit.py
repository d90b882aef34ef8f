"""The journal as auditors read it: what one may see of it, filtered, paged, counted, exported.

Who sees what follows from VIEW_AUDIT_LOG in the matrix: on no condition everything, "for billing
events" those, "in one's own department or course" what was theirs at the time. A caller to whom
nothing of this applies is denied.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    text,
    true,
    union,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from access.caller import Caller, Origin
from access.permissions import Condition, Permission
from models import journal
from models.chain import FIELDS
from models.journal import ABOUT_BILLING_MAIL, JournalEntry, record
from operations import billing, visible
from operations.refusals import Code, Refused
from operations.rights import require

Where = ColumnElement[bool]

MOST_VERBS: Final = 50
LONGEST_TEXT: Final = 200
PAGE: Final = range(1, 2_002)

PERMISSION: Final = Permission.VIEW_AUDIT_LOG
ENTRY: Final = aliased(JournalEntry, name="entry")

_MAIL: Final = "mail."
_VERB: Final = re.compile(r"[a-z][a-z_]{0,60}(\.[a-z_]{0,60})?\*?")
_DOCUMENTS: Final = frozenset({"before", "after", "detail"})
_FOR_THE_WHOLE: Final = frozenset({"client", "salt"})
"""From where people acted is for those who see everything; so is what makes digests checkable."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries are wanted; what is None or empty leaves them all.

    A verb ends in `*` to mean all that begin so. `since` is included, `until` is not. `reason` is
    a text inside the reason, whatever its case.
    """

    verbs: Sequence[str] = ()
    by_member_id: int | None = None
    by_connection_id: int | None = None
    by_system: bool = False
    member_id: int | None = None
    course_id: int | None = None
    segment_id: int | None = None
    department_id: int | None = None
    origins: Sequence[Origin] = ()
    cause: uuid.UUID | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    reason: str | None = None

    def said(self) -> dict[str, Any]:
        """Those that are set, for the journal's own account of an export."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Exported:
    """One entry to be written to a file: its columns, its documents as text, and its proof.

    `is_whole` is false for who sees only a part of the journal: then `columns` lacks what would be
    needed to recompute the digest.
    """

    columns: Mapping[str, Any]
    is_redacted: bool
    digest: bytes
    hash: bytes
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """Which numbers, and from which end: `newest` first, or oldest first. None has no limit."""

    above: int | None = None
    below: int | None = None
    newest: bool = True
    limit: int | None = None


async def list_entries(
    db: AsyncSession,
    *,
    by: Caller,
    filters: Filters,
    before_seq: int | None = None,
    limit: int = 50,
) -> Sequence[JournalEntry]:
    """What the caller may see, newest first; two statements, however much there is."""
    await ask(db, by=by, filters=filters)
    _refuse_beyond(limit)
    numbers = _numbers(by, filters, _Span(below=before_seq, limit=limit))
    query = select(JournalEntry).where(
        JournalEntry.workspace_id == by.workspace_id, JournalEntry.seq.in_(numbers)
    )
    return (await db.scalars(query.order_by(JournalEntry.seq.desc()).limit(limit))).all()


async def count_entries(db: AsyncSession, *, by: Caller, filters: Filters) -> int:
    """How many of them there are."""
    await ask(db, by=by, filters=filters)
    whole, *parts = _arms(by, filters, _Span())
    everything, _, _ = visible.reach(by, PERMISSION, None)
    counted = case(
        (everything, select(func.count()).select_from(whole.subquery()).scalar_subquery()),
        else_=select(func.count()).select_from(union(*parts).subquery()).scalar_subquery(),
    )
    return await db.scalar(select(counted)) or 0


async def begin_export(db: AsyncSession, *, by: Caller, filters: Filters, format: str) -> int:
    """Record that the caller takes a copy; the number up to which it goes.

    Entries are never changed, so those up to a number are the state of one moment, however long
    it takes to read them.
    """
    await ask(db, by=by, filters=filters)
    _, head = await journal.head(db, by.workspace_id)
    detail = {"format": format, "upTo": head, "filters": filters.said()}
    record(db, by=by, verb="audit.exported", detail=detail)
    return head


async def export_page(
    db: AsyncSession, *, by: Caller, filters: Filters, after_seq: int, up_to: int, limit: int
) -> list[Exported]:
    """The next entries of an export, oldest first, as far as the caller may see them now."""
    await ask(db, by=by, filters=filters)
    _refuse_beyond(limit)
    span = _Span(above=after_seq, below=up_to + 1, newest=False, limit=limit)
    everything, _, _ = visible.reach(by, PERMISSION, None)
    query = (
        select(everything, JournalEntry.redacted_at, JournalEntry.digest, JournalEntry.hash)
        .add_columns(*(_as_exported(name) for name in FIELDS))
        .where(
            JournalEntry.workspace_id == by.workspace_id,
            JournalEntry.seq.in_(_numbers(by, filters, span)),
        )
        .order_by(JournalEntry.seq)
        .limit(limit)
    )
    return [_exported(row) for row in await db.execute(query)]


async def ask(db: AsyncSession, *, by: Caller, filters: Filters) -> None:
    """Raise Denied to whom nothing at all is shown, and Refused for filters that mean nothing."""
    await require(db, by, PERMISSION, is_billing_event=True, is_within_own_scope=True)
    if len(filters.verbs) > MOST_VERBS:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"At most {MOST_VERBS} verbs can be asked for at once; these are {len(filters.verbs)}.",
            {"limit": MOST_VERBS, "actual": len(filters.verbs)},
        )
    for verb in filters.verbs:
        if _VERB.fullmatch(verb) is None:
            raise Refused(
                Code.BAD_USER_INPUT,
                f"“{verb[:80]}” is no verb of the journal: write one like course.edited, or the "
                "beginning of some, like course.*",
            )
    if filters.reason is not None and len(filters.reason) > LONGEST_TEXT:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"A reason is searched for by at most {LONGEST_TEXT} characters; "
            f"these are {len(filters.reason)}.",
            {"limit": LONGEST_TEXT, "actual": len(filters.reason)},
        )


def _refuse_beyond(limit: int) -> None:
    if limit not in PAGE:
        raise Refused(
            Code.BAD_USER_INPUT, f"A page has 1 to {PAGE[-1]} entries; {limit} was asked for."
        )


def _numbers(by: Caller, filters: Filters, span: _Span) -> Select[Any]:
    """The numbers of the entries the caller may see, at least the first `limit` of them.

    Every way of seeing is followed by itself, along an index that is in the right order, so that
    what somebody sees of a large journal costs what it is, and not what the journal is.
    """
    return select(union(*_arms(by, filters, span)).subquery().c.seq)


def _arms(by: Caller, filters: Filters, span: _Span) -> Iterator[Select[Any]]:
    """First what the whole journal holds, for those who see it; then one way after the other."""
    everything, _, _ = visible.reach(by, PERMISSION, None)
    yield _some(by, filters, span, everything)
    billed, _, _ = visible.reach(by, PERMISSION, Condition.BILLING_EVENTS_ONLY)
    for event in _billing_events():
        yield _some(by, filters, span, and_(billed, event))
    _, departments, courses = visible.reach(by, PERMISSION, Condition.WITHIN_OWN_SCOPE)
    for column, places in ((ENTRY.department_id, departments), (ENTRY.course_id, courses)):
        for place in places:
            own = place.distinct().subquery()
            each = _some(by, filters, span, column == own.c[0]).lateral()
            yield select(each.c.seq).select_from(own).join(each, true())


def _some(by: Caller, filters: Filters, span: _Span, where: Where) -> Select[Any]:
    """The numbers of entries of one kind that pass the filters."""
    entry = ENTRY
    query = select(entry.seq).where(entry.workspace_id == by.workspace_id, where, *_chosen(filters))
    if span.above is not None:
        query = query.where(entry.seq > span.above)
    if span.below is not None:
        query = query.where(entry.seq < span.below)
    if span.limit is None:
        return query
    order = entry.seq.desc() if span.newest else entry.seq
    return query.order_by(order).limit(span.limit)


def _billing_events() -> Iterator[Where]:
    for beginning in billing.VERBS:
        yield ENTRY.verb.startswith(beginning)
    yield and_(ENTRY.verb.startswith(_MAIL), text(f"entry.{ABOUT_BILLING_MAIL}"))


def _chosen(filters: Filters) -> Iterator[Where]:
    same = (
        (ENTRY.by_member_id, filters.by_member_id),
        (ENTRY.by_connection_id, filters.by_connection_id),
        (ENTRY.member_id, filters.member_id),
        (ENTRY.course_id, filters.course_id),
        (ENTRY.segment_id, filters.segment_id),
        (ENTRY.department_id, filters.department_id),
        (ENTRY.cause, filters.cause),
    )
    yield from (column == value for column, value in same if value is not None)
    if filters.verbs:
        yield or_(*(_verb(each) for each in filters.verbs))
    if filters.by_system:
        yield and_(ENTRY.by_member_id.is_(None), ENTRY.by_connection_id.is_(None))
    if filters.origins:
        yield ENTRY.origin.in_(filters.origins)
    if filters.since is not None:
        yield ENTRY.at >= filters.since
    if filters.until is not None:
        yield ENTRY.at < filters.until
    if filters.reason:
        yield ENTRY.reason.icontains(filters.reason, autoescape=True)


def _verb(asked: str) -> Where:
    if asked.endswith("*"):
        return ENTRY.verb.startswith(asked[:-1], autoescape=True)
    return ENTRY.verb == asked


def _as_exported(name: str) -> ColumnElement[Any]:
    column = JournalEntry.__table__.c[name]
    return cast(column, Text).label(name) if name in _DOCUMENTS else column


def _exported(row: Any) -> Exported:
    is_whole, redacted_at, digest, hash_, *values = row
    columns = dict(zip(FIELDS, values, strict=True))
    if not is_whole:
        columns |= dict.fromkeys(_FOR_THE_WHOLE)
    return Exported(columns, redacted_at is not None, digest, hash_, is_whole)
