"""What runs of the engine changed, because of what, in words (S12).

Whom a change set moved, its journal entry says; memberships lead back to it.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    cast,
    column,
    false,
    func,
    select,
    text,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import JournalEntry
from models.people import Member
from models.segments import ChangeSet, Membership, Segment
from operations import visible
from operations.refusals import not_found
from operations.why.answers import Cause
from operations.why.wording import moment

CAUSES_TOLD: Final = 20
"""Of several causes of one change set, how many are told one by one."""

CAUSES: Final = text("""
SELECT w.id, j.seq, j.at, j.verb, j.by_name, j.origin, j.before, j.after
  FROM unnest(CAST(:ids AS bigint[])) AS w(id)
  JOIN change_set c ON c.id = w.id AND c.workspace_id = :workspace_id
 CROSS JOIN LATERAL (
       SELECT CAST(said AS uuid) AS cause
         FROM jsonb_array_elements_text(c.causes -> 'causes') AS said LIMIT :most) AS because
 CROSS JOIN LATERAL (
       SELECT * FROM journal_entry e
        WHERE e.workspace_id = :workspace_id AND e.cause = because.cause
          AND e.verb <> 'membership.changed'
        ORDER BY e.seq LIMIT 1) AS j
 ORDER BY w.id, j.seq
""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which change sets: of a segment, of a person, of the cause of an entry of the journal."""

    segment_id: int | None = None
    member_id: int | None = None
    cause_seq: int | None = None
    is_undone: bool | None = None


def seen_by(by: Caller) -> Select[ChangeSet]:
    """The change sets a caller may see: whoever edits segments, all of the workspace."""
    return visible.of_workspace(by, ChangeSet, Permission.CREATE_EDIT_SEGMENT)


async def listed(db: AsyncSession, *, by: Caller, wanted: Wanted) -> Select[ChangeSet]:
    """The statement of the change sets wanted; order it by their ids, backwards."""
    statement = seen_by(by)
    if wanted.member_id is not None:
        statement = statement.where(ChangeSet.id.in_(_of_person(wanted)))
    elif wanted.segment_id is not None:
        statement = statement.where(ChangeSet.segment_ids.contains([wanted.segment_id]))
    if wanted.cause_seq is not None:
        cause = await db.scalar(
            select(JournalEntry.cause).where(
                JournalEntry.workspace_id == by.workspace_id, JournalEntry.seq == wanted.cause_seq
            )
        )
        statement = statement.where(_because_of(cause))
    if wanted.is_undone is not None:
        statement = statement.where(ChangeSet.undone_at.is_not(None) == wanted.is_undone)
    return statement


def _of_person(wanted: Wanted) -> Any:
    """Those that opened or closed an interval of the person, in the segment where one is said."""
    where = [Membership.member_id == wanted.member_id]
    if wanted.segment_id is not None:
        where.append(Membership.segment_id == wanted.segment_id)
    return union(
        *(select(end).where(*where) for end in (Membership.opened_by_id, Membership.closed_by_id))
    )


def _because_of(cause: uuid.UUID | None) -> ColumnElement[bool]:
    if cause is None:
        return false()
    return ChangeSet.causes.contains({"causes": [str(cause)]})


async def one(db: AsyncSession, *, by: Caller, id: int) -> ChangeSet:
    """One change set; raises NOT_FOUND."""
    found: ChangeSet | None = await db.scalar(seen_by(by).where(ChangeSet.id == id))
    if found is None:
        raise not_found("change set")
    return found


def moved(workspace_id: int, change_set_id: Any, *, joined: bool) -> Select[Membership]:
    """The intervals a change set opened, or closed; order them by segment and person. They are
    looked for by the pairs its entry names, so no index leads from a change set to them."""
    segments = (
        func.jsonb_each(JournalEntry.detail["segments"])
        .table_valued(column("key", Text), column("value", JSONB))
        .render_derived("moved_in")
    )
    named = segments.c.value["added" if joined else "removed"]
    people = (
        func.jsonb_array_elements_text(named)
        .table_valued(column("value", Text))
        .render_derived("moved_who")
    )
    end = Membership.opened_by_id if joined else Membership.closed_by_id
    return (
        select(Membership)
        .select_from(JournalEntry)
        .join(segments, true())
        .join(people, true())
        .join(
            Membership,
            (Membership.member_id == cast(people.c.value, BigInteger))
            & (Membership.segment_id == cast(segments.c.key, Integer))
            & (end == change_set_id),
        )
        .where(
            JournalEntry.workspace_id == workspace_id,
            JournalEntry.change_set_id == change_set_id,
        )
    )


async def names_of(
    db: AsyncSession, *, by: Caller, id: int, joined: bool, limit: int
) -> list[tuple[str, str]]:
    """Whom it put into which segment, or took out of it, by name: the first of them."""
    statement = (
        moved(by.workspace_id, id, joined=joined)
        .join(Member, Member.id == Membership.member_id)
        .join(Segment, Segment.id == Membership.segment_id)
        .with_only_columns(Member.display_name, Segment.name)
        .order_by(Membership.segment_id, Membership.member_id)
        .limit(limit)
    )
    return [(who, segment) for who, segment in await db.execute(statement)]


async def causes_of(
    db: AsyncSession, workspace_id: int, ids: Sequence[int]
) -> dict[int, list[Cause]]:
    """Of each change set the first entries of its causes, at most `CAUSES_TOLD`."""
    found: dict[int, list[Cause]] = {id: [] for id in ids}
    about = {"workspace_id": workspace_id, "ids": list(ids), "most": CAUSES_TOLD}
    rows: Iterable[Any] = await db.execute(CAUSES, about)
    for id, *cause in rows:
        found[id].append(Cause(*cause))
    return found


async def segments_of(
    db: AsyncSession, workspace_id: int, sets: Sequence[ChangeSet]
) -> dict[int, Segment]:
    """The segments these change sets changed, the deleted too, by id."""
    ids = {id for each in sets for id in each.segment_ids}
    rows = await db.scalars(
        select(Segment).where(Segment.workspace_id == workspace_id, Segment.id.in_(ids))
    )
    return {each.id: each for each in rows}


def cause_count(change_set: ChangeSet) -> int:
    """How many changes led to it."""
    return len(change_set.causes.get("causes", ()))


def sentence(change_set: ChangeSet, causes: Sequence[Cause], names: Sequence[str]) -> str:
    """What a change set did, because of what, and whether it still stands."""
    did = [
        f"{count:,} {'person' if count == 1 else 'people'} {verb}"
        for count, verb in ((change_set.added, "joined"), (change_set.removed, "left"))
        if count
    ]
    said = f"{' and '.join(did) or 'Nobody moved in'} {_named(names)}".strip()
    held = f"; {change_set.held:,} removals wait for approval" if change_set.held else ""
    hidden = change_set.suppressed
    beaten = f"; of {hidden:,} another role beats it" if hidden else ""
    return (
        f"{moment(change_set.at)}: {said}{_because(causes, cause_count(change_set))}"
        f"{held}{beaten}{_undone(change_set.undone_at)}."
    )


def _named(names: Sequence[str]) -> str:
    """At most three segments by name."""
    shown = ", ".join(f"“{name}”" for name in names[:3])
    return f"{shown} and {len(names) - 3:,} more segments" if len(names) > 3 else shown


def _because(causes: Sequence[Cause], count: int) -> str:
    if not causes:
        return ""
    first = causes[0]
    others = count - 1
    also = f", and {others:,} more" if others > 0 else ""
    return f", because of {first.verb} by {first.by_name} at {moment(first.at)}{also}"


def _undone(at: dt.datetime | None) -> str:
    return "" if at is None else f"; undone at {moment(at)}"
