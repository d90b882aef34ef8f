"""What should be, by the definitions, from the rows and by other means than the engine's.

Memberships: rules over what people have and over the segments they are in, pins that beat them,
removals that wait, and frozen segments that keep whom they have. Coordinators: by hand, by what
attachments give in their mode, kept, and those whose role is ending.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sync_engine.rules import (
    MEMBER_OF,
    STANDARD_ATTRIBUTES,
    Relation,
    Rule,
    from_document,
    matches,
    related_ids,
)
from tests.ground import Ground, Pairs, facts_of


@dataclass(slots=True)
class Segments:
    """Those that exist: rules by id, those that name people, and those that are frozen."""

    rules: dict[int, Rule] = field(default_factory=dict)
    static: set[int] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)

    def in_order(self) -> list[int]:
        """Each after those it builds on."""
        found: list[int] = [*sorted(self.static | self.frozen)]
        left = {
            id: related_ids(rule, MEMBER_OF) & self.rules.keys() for id, rule in self.rules.items()
        }
        while left:
            ready = sorted(id for id, inner in left.items() if not inner & left.keys())
            assert ready, f"a circle among {sorted(left)}"
            found += ready
            for id in ready:
                del left[id]
        return found


def segments_of(ground: Ground) -> Segments:
    found = Segments()
    for id, state, document in ground.rows(
        "SELECT id, state, rule FROM segment WHERE workspace_id = %s AND deleted_at IS NULL",
        ground.workspace_id,
    ):
        if state != "ACTIVE":
            found.frozen.add(id)
        elif document is None:
            found.static.add(id)
        else:
            found.rules[id] = from_document(document, STANDARD_ATTRIBUTES)
    return found


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the rules: as (member, segment)."""

    stored: Pairs
    named: Pairs
    pinned_in: Pairs
    pinned_out: Pairs
    held: Pairs

    def decides(self, pair: tuple[int, int], is_in: bool) -> bool:
        """Whether somebody whom rules want in, or not, is in."""
        wanted = pair in self.pinned_in or (is_in and pair not in self.pinned_out)
        return wanted or (pair in self.held and pair in self.stored)


def memberships(ground: Ground, stored: Pairs) -> Pairs:
    """Who should be in which segment, given whom frozen segments and waiting removals keep."""
    segments = segments_of(ground)
    today = ground.one(
        "SELECT today FROM engine_state WHERE workspace_id = %s", ground.workspace_id
    )
    beside = Beside(
        stored,
        _pairs(ground, "segment_person"),
        _pairs(ground, "membership_pin", "is_in"),
        _pairs(ground, "membership_pin", "NOT is_in"),
        _pairs(ground, "held_removal", "NOT is_approved"),
    )
    managers = _managers(ground)
    found: Pairs = set()
    for member_id, (state, stored_facts) in facts_of(ground.db, ground.workspace_id).items():
        if state == "DEACTIVATED":
            found |= {(member_id, id) for id in segments.frozen} & stored
            continue
        facts = dict(stored_facts)
        if above := _above(managers, member_id):
            facts[Relation.REPORTS_TO] = frozenset(above)
            facts[Relation.REPORTS_DIRECTLY_TO] = frozenset(above[:1])
        found |= {(member_id, id) for id in _inside(segments, beside, member_id, facts, today)}
    ground.db.rollback()
    return found


def _inside(
    segments: Segments, beside: Beside, member_id: int, facts: dict[str, Any], today: dt.date
) -> set[int]:
    inside: set[int] = set()
    for id in segments.in_order():
        pair = (member_id, id)
        if id in segments.frozen:
            is_in = pair in beside.stored
        elif id in segments.static:
            is_in = pair in beside.named
        else:
            seen = facts | {MEMBER_OF: frozenset(map(str, inside))} if inside else facts
            is_in = matches(segments.rules[id], seen, today)
        if beside.decides(pair, is_in):
            inside.add(id)
    return inside


def _pairs(ground: Ground, table: str, condition: str = "true") -> Pairs:
    return {
        (member, segment)
        for member, segment in ground.rows(
            f"SELECT member_id, segment_id FROM {table} WHERE workspace_id = %s AND {condition}",
            ground.workspace_id,
        )
    }


def _managers(ground: Ground) -> dict[int, int]:
    """By name alone: nobody here is known to a directory."""
    people = ground.rows(
        "SELECT id, user_name, attributes ->> 'manager' FROM member"
        " WHERE workspace_id = %s AND deleted_at IS NULL",
        ground.workspace_id,
    )
    by_name = {name: id for id, name, _ in people}
    return {id: by_name[said] for id, _, said in people if by_name.get(said, id) != id}


def _above(managers: dict[int, int], member_id: int) -> list[str]:
    found: list[int] = []
    while (above := managers.get(found[-1] if found else member_id)) is not None:
        if above in (member_id, *found) or len(found) == 32:
            break
        found.append(above)
    return list(map(str, found))


class Interval(NamedTuple):
    """A person's time in a segment."""

    member_id: int
    since: dt.datetime
    until: dt.datetime | None

    def gives(self, mode: str, since: dt.datetime) -> bool:
        """Whether an attachment of this mode makes the person coordinator by it (S8)."""
        was_then = self.since <= since and (self.until is None or self.until > since)
        match mode:
            case "SYNC":
                return self.until is None
            case "ADD_ONLY":
                return self.until is None or self.until > since
            case "REMOVE_ONLY":
                return self.until is None and was_then
            case _:
                return was_then


@dataclass(frozen=True, slots=True)
class Courses:
    """Who should be coordinator of what, and whose role is ending although it is given."""

    coordinators: Pairs
    ending_beside: Pairs


def courses(ground: Ground) -> Courses:
    """As (course, member)."""
    workspace = ground.workspace_id
    roles = ground.rows(
        "SELECT course_id, member_id, role FROM course_role WHERE workspace_id = %s", workspace
    )
    said = ground.rows(
        "SELECT course_id, member_id, kind FROM coordinator_override WHERE workspace_id = %s",
        workspace,
    )
    active = _ids(ground, "state = 'ACTIVE'")
    excluded, kept, ending = (
        {(course, member) for course, member, kind in said if kind == wanted}
        for wanted in ("EXCLUDE", "KEEP", "ENDING")
    )
    teaching, by_hand = (
        {(course, member) for course, member, role in roles if role == wanted}
        for wanted in ("INSTRUCTOR", "COORDINATOR")
    )
    given = _given(ground) - excluded
    everybody = (by_hand | given | kept | ending) - teaching
    return Courses(
        {pair for pair in everybody if pair[1] in active}, ending & (by_hand | given | kept)
    )


def _given(ground: Ground) -> Pairs:
    """What attachments give, by the intervals of people who have not been deleted."""
    alive = _ids(ground, "deleted_at IS NULL")
    intervals: dict[int, list[Interval]] = {}
    for segment, *interval in ground.rows(
        "SELECT m.segment_id, m.member_id, m.since, m.until FROM membership m"
        " JOIN segment s ON s.id = m.segment_id WHERE s.workspace_id = %s",
        ground.workspace_id,
    ):
        intervals.setdefault(segment, []).append(Interval(*interval))
    return {
        (course, each.member_id)
        for course, segment, mode, since in ground.rows(
            "SELECT course_id, segment_id, mode, mode_since FROM course_segment"
            " WHERE workspace_id = %s",
            ground.workspace_id,
        )
        for each in intervals.get(segment, ())
        if each.member_id in alive and each.gives(mode, since)
    }


def _ids(ground: Ground, condition: str) -> set[int]:
    return {
        id
        for (id,) in ground.rows(
            f"SELECT id FROM member WHERE workspace_id = %s AND {condition}", ground.workspace_id
        )
    }


HOLDS = """
SELECT (SELECT count(*) FROM hold h WHERE h.workspace_id = %(id)s AND h.state = 'OPEN'
           AND NOT EXISTS (SELECT FROM held_removal r WHERE r.hold_id = h.id AND NOT is_approved))
     + (SELECT count(*) FROM held_removal r JOIN hold h ON h.id = r.hold_id
         WHERE r.workspace_id = %(id)s AND (r.is_approved OR h.state <> 'OPEN'))
     + (SELECT count(*) FROM held_removal r WHERE r.workspace_id = %(id)s AND NOT EXISTS (
           SELECT FROM membership m WHERE m.member_id = r.member_id
              AND m.segment_id = r.segment_id AND m.until IS NULL))
"""
"""Holds of which nothing waits, removals of holds that are over, approved ones that were not done,
and those of people who are out."""


def bad_holds(ground: Ground) -> int:
    [(count,)] = ground.db.execute(HOLDS, {"id": ground.workspace_id})
    ground.db.rollback()
    return int(count)
