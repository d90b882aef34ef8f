"""Does what is stored equal what the rules say? Recomputed from scratch, and nothing is written.

It shares no cache, no index, no plan and no statement with the engine: rules are read anew, and
each is asked about each person. Read under the lock of a block, what differs is drift, unless a
marker says that the engine has yet to look there.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine

from models.people import MemberState
from sync_engine.markers import BLOCK_BITS
from sync_engine.rules import (
    MEMBER_OF,
    OF_PEOPLE,
    Attribute,
    AttributeType,
    Catalog,
    Check,
    Facts,
    InvalidRule,
    Owner,
    Relation,
    Rule,
    attributes_used,
    from_document,
    from_json,
    offsets,
)
from sync_engine.rules import (
    compile as compiled,
)
from sync_engine.state import Connection, connection_to

LOCK_RETRY_SECONDS: Final = 0.002

BLOCKS: Final = f"""
SELECT DISTINCT id >> {BLOCK_BITS} FROM member WHERE workspace_id = %(workspace_id)s
UNION SELECT DISTINCT m.member_id >> {BLOCK_BITS}
  FROM membership m JOIN segment s ON s.id = m.segment_id
 WHERE s.workspace_id = %(workspace_id)s AND m.until IS NULL
ORDER BY 1
"""  # noqa: S608 - made of a constant of ours

LOCK: Final = "SELECT pg_try_advisory_xact_lock(%(workspace_id)s, %(block)s)"

STORED: Final = """
WITH people AS (
    SELECT id, state, facts FROM member
     WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first)s AND %(last)s
       AND deleted_at IS NULL
), groups AS (
    SELECT d.member_id, jsonb_agg(DISTINCT g.folded_name) AS names
      FROM directory_group_member d JOIN directory_group g ON g.id = d.group_id
     WHERE d.workspace_id = %(workspace_id)s AND d.member_id BETWEEN %(first)s AND %(last)s
     GROUP BY d.member_id
)
SELECT e.epoch, e.today,
       (SELECT jsonb_object_agg(p.id, jsonb_build_object(
                   'state', p.state, 'facts', p.facts, 'groups', g.names))
          FROM people p LEFT JOIN groups g ON g.member_id = p.id),
       (SELECT jsonb_agg(jsonb_build_array(m.member_id, m.segment_id))
          FROM membership m JOIN segment s ON s.id = m.segment_id
         WHERE s.workspace_id = %(workspace_id)s AND m.until IS NULL
           AND m.member_id BETWEEN %(first)s AND %(last)s),
       (SELECT jsonb_agg(jsonb_build_array(n.member_id, n.segment_id)) FROM segment_person n
         WHERE n.workspace_id = %(workspace_id)s AND n.member_id BETWEEN %(first)s AND %(last)s),
       (SELECT jsonb_agg(jsonb_build_array(p.member_id, p.segment_id, p.is_in))
          FROM membership_pin p
         WHERE p.workspace_id = %(workspace_id)s AND p.member_id BETWEEN %(first)s AND %(last)s),
       (SELECT jsonb_agg(jsonb_build_array(h.member_id, h.segment_id)) FROM held_removal h
         WHERE h.workspace_id = %(workspace_id)s AND h.member_id BETWEEN %(first)s AND %(last)s
           AND NOT h.is_approved),
       (SELECT jsonb_agg(member_id) FROM (
            SELECT member_id, workspace_id FROM dirty_member
            UNION ALL SELECT member_id, workspace_id FROM parked_member) AS waiting
         WHERE workspace_id = %(workspace_id)s AND member_id BETWEEN %(first)s AND %(last)s),
       (SELECT jsonb_agg(segment_id) FROM dirty_segment
         WHERE workspace_id = %(workspace_id)s AND block IN (-1, %(block)s)),
       EXISTS (SELECT FROM tick_window WHERE workspace_id = %(workspace_id)s),
       EXISTS (SELECT FROM dirty_reports WHERE workspace_id = %(workspace_id)s)
  FROM engine_state e WHERE e.workspace_id = %(workspace_id)s
"""

MANAGERS: Final = """
WITH RECURSIVE said(id, manager) AS (
    SELECT id, lower(btrim(attributes ->> 'manager')) FROM member
     WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first)s AND %(last)s
       AND attributes ->> 'manager' IS NOT NULL
     UNION
    SELECT p.id, lower(btrim(p.attributes ->> 'manager'))
      FROM said s
      JOIN member p
        ON p.workspace_id = %(workspace_id)s AND p.deleted_at IS NULL
       AND (lower(p.user_name) = s.manager
            OR p.id IN (SELECT d.member_id FROM directory_person d
                         WHERE d.workspace_id = %(workspace_id)s AND d.id::text = s.manager))
)
SELECT s.id, coalesce(
       (SELECT d.member_id FROM directory_person d JOIN member m ON m.id = d.member_id
         WHERE d.workspace_id = %(workspace_id)s AND d.deleted_at IS NULL
           AND d.id::text = s.manager AND m.deleted_at IS NULL),
       (SELECT m.id FROM member m
         WHERE m.workspace_id = %(workspace_id)s AND lower(m.user_name) = s.manager
           AND m.deleted_at IS NULL))
  FROM said s
"""
"""Whom the attribute `manager` means, of the people of a block and of everybody above them: read
from the attributes, not from what was made of them."""

RULES: Final = """
SELECT e.epoch,
       (SELECT jsonb_agg(jsonb_build_array(s.id, s.kind, s.state, s.rule)) FROM segment s
         WHERE s.workspace_id = e.workspace_id AND s.deleted_at IS NULL),
       (SELECT jsonb_agg(jsonb_build_array(a.name, a.type, a.owner)) FROM attribute_definition a
         WHERE a.workspace_id = e.workspace_id)
  FROM engine_state e WHERE e.workspace_id = %(workspace_id)s
"""


NEEDLESS: Final = """
SELECT count(*) FROM coordinator_override o
 WHERE o.workspace_id = %(workspace_id)s AND o.kind = 'ENDING'
   AND EXISTS (SELECT FROM coordinator_source s
                WHERE s.workspace_id = o.workspace_id AND s.course_id = o.course_id
                  AND s.member_id = o.member_id AND s.kind <> 'ENDING' OFFSET 0)
"""


@dataclass(slots=True)
class Drift:
    """What a verification found. `missing` and `extra` pairs must both be 0, and so must roles that
    end although something gives them (`needless`).

    `pending` counts pairs that were not judged because a marker stands for them.
    """

    pairs_checked: int = 0
    missing: int = 0
    extra: int = 0
    blocks: int = 0
    pending: int = 0
    needless: int = 0

    @property
    def is_clean(self) -> bool:
        return self.missing == self.extra == self.needless == 0


@dataclass(frozen=True, slots=True)
class Truth:
    """The segments of a workspace at one epoch. `frozen` ones, and rules that cannot be read,
    keep whatever they have; every other id has been deleted."""

    epoch: int
    catalog: Catalog
    rules: dict[int, Rule] = field(default_factory=dict)
    checks: dict[int, Check] = field(default_factory=dict)
    asking_above: set[int] = field(default_factory=set)
    static: set[int] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Stored:
    """One block as it is stored: people by id, segment ids by member id, and what is pending."""

    epoch: int
    today: dt.date
    people: dict[int, dict[str, Any]]
    memberships: dict[int, set[int]]
    named: dict[int, set[int]]
    pins: dict[int, dict[int, bool]]
    held: dict[int, set[int]]
    pending_people: set[int]
    pending_segments: set[int]
    clock_is_pending: bool
    reports_are_pending: bool
    managers: dict[int, int | None]


def verify(
    engine: Engine,
    workspace_id: int,
    *,
    progress: Callable[[int, int], None] = lambda done, blocks: None,
) -> Drift:
    """Compare every stored membership of a workspace with a recomputation; `progress` is called
    with (blocks done, blocks) after each block of 4,096 people."""
    drift = Drift()
    with connection_to(engine) as db:
        blocks = [row[0] for row in db.execute(BLOCKS, {"workspace_id": workspace_id})]
        db.rollback()
        truth: Truth | None = None
        for done, block in enumerate(blocks, start=1):
            truth = verify_block(db, workspace_id, block, truth, drift)
            progress(done, len(blocks))
        drift.needless = needless_in(db, workspace_id)
    return drift


def needless_in(db: Connection, workspace_id: int) -> int:
    """How many roles of a workspace are said to end although something gives them (M40)."""
    [(count,)] = db.execute(NEEDLESS, {"workspace_id": workspace_id}).fetchall()
    db.rollback()
    return int(count)


def verify_block(
    db: Connection, workspace_id: int, block: int, truth: Truth | None, drift: Drift
) -> Truth | None:
    """Add what one block shows to `drift`; the rules it was judged by, for the next one."""
    truth, stored = _read(db, workspace_id, block, truth)
    db.rollback()
    if truth is not None and stored is not None:
        _compare(truth, stored, drift)
    drift.blocks += 1
    return truth


def _read(
    db: Connection, workspace_id: int, block: int, truth: Truth | None
) -> tuple[Truth | None, Stored | None]:
    """A locked block and the rules of the same epoch; None when the workspace is gone."""
    place = {"workspace_id": workspace_id, "block": block}
    while not _is_locked(db, place):
        db.rollback()
        time.sleep(LOCK_RETRY_SECONDS)
    while True:
        stored = _stored(db, place, with_managers=bool(truth and truth.asking_above))
        if stored is None:
            return None, None
        if truth is not None and truth.epoch == stored.epoch:
            return truth, stored
        truth = _truth(db, workspace_id)


def _is_locked(db: Connection, place: dict[str, int]) -> bool:
    row = db.execute(LOCK, place).fetchone()
    return row is not None and bool(row[0])


def _stored(db: Connection, place: dict[str, int], *, with_managers: bool) -> Stored | None:
    first = place["block"] << BLOCK_BITS
    last = first + (1 << BLOCK_BITS) - 1
    span = place | {"first": first, "last": last}
    managers = dict[int, int | None](db.execute(MANAGERS, span)) if with_managers else {}
    row = db.execute(STORED, span).fetchone()
    if row is None:
        return None
    epoch, today, people, memberships, named, pins, held, dirty, segments, *pending = row
    is_ticking, is_moving = pending
    return Stored(
        epoch,
        today,
        {int(id): person for id, person in (people or {}).items()},
        _by_member(memberships),
        _by_member(named),
        _pins(pins),
        _by_member(held),
        set(dirty or ()),
        set(segments or ()),
        is_ticking,
        is_moving,
        managers,
    )


def _truth(db: Connection, workspace_id: int) -> Truth | None:
    row = db.execute(RULES, {"workspace_id": workspace_id}).fetchone()
    if row is None:
        return None
    epoch, segments, attributes = row
    catalog = {
        name: Attribute(name, AttributeType(type), Owner(owner))
        for name, type, owner in attributes or ()
    }
    truth = Truth(epoch, catalog)
    for segment_id, kind, state, document in segments or ():
        if state != "ACTIVE":
            truth.frozen.add(segment_id)
        elif kind == "STATIC":
            truth.static.add(segment_id)
        else:
            try:
                rule = from_document(document, catalog)
            except InvalidRule:
                truth.frozen.add(segment_id)
            else:
                truth.rules[segment_id], truth.checks[segment_id] = rule, compiled(rule)
                if not OF_PEOPLE.isdisjoint(attributes_used(rule)):
                    truth.asking_above.add(segment_id)
    return truth


def _compare(truth: Truth, stored: Stored, drift: Drift) -> None:
    """Judge each pair of a person of the block and a segment that is not frozen."""
    waiting = set(stored.pending_segments)
    if stored.clock_is_pending:
        waiting.update(id for id, rule in truth.rules.items() if offsets(rule))
    if stored.reports_are_pending:
        waiting |= truth.asking_above
    checks = {id: check for id, check in truth.checks.items() if id not in waiting}
    judged = len(checks) + len(truth.static - waiting)
    current = stored.memberships
    for member_id in sorted(current.keys() | stored.people.keys()):
        if member_id in stored.pending_people:
            drift.pending += judged + len(waiting)
            continue
        person = stored.people.get(member_id)
        ignored = waiting if person is None else waiting | truth.frozen
        has = current.get(member_id, set())
        wanted: set[int] = set()
        if person is not None and person["state"] != MemberState.DEACTIVATED:
            facts = {**_facts(person, truth.catalog), **_related(has), **_above(stored, member_id)}
            wanted = {id for id, check in checks.items() if check(facts, stored.today)}
            wanted |= stored.named.get(member_id, set()) & truth.static
            wanted |= stored.held.get(member_id, set()) & has
            pins = stored.pins.get(member_id, {})
            wanted = wanted - pins.keys() | {id for id, is_in in pins.items() if is_in}
            ignored = waiting | ignored - pins.keys()
        drift.pairs_checked += judged
        drift.pending += len(waiting)
        drift.missing += len(wanted - has - ignored)
        drift.extra += len(has - wanted - ignored)


def _related(has: set[int]) -> Facts:
    """What is stored of the inner segments decides about the outer ones; the inner ones are judged
    for themselves."""
    return {MEMBER_OF: frozenset(map(str, has))} if has else {}


def _above(stored: Stored, member_id: int) -> Facts:
    """Who is above a person, in at most 32 steps; who is so in a circle is not above themselves."""
    above: list[str] = []
    at = stored.managers.get(member_id)
    while at is not None and at != member_id and str(at) not in above and len(above) < 32:
        above.append(str(at))
        at = stored.managers.get(at)
    if not above:
        return {}
    return {
        Relation.REPORTS_TO: frozenset(above),
        Relation.REPORTS_DIRECTLY_TO: frozenset(above[:1]),
    }


def _facts(person: dict[str, Any], catalog: Catalog) -> Facts:
    facts = from_json(person["facts"], catalog)
    if person["groups"]:
        facts["groups"] = frozenset(person["groups"])
    return facts


def _pins(rows: Iterable[tuple[int, int, bool]] | None) -> dict[int, dict[int, bool]]:
    found: dict[int, dict[int, bool]] = {}
    for member_id, segment_id, is_in in rows or ():
        found.setdefault(member_id, {})[segment_id] = is_in
    return found


def _by_member(pairs: Iterable[tuple[int, int]] | None) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for member_id, segment_id in pairs or ():
        found.setdefault(member_id, set()).add(segment_id)
    return found
