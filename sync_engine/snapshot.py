"""What an engine transaction reads of people after it has claimed its work, and what follows.

Facts, clock, epoch and journal head come from one statement, so they belong together: for the
people read, everything up to that head is reflected (`watermark`). Memberships may be read with
them or later: under the lock of the people's block nobody else changes them.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from models.people import MemberState
from sync_engine.chains import NOBODY, Chains, Once
from sync_engine.plan import NONE, Pair, Plan, Standing, difference
from sync_engine.rules import Catalog, Fact, from_json
from sync_engine.state import Connection, Frame, WorkspaceRules

Said = TypeVar("Said")

PEOPLE: Final = """
SELECT s.head, e.epoch, e.today, i.id, m.state, m.facts::text,
       ARRAY(SELECT g.folded_name
               FROM directory_group_member d JOIN directory_group g ON g.id = d.group_id
              WHERE d.member_id = i.id),
       ARRAY(SELECT c.segment_id FROM membership c
              WHERE c.member_id = i.id AND coalesce(c.until, 'infinity') = 'infinity'),
       ARRAY(SELECT n.segment_id FROM segment_person n WHERE n.member_id = i.id),
       (SELECT jsonb_object_agg(p.segment_id, p.is_in) FROM membership_pin p
         WHERE p.member_id = i.id),
       (SELECT jsonb_object_agg(h.segment_id, h.is_approved) FROM held_removal h
         WHERE h.member_id = i.id)
  FROM engine_state e
  JOIN workspace_stream s ON s.workspace_id = e.workspace_id
 CROSS JOIN unnest(%(ids)s::bigint[]) AS i(id)
  LEFT JOIN LATERAL (SELECT workspace_id, deleted_at, state, facts
                       FROM member WHERE id = i.id OFFSET 0) AS m
    ON m.workspace_id = e.workspace_id AND m.deleted_at IS NULL
 WHERE e.workspace_id = %(workspace_id)s
"""
"""Written so that primary keys are used even while PostgreSQL knows nothing about a table, as
during a first load: OFFSET 0 keeps the join as it is, and no index of current memberships answers
`coalesce`, which says `IS NULL`."""

LIVING: Final = "m.id BETWEEN %(first)s AND %(last)s"
"""Where `prefilter` says more about whom to read."""

BLOCK: Final = f"""
SELECT s.head, e.epoch, e.today, m.id, m.state, m.facts::text,
       ARRAY(SELECT g.folded_name
               FROM directory_group_member d JOIN directory_group g ON g.id = d.group_id
              WHERE d.member_id = m.id)
  FROM engine_state e
  JOIN workspace_stream s ON s.workspace_id = e.workspace_id
  LEFT JOIN member m ON m.workspace_id = e.workspace_id AND m.deleted_at IS NULL
                    AND {LIVING}
 WHERE e.workspace_id = %(workspace_id)s
"""  # noqa: S608 - made of a constant of ours

IN_SEGMENTS: Final = """
SELECT member_id, segment_id FROM membership
 WHERE segment_id = ANY(%(segments)s::integer[]) AND until IS NULL
   AND member_id BETWEEN %(first)s AND %(last)s
"""

NAMED: Final = """
SELECT member_id, segment_id FROM segment_person
 WHERE segment_id = ANY(%(segments)s::integer[]) AND member_id BETWEEN %(first)s AND %(last)s
"""

BESIDE: Final = """
SELECT true, member_id, segment_id, is_in FROM membership_pin
 WHERE segment_id = ANY(%(segments)s::integer[]) AND member_id BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT false, member_id, segment_id, is_approved FROM held_removal
 WHERE segment_id = ANY(%(segments)s::integer[]) AND member_id BETWEEN %(first)s AND %(last)s
"""
"""What stands beside the rules of segments for the people of a block: pins, and held removals."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The state a run of the engine has read: the journal's head, the epoch and the day."""

    watermark: int
    epoch: int
    today: dt.date


def array(values: Iterable[object]) -> str:
    """A PostgreSQL array literal of numbers, truth values or UUIDs, None as NULL.

    Twenty times as fast as psycopg's own conversion of long lists, which asks each element's type.
    """
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def facts_from(stored: str, groups: Collection[str], catalog: Catalog) -> dict[str, Fact]:
    """What rules see: the stored facts, and the names of the directory groups the person is in."""
    facts = from_json(orjson.loads(stored), catalog)
    if groups:
        facts["groups"] = frozenset(groups)
    return facts


def belongs(state: str | None) -> bool:
    """Whether a person in this state can be in a segment at all. None: deleted, or never there."""
    return state is not None and state != MemberState.DEACTIVATED


def read_people(
    db: Connection, workspace_id: int, member_ids: Collection[int]
) -> list[tuple[Any, ...]]:
    """One row of PEOPLE for each id; empty when the workspace is gone."""
    ids = array(sorted(member_ids))
    return db.execute(PEOPLE, {"workspace_id": workspace_id, "ids": ids}).fetchall()


def plan_for_people(
    rows: list[tuple[Any, ...]],
    rules: WorkspaceRules,
    waiting: Iterable[Pair] = (),
    chains: Chains | Once = NOBODY,
) -> Plan:
    """What must change for the people of these rows of PEOPLE, in all segments, while the removals
    `waiting` are held, too. `chains` are asked where rules ask who is above them."""
    return rules.steadily(lambda frame: _plan(rows, rules, frame, unapproved(waiting), chains))


def unapproved(pairs: Iterable[Pair]) -> dict[int, dict[int, bool]]:
    """These removals as held ones, by member."""
    held: dict[int, dict[int, bool]] = {}
    for member_id, segment_id in pairs:
        held.setdefault(member_id, {})[segment_id] = False
    return held


def _plan(
    rows: list[tuple[Any, ...]],
    rules: WorkspaceRules,
    frame: Frame,
    held: dict[int, dict[int, bool]],
    chains: Chains | Once,
) -> Plan:
    wanted: dict[int, set[int]] = {}
    current: dict[int, set[int]] = {}
    pins: dict[int, dict[int, bool]] = {}
    gone: set[int] = set()
    for _, _, today, member_id, state, stored, groups, now_in, named, pinned, waiting in rows:
        current[member_id] = has = set(now_in)
        if pinned:
            pins[member_id] = of_segments(pinned)
        if waiting:
            held.setdefault(member_id, {}).update(of_segments(waiting))
        if belongs(state):
            facts = facts_from(stored, groups, frame.catalog)
            if frame.asks_above:
                facts.update(chains.facts_of(member_id))
            by_name = frame.static.intersection(named)
            if frame.is_flat:
                wanted[member_id] = rules.matches(facts, today).union(by_name)
                continue
            standing = Standing(
                has, frame.frozen, pins.get(member_id, NONE), held.get(member_id, NONE)
            )
            settle = partial(settled, standing, by_name)
            wanted[member_id] = rules.matches(facts, today, settle).union(by_name)
        elif state is None:
            gone.add(member_id)
    return difference(wanted, current, frozen=frame.frozen, gone=gone, pins=pins, held=held)


def settled(standing: Standing, by_name: AbstractSet[int], should: set[int]) -> set[int]:
    """What somebody who is named in these segments is in, of whom rules say `should`."""
    return standing.settled(should | by_name)


def of_segments(said: Mapping[str, Said]) -> dict[int, Said]:
    """What a JSON object says of segments, by id."""
    return {int(segment_id): each for segment_id, each in said.items()}


def read_beside(
    db: Connection, span: Mapping[str, Any]
) -> tuple[dict[int, dict[int, bool]], dict[int, dict[int, bool]]]:
    """Pins, and held removals, of segments in a block, by member."""
    found: tuple[dict[int, dict[int, bool]], dict[int, dict[int, bool]]] = ({}, {})
    for is_pin, member_id, segment_id, is_so in db.execute(BESIDE, span):
        found[0 if is_pin else 1].setdefault(member_id, {})[segment_id] = is_so
    return found
