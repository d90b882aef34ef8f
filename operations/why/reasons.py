"""What each attached segment says about the person, at a place in the journal."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from operations.provided import BY_GROUPS
from operations.why import known, rules, wording
from operations.why.answers import Cause, SegmentReason
from operations.why.causes import Causes, about, causes_of, chosen
from operations.why.history import Attached, History, Interval
from operations.why.known import Known
from operations.why.places import Place
from operations.why.rules import Schema, SegmentThen
from sync_engine.rules import Explanation, Rule, attributes_used, explain, offsets

NOW = "now"
"""Under this name `changes` tells of the day that relative dates were compared with."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """One segment on the course: as it was, and the person's time in it, or the last one; and the
    one that made the person coordinator."""

    attached: Attached
    segment: SegmentThen
    rule: Rule | None
    current: Interval | None
    last: Interval | None
    counted: Interval | None

    @property
    def since(self) -> dt.datetime | None:
        return None if self.counted is None else max(self.attached.at, self.counted.since)

    @property
    def led_here(self) -> uuid.UUID | None:
        """What made the person coordinator through this segment: joining or attaching, whichever
        came later; or what keeps a member of it from being one."""
        if self.counted is None:
            return None if self.current is None else self.attached.mode_cause
        return self.attached.cause if self.attached.at > self.counted.since else self.counted.cause

    @property
    def led_out(self) -> uuid.UUID | None:
        return None if self.current or self.last is None else self.last.closing_cause


async def reasons_at(
    db: AsyncSession, past: History, place: Place
) -> tuple[tuple[SegmentReason, ...], frozenset[str]]:
    """The reasons in the order of the places of the course, and what of the person's values
    cannot be known."""
    workspace_id, member_id = past.member.workspace_id, past.member.id
    attached = past.attached(place.seq)
    ids = [each.segment_id for each in attached]
    segments = await rules.segments_at(db, workspace_id, ids, place.seq)
    schema = await rules.schema_at(db, workspace_id, place.seq)
    stands = [_stand(past, place, each, segments[each.segment_id], schema) for each in attached]
    person = await _person(db, past, place, schema, rules.looked_at([s.rule for s in stands]))
    wanted = [cause for each in stands for cause in (each.led_here, each.led_out)]
    causes = await causes_of(db, workspace_id, wanted, member_id, ids)
    return tuple(_reason(each, person, causes, member_id, place) for each in stands), person.unknown


def _stand(
    past: History, place: Place, attached: Attached, segment: SegmentThen, schema: Schema
) -> _Stand:
    current = past.interval(segment.id, place.seq, place.at)
    last = None if current else past.last_ended(segment.id, place.seq, place.at)
    counted = past.counted(attached, place.seq, place.at)
    return _Stand(attached, segment, schema.read(segment.rule), current, last, counted)


async def _person(
    db: AsyncSession, past: History, place: Place, schema: Schema, names: frozenset[str]
) -> Known:
    """What the rules that look at these attributes saw."""
    member, seq = past.member, place.seq
    day = await known.the_day(db, member.workspace_id, seq)
    own = names - {BY_GROUPS}
    values = known.attributes_at(member.attributes, past.entries, schema.forgotten, seq, own)
    changes = known.changes_of(past.entries, own, seq)
    seen = known.seen(day, values, schema.catalog, changes)
    if BY_GROUPS in names:
        return await known.with_groups(db, seen, member, seq, past.lives.entries)
    return seen


def _reason(
    stand: _Stand,
    person: Known,
    causes: Causes,
    member_id: int,
    place: Place,
) -> SegmentReason:
    rule, segment = stand.rule, stand.segment
    used = frozenset(() if rule is None else attributes_used(rule))
    unknown = person.unknown & used
    explanation = None if unknown else _explained(rule, person)
    changes = {name: person.changes[name] for name in used if name in person.changes}
    if rule is not None and offsets(rule) and person.ticked is not None:
        changes[NOW] = person.ticked
    is_member, gives = stand.current is not None, stand.counted is not None
    mode = stand.attached.mode
    by_mode = wording.of_mode(mode, is_member=is_member, gives=gives, is_past=place.is_past)
    return SegmentReason(
        segment_id=segment.id,
        name=segment.name,
        kind=segment.kind,
        state=segment.state,
        version=segment.version,
        is_member=is_member,
        mode=mode.mode,
        mode_since=mode.since,
        gives=gives,
        by_mode=by_mode,
        since=stand.since,
        explanation=explanation,
        sentences=(
            *(() if by_mode is None else (by_mode,)),
            *wording.of_segment(
                segment, explanation, unknown, is_member=is_member, is_past=place.is_past
            ),
        ),
        cause=about(_led_here(stand, causes, changes, used), used, member_id),
        ended_at=stand.last.until if stand.last else None,
        ended=about(chosen(causes, stand.led_out, segment.id, used), used, member_id),
        changes=changes,
    )


def _led_here(
    stand: _Stand, causes: Causes, changes: Mapping[str, Cause], used: frozenset[str]
) -> Cause | None:
    """What made the person coordinator through this segment. Where the engine's marker kept a
    cause that is about something else, the newest change of what the rule looks at, as long as it
    came before the engine looked."""
    found = chosen(causes, stand.led_here, stand.segment.id, used)
    if found is not None or stand.counted is None or stand.counted.opened is None:
        return found
    before = [each for each in changes.values() if each.seq < stand.counted.opened]
    return max(before, key=lambda each: each.seq, default=None)


def _explained(rule: Rule | None, person: Known) -> Explanation | None:
    """The rule over the facts; None where there is no rule, or where it cannot be understood."""
    if rule is None or person.today is None:
        return None
    return explain(rule, person.facts, person.today, attributes=person.attributes)
