"""What rules saw of the segments a person was in, at a place in the journal.

Memberships are intervals, so they are known of any time for which there were any.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.relations import mentioned_in, together
from operations.why.history import INTERVALS, Interval
from operations.why.known import Known
from operations.why.places import Place
from operations.why.rules import Schema, SegmentThen, segments_at
from sync_engine.rules import MEMBER_OF, Related


async def named(
    db: AsyncSession, schema: Schema, workspace_id: int, segments: Iterable[SegmentThen], seq: int
) -> Schema:
    """The schema, and what those were called that the rules of these segments name."""
    said = together(mentioned_in(each.rule) for each in segments if each.rule is not None)
    if not said:
        return schema
    then = await segments_at(db, workspace_id, said.segments, seq)
    names = {id: each.name for id, each in then.items()}
    return replace(schema, related=Related(names, is_strict=False))


async def with_segments(
    db: AsyncSession, known: Known, member: Member, place: Place, names: Mapping[int, str]
) -> Known:
    """Add the segments the person was in, of those of these names by id."""
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
