"""Which change led to something, and as much of it as is about the person who is explained."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.journal import JournalEntry
from operations.why.answers import Cause

OF_A_SEGMENT: Final = frozenset({"name", "kind", "state", "rule", "place", "memberIds"})
"""What a cause tells of a change of a segment."""


async def causes_of(
    db: AsyncSession,
    workspace_id: int,
    wanted: Collection[uuid.UUID | None],
    member_id: int,
    segment_ids: Collection[int],
) -> dict[uuid.UUID, Cause]:
    """For each cause the entry that concerns the person, else the one about a segment, else one
    about neither: a directory group, the clock."""
    ids = {each for each in wanted if each is not None}
    if not ids:
        return {}
    rows = await db.execute(
        select(
            JournalEntry.cause,
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
        .order_by(
            JournalEntry.member_id.is_not(None),
            JournalEntry.segment_id.is_not(None),
            JournalEntry.seq.desc(),
        )
    )
    return {row[0]: Cause(*row[1:]) for row in rows if row[0] is not None}


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
    if cause is None or not cause.verb.startswith(("member.", "segment.")):
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
