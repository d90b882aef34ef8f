"""What each attached segment says about the person, at a place in the journal."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from operations.provided import BY_GROUPS
from operations.why import known, related, rules, wording
from operations.why.above import MANAGER
from operations.why.answers import Cause, PinThen, SegmentReason
from operations.why.causes import Causes, about, causes_of, chosen
from operations.why.held import with_held
from operations.why.history import Attached, History, Interval
from operations.why.known import Known
from operations.why.lost import Lost, found_anew
from operations.why.pinned import pins_at
from operations.why.places import Place
from operations.why.rules import Schema, SegmentThen
from sync_engine.rules import (
    OF_PEOPLE,
    RELATIONS,
    Explanation,
    Rule,
    attributes_used,
    explain,
    offsets,
)

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

    @property
    def used(self) -> frozenset[str]:
        """What the rule looks at; under `now`, the day."""
        if self.rule is None:
            return frozenset()
        used = attributes_used(self.rule)
        above = [MANAGER] if used & OF_PEOPLE else []
        return frozenset({*used, *above, *([NOW] if offsets(self.rule) else [])})

    def lost(self, causes: Causes) -> Iterator[Lost]:
        """The ends of the person's time whose causes are about something else."""
        ends = [(self.counted and self.counted.opened, self.led_here, True)]
        if self.current is None and self.last is not None:
            ends.append((self.last.closed, self.led_out, False))
        for place, cause, is_in in ends:
            if place and chosen(causes, cause, self.segment.id, self.used) is None:
                yield Lost(self.segment.id, place, self.used, is_in)


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
    schema = await related.named(db, schema, workspace_id, segments.values(), place.seq)
    stands = [_stand(past, place, each, segments[each.segment_id], schema) for each in attached]
    person = await _person(db, past, place, schema, rules.looked_at([s.rule for s in stands]))
    wanted = [cause for each in stands for cause in (each.led_here, each.led_out)]
    causes = await causes_of(db, workspace_id, wanted, member_id, ids)
    changes = dict(person.changes)
    if person.ticked is not None:
        changes[NOW] = person.ticked
    anew = await found_anew(
        db, past, changes, [lost for each in stands for lost in each.lost(causes)]
    )
    person = replace(person, changes=changes)
    pins = await pins_at(db, past.member, ids, place.seq)
    led = _Led(causes, anew, pins, member_id)
    reasons = [_reason(each, person, led, place) for each in stands]
    reasons = await with_held(db, past.member, reasons, place)
    return tuple(reasons), person.unknown


@dataclass(frozen=True, slots=True)
class _Led:
    """What led to each end of the person's times in segments, and what was decided beside them."""

    causes: Causes
    anew: Mapping[Lost, Cause | None]
    pins: Mapping[int, PinThen]
    member_id: int

    def here(self, stand: _Stand) -> Cause | None:
        return self._told(stand, stand.led_here, is_in=True)

    def out(self, stand: _Stand) -> Cause | None:
        return self._told(stand, stand.led_out, is_in=False)

    def _told(self, stand: _Stand, cause: uuid.UUID | None, *, is_in: bool) -> Cause | None:
        found = chosen(self.causes, cause, stand.segment.id, stand.used)
        lost = (each for each in stand.lost(self.causes) if each.is_in is is_in)
        if found is None:
            found = next((self.anew[each] for each in lost), None)
        return about(found, stand.used, self.member_id)


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
    own = names - {BY_GROUPS} - RELATIONS.keys() | ({MANAGER} if names & OF_PEOPLE else set())
    values = known.attributes_at(member.attributes, past.entries, schema.forgotten, seq, own)
    changes = known.changes_of(past.entries, own, seq)
    seen = known.seen(day, values, schema.catalog, changes)
    asked = set(names & RELATIONS.keys())
    seen = await related.with_relations(
        db, seen, member=member, place=place, schema=schema, asked=asked
    )
    if BY_GROUPS in names:
        return await known.with_groups(db, seen, member, seq, past.lives.entries)
    return seen


def _reason(
    stand: _Stand,
    person: Known,
    led: _Led,
    place: Place,
) -> SegmentReason:
    rule, segment = stand.rule, stand.segment
    unknown = person.unknown & stand.used
    explanation = None if unknown else _explained(rule, person)
    changes = {name: person.changes[name] for name in stand.used if name in person.changes}
    is_member, gives = stand.current is not None, stand.counted is not None
    mode = stand.attached.mode
    by_mode = wording.of_mode(mode, is_member=is_member, gives=gives, is_past=place.is_past)
    pin = led.pins.get(segment.id)
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
            *(() if pin is None else (wording.of_pin(pin, is_past=place.is_past),)),
            *wording.of_segment(
                segment, explanation, unknown, is_member=is_member, is_past=place.is_past
            ),
        ),
        cause=led.here(stand),
        ended_at=stand.last.until if stand.last else None,
        ended=led.out(stand),
        changes=changes,
        pin=pin,
    )


def _explained(rule: Rule | None, person: Known) -> Explanation | None:
    """The rule over the facts; None where there is no rule, or where it cannot be understood."""
    if rule is None or person.today is None:
        return None
    return explain(rule, person.facts, person.today, attributes=person.attributes)
