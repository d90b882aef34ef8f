"""What rules saw of the segments a person was in, at a place in the journal.

Memberships are intervals, so they are known of any time for which there were any.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.relations import mentioned_in, names_of, together
from operations.why.history import INTERVALS, Interval
from operations.why.known import Known
from operations.why.places import Place
from operations.why.rules import Schema, SegmentThen, segments_at
from sync_engine.rules import MEMBER_OF, OF_PEOPLE, Related


async def named(
    db: AsyncSession, schema: Schema, workspace_id: int, segments: Iterable[SegmentThen], seq: int
) -> Schema:
    """The schema, and what those are called, or were, whom the rules of these segments name."""
    said = together(mentioned_in(each.rule) for each in segments if each.rule is not None)
    if not said:
        return schema
    now = await names_of(db, workspace_id, replace(said, segments=frozenset()), is_strict=False)
    then = await segments_at(db, workspace_id, said.segments, seq) if said.segments else {}
    names = {id: each.name for id, each in then.items()}
    return replace(schema, related=Related(names, now.people, is_strict=False))


async def with_relations(
    db: AsyncSession, known: Known, *, member: Member, place: Place, schema: Schema, asked: set[str]
) -> Known:
    """Add the segments the person was in, of those the rules name."""
    if MEMBER_OF in asked:
        known = await _with_segments(db, known, member, place, schema.related.segments)
    return _without_people(known, asked) if asked & OF_PEOPLE else known


async def _with_segments(
    db: AsyncSession, known: Known, member: Member, place: Place, names: Mapping[int, str]
) -> Known:
    about = {
        "workspace_id": member.workspace_id,
        "member_id": member.id,
        "segment_ids": sorted(names),
    }
    intervals = [Interval(*row) for row in await db.execute(INTERVALS, about)]
    within = {each.segment_id for each in intervals if each.covers(place.seq, place.at)}
    called: Any = {str(id): names[id] for id in sorted(within)}
    facts = {**known.facts, MEMBER_OF: frozenset(called)} if within else known.facts
    return replace(known, facts=facts, attributes={**known.attributes, MEMBER_OF: called})


def _without_people(known: Known, asked: set[str]) -> Known:
    """Who was above whom is not kept."""
    return replace(known, unknown=known.unknown | (asked & OF_PEOPLE))
