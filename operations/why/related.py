"""What rules saw of the segments a person was in, and of who was above, at a place in the journal.

Memberships are intervals, so they are known of any time for which there were any.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.people import Member
from operations.relations import mentioned_in, names_of, together
from operations.why.above import MANAGER, above_at
from operations.why.history import INTERVALS, Interval
from operations.why.known import Known
from operations.why.places import Place
from operations.why.rules import Schema, SegmentThen, segments_at
from sync_engine.rules import MEMBER_OF, OF_PEOPLE, Related, Relation


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
    """Add the segments the person was in, of those the rules name, and who was above."""
    if MEMBER_OF in asked:
        known = await _with_segments(db, known, member, place, schema.related.segments)
    return await _with_people(db, known, member, place, schema) if asked & OF_PEOPLE else known


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


async def _with_people(
    db: AsyncSession, known: Known, member: Member, place: Place, schema: Schema
) -> Known:
    """Add who was above the person, the nearest first."""
    said = known.attributes.get(MANAGER)
    above = None
    if MANAGER not in known.unknown:
        manager = str(said) if said is not None else None
        above = await above_at(db, member, place, forgotten=schema.forgotten, manager=manager)
    if above is None:
        return replace(known, unknown=known.unknown | OF_PEOPLE)
    called: Any = {str(id): name for id, name in above.items()}
    nearest: Any = dict([*called.items()][:1])
    facts = dict(known.facts)
    if called:
        facts[Relation.REPORTS_TO] = frozenset(called)
        facts[Relation.REPORTS_DIRECTLY_TO] = frozenset(nearest)
    relations: Any = {Relation.REPORTS_TO: called, Relation.REPORTS_DIRECTLY_TO: nearest}
    return replace(known, facts=facts, attributes={**known.attributes, **relations})
