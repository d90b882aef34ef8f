"""Which change led to something, and as much of it as is about the person who is explained."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import JournalEntry
from operations.why.answers import Cause
from operations.why.entries import CHANGED

OF_A_SEGMENT: Final = frozenset({"name", "kind", "state", "rule", "place", "memberIds", "isIn"})
"""What a cause tells of a change of a segment, and of pins in it."""

TOLD_IN_PART: Final = ("member.", "segment.", "membership.", "pin.")
"""Entries that may say more than is about one person."""


@dataclass(frozen=True, slots=True)
class Said:
    """One entry that shares a cause, and whom or what it is about."""

    told: Cause
    member_id: int | None
    segment_id: int | None


Causes = Mapping[uuid.UUID, Sequence[Said]]
"""For each cause its entries about the person, a segment, or neither: a directory group, the
clock. The latest come first."""


async def causes_of(
    db: AsyncSession,
    workspace_id: int,
    wanted: Collection[uuid.UUID | None],
    member_id: int,
    segment_ids: Collection[int],
) -> Causes:
    """The entries of these causes that may concern a person and these segments."""
    ids = {each for each in wanted if each is not None}
    found: dict[uuid.UUID, list[Said]] = {id: [] for id in ids}
    if not ids:
        return found
    rows: Iterable[Any] = await db.execute(
        select(
            JournalEntry.cause,
            JournalEntry.member_id,
            JournalEntry.segment_id,
            JournalEntry.seq,
            JournalEntry.at,
            JournalEntry.verb,
            JournalEntry.by_name,
            JournalEntry.origin,
            JournalEntry.before,
            JournalEntry.after,
        )
        .where(
            JournalEntry.workspace_id == workspace_id,
            JournalEntry.cause.in_(ids),
            (JournalEntry.member_id == member_id)
            | JournalEntry.segment_id.in_(segment_ids)
            | _is_about_nobody(),
        )
        .order_by(JournalEntry.seq)
    )
    for row in rows:
        if row.cause is not None:
            found[row.cause].append(Said(Cause(*row[3:]), row.member_id, row.segment_id))
    return found


def chosen(
    causes: Causes, id: uuid.UUID | None, segment_id: int | None, looked_at: Collection[str]
) -> Cause | None:
    """Of a cause what concerns the person, as far as a rule looks at it; else what is about the
    segment; else what is about neither. None where it is about something else: markers keep the
    last of several causes, and that may not be the one that decided.
    """
    if id is None:
        return None
    entries = causes.get(id, ())
    own = (each for each in entries if each.member_id and _concerns(each.told, looked_at))
    of_segment = (each for each in entries if segment_id and each.segment_id == segment_id)
    neutral = (each for each in entries if each.member_id is None and each.segment_id is None)
    found = next((each for some in (own, of_segment, neutral) for each in some), None)
    return None if found is None else found.told


def _concerns(cause: Cause, looked_at: Collection[str]) -> bool:
    if cause.verb != CHANGED:
        return True
    return bool((cause.after or {}).keys() & set(looked_at))


def _is_about_nobody() -> ColumnElement[bool]:
    """Neither about a person, a segment or a course, nor what the engine made of a change."""
    routed = (
        JournalEntry.member_id,
        JournalEntry.segment_id,
        JournalEntry.course_id,
        JournalEntry.change_set_id,
    )
    return and_(*(column.is_(None) for column in routed))


def about(cause: Cause | None, looked_at: Collection[str], member_id: int) -> Cause | None:
    """The cause, as far as it is about this person: of a change of a person what the rule looks
    at; of a change of a segment what explaining shows of segments anyway, and nobody else in it.
    """
    if cause is None or not cause.verb.startswith(TOLD_IN_PART):
        return cause
    shown = looked_at if cause.verb.startswith("member.") else OF_A_SEGMENT
    before, after = _only(shown, cause.before), _only(shown, cause.after)
    return replace(cause, before=_alone(before, member_id), after=_alone(after, member_id))


def _alone(said: dict[str, object] | None, member_id: int) -> dict[str, object] | None:
    """Who else was named in the same step is not for this person to know."""
    if said is None or not isinstance(named := said.get("memberIds"), list):
        return said
    return said | {"memberIds": [id for id in named if id == member_id]}


def _only(names: Collection[str], said: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Those attributes of what an entry says: member.added has them one level down."""
    if said is None:
        return None
    attributes = said.get("attributes", said)
    kept = {name: attributes[name] for name in names if name in attributes}
    return kept | ({"state": said["state"]} if "state" in said else {})
