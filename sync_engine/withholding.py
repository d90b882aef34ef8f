"""Which removals wait: more than may go unasked, of a segment or of the workspace (S11).

Counted are people whom rules alone took out of a segment that courses follow: of one segment those
who have left it, of the workspace those who have left the last one, within its window and unless
they came back. Pure but for the counts, which are asked of the database only as far as they matter.
Runs of the engine and previews of changes ask the same (`waiting_in`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from sync_engine.markers import BLOCK_BITS
from sync_engine.plan import NOTHING, Pair, Plan
from sync_engine.snapshot import array, of_segments

MOST_AT_ONCE: Final = 1 << BLOCK_BITS
"""Of more people than a run works on, a preview asks only as far as it matters."""

WORKSPACE: Final = 0
"""Stands for the workspace where holds are told apart by segment."""

_HAS: Final = """
       SELECT jsonb_object_agg(member_id, segments) FROM (
            SELECT m.member_id, jsonb_agg(m.segment_id) AS segments FROM membership m
             WHERE m.member_id = ANY(%(people)s::bigint[]) AND m.until IS NULL
               AND EXISTS (SELECT FROM course_segment a WHERE a.segment_id = m.segment_id)
             GROUP BY m.member_id) AS those
"""
"""The segments people are in that are attached to courses."""

COUNTS: Final = f"""
WITH followed AS MATERIALIZED (
    SELECT segment_id AS id, min(attached_at) AS since FROM course_segment
     WHERE segment_id = ANY(%(segments)s::integer[]) AND mode IN ('SYNC', 'REMOVE_ONLY')
     GROUP BY segment_id
), begun AS MATERIALIZED (
    SELECT clock_timestamp() - make_interval(mins => hold_minutes) AS at
      FROM workspace WHERE id = %(workspace_id)s
), few AS MATERIALIZED (
    SELECT coalesce(sum(c.removed), 0) + %(leaving)s <= max(w.hold_people) AS are_few
      FROM begun CROSS JOIN workspace w
      LEFT JOIN change_set c ON c.workspace_id = w.id AND c.at > begun.at
     WHERE w.id = %(workspace_id)s
)
SELECT w.hold_people, w.hold_percent,
       (SELECT jsonb_object_agg(coalesce(h.segment_id, 0), h.id) FROM hold h
         WHERE h.workspace_id = w.id AND h.state = 'OPEN'
           AND (h.segment_id IS NULL OR h.segment_id = ANY(%(segments)s::integer[]))),
       (SELECT jsonb_object_agg(f.id, CASE WHEN few.are_few THEN 0 ELSE (
                   SELECT count(DISTINCT m.member_id) FROM membership m
                    WHERE m.segment_id = f.id AND m.until > greatest(f.since, begun.at)
                      AND m.closed_by_rule
                      AND NOT EXISTS (SELECT FROM membership n
                                       WHERE n.segment_id = f.id AND n.member_id = m.member_id
                                         AND n.until IS NULL)) END)
          FROM followed f CROSS JOIN few),
       (SELECT coalesce(sum(cardinality(c.lost)), 0) FROM change_set c
         WHERE c.workspace_id = w.id AND c.lost IS NOT NULL AND c.at > begun.at),
       ({_HAS}),
       ARRAY(SELECT DISTINCT segment_id FROM course_segment
              WHERE segment_id = ANY(%(added)s::integer[]))
  FROM workspace w CROSS JOIN begun WHERE w.id = %(workspace_id)s
"""  # noqa: S608 - made of a constant of ours
"""Removals of single segments are counted only where those of all together could be too many."""

IN_SEGMENT: Final = """
SELECT count(*) FROM (SELECT FROM membership WHERE segment_id = %(segment_id)s AND until IS NULL
                       LIMIT %(most)s) AS one
"""

IN_ANY: Final = """
SELECT count(DISTINCT member_id), count(*) FROM (
    SELECT member_id FROM membership
     WHERE until IS NULL AND segment_id IN (
           SELECT segment_id FROM course_segment WHERE workspace_id = %(workspace_id)s)
     LIMIT %(rows)s) AS looked_at
"""
"""Of the first so many memberships, which are mostly of few segments, and so of many people."""

LOST: Final = """
SELECT count(DISTINCT person.id)
  FROM workspace w
  JOIN change_set c ON c.workspace_id = w.id AND c.lost IS NOT NULL
                   AND c.at > clock_timestamp() - make_interval(mins => w.hold_minutes)
 CROSS JOIN unnest(c.lost) AS person(id)
 WHERE w.id = %(workspace_id)s AND NOT EXISTS (
       SELECT FROM membership m
        WHERE m.member_id = person.id AND m.until IS NULL
          AND EXISTS (SELECT FROM course_segment a WHERE a.segment_id = m.segment_id))
"""


BUILT_ON: Final = """
WITH RECURSIVE below AS (
    SELECT id AS top, id FROM segment WHERE id = ANY(%(segments)s::integer[])
    UNION
    SELECT b.top, CAST(inside.id AS integer)
      FROM below b JOIN segment s ON s.id = b.id
     CROSS JOIN jsonb_array_elements_text(s.builds_on) AS inside(id)
     WHERE s.workspace_id = %(workspace_id)s
)
SELECT top, array_agg(id) FROM below WHERE id <> top GROUP BY top
"""
"""Everything below segments that build on others."""


class Database(Protocol):
    """A transaction of the database, as far as it is asked here."""

    def execute(self, query: str, params: Any, /) -> Iterable[Any]:
        """The rows of a statement."""


def may_go(at_least: int, percent: int, people: int) -> int:
    """How many of these people may go unasked, by the settings of the workspace."""
    return max(at_least, people * percent // 100)


@dataclass(frozen=True, slots=True)
class Excess:
    """What was found to be too much: `counted` people of `people`, where `most` may go."""

    most: int
    people: int
    counted: int


@dataclass(slots=True)
class Withheld:
    """What waits: by pair the hold it belongs to (a segment's id, or WORKSPACE). `opened` are holds
    that were not there. `lost` are the people who lose their last segment all the same."""

    pairs: dict[Pair, int] = field(default_factory=dict)
    opened: dict[int, Excess] = field(default_factory=dict)
    open: dict[int, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)

    def forget(self, released: Iterable[Pair]) -> bool:
        """Drop what need not wait, because something it follows from does; whether there was any.
        Of a segment whose hold would have been opened for such, all is counted again."""
        unneeded = self.pairs.keys() & set(released)
        again = {self.pairs[pair] for pair in unneeded} & self.opened.keys() - {WORKSPACE}
        self.pairs = {
            pair: hold
            for pair, hold in self.pairs.items()
            if hold not in again and pair not in unneeded
        }
        for hold in again:
            del self.opened[hold]
        return bool(unneeded)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database says of the removals of a plan; of segments, only those followed."""

    people: int
    percent: int
    open: Mapping[int, int]
    removed: Mapping[int, int]
    lost: int
    has: Mapping[int, AbstractSet[int]] | None
    attached: AbstractSet[int]


def withhold(
    db: Database,
    workspace_id: int,
    plan: Plan,
    replan: Callable[[Collection[Pair]], Plan],
) -> tuple[Plan, Withheld]:
    """The plan without what has to wait; the guard's lock is held. It is made again until nothing
    more has to, because segments may ask for others."""
    found = Withheld()
    plan = undecided(db, workspace_id, plan)
    while more := waiting_in(db, workspace_id, plan, found):
        found.pairs.update(more)
        plan = replan(found.pairs)
        if found.forget(plan.released):
            plan = replan(found.pairs)
        plan = undecided(db, workspace_id, plan)
    return plan, found


def waiting_in(db: Database, workspace_id: int, plan: Plan, found: Withheld) -> dict[Pair, int]:
    """What of a plan has to wait besides what has been `found`; nothing, once that is all. Whoever
    asks makes the plan again."""
    found.lost = []
    if not plan.by_rule:
        return {}
    counts = _counts(db, workspace_id, plan)
    found.open = {**found.open, **counts.open}
    return _Counting(db, workspace_id, counts, found).waiting(plan)


def undecided(db: Database, workspace_id: int, plan: Plan) -> Plan:
    """The plan, in which nobody leaves a segment by rule alone who leaves one it builds on by a
    decision: who decided that, decided what follows."""
    decided: dict[int, set[int]] = defaultdict(set)
    if len(plan.by_rule) < len(plan.removed):
        by_rule = frozenset(plan.by_rule)
        for member, segment in plan.removed:
            if (member, segment) not in by_rule:
                decided[member].add(segment)
    segments = sorted({segment for member, segment in plan.by_rule if member in decided})
    if not segments:
        return plan
    asked = {"workspace_id": workspace_id, "segments": array(segments)}
    below = {id: frozenset(those) for id, those in db.execute(BUILT_ON, asked)}
    left = [
        (member, segment)
        for member, segment in plan.by_rule
        if decided.get(member, NOTHING).isdisjoint(below.get(segment, NOTHING))
    ]
    return replace(plan, by_rule=left)


def _counts(db: Database, workspace_id: int, plan: Plan) -> Counts:
    leaving = {member for member, _ in plan.by_rule}
    is_many = len(leaving) > MOST_AT_ONCE
    asked = {
        "workspace_id": workspace_id,
        "segments": array(sorted({segment for _, segment in plan.by_rule})),
        "people": array(() if is_many else sorted(leaving)),
        "added": array(sorted({segment for _, segment in plan.added})),
        "leaving": len(plan.by_rule),
    }
    [(people, percent, opened, removed, lost, has, attached)] = db.execute(COUNTS, asked)
    return Counts(
        people,
        percent,
        of_segments(opened or {}),
        of_segments(removed or {}),
        int(lost),
        None if is_many else _read(has),
        frozenset(attached),
    )


def _read(has: Mapping[str, list[int]] | None) -> dict[int, AbstractSet[int]]:
    return {id: frozenset(those) for id, those in of_segments(has or {}).items()}


@dataclass(frozen=True, slots=True)
class _Counting:
    """One look at a plan."""

    db: Database
    workspace_id: int
    counts: Counts
    found: Withheld

    def waiting(self, plan: Plan) -> dict[Pair, int]:
        """The removals that have to wait, too, and the hold of each."""
        by_segment: dict[int, list[Pair]] = defaultdict(list)
        for pair in plan.by_rule:
            if pair[1] in self.counts.removed:
                by_segment[pair[1]].append(pair)
        waiting: dict[Pair, int] = {}
        for segment_id, those in by_segment.items():
            if self._covers(segment_id, partial(self._of, segment_id, len(those))):
                waiting.update((pair, segment_id) for pair in those)
        left = [pair for those in by_segment.values() for pair in those if pair not in waiting]
        lost = self._lost(plan, left, waiting)
        if lost and self._covers(WORKSPACE, partial(self._of_all, len(lost))):
            waiting.update((pair, WORKSPACE) for pair in left if pair[0] in lost)
        elif not waiting:
            self.found.lost = sorted(lost)
        return waiting

    def _covers(self, hold: int, asked: Callable[[], Excess | None]) -> bool:
        """Whether such a hold is open, or has to be opened."""
        if hold in self.found.open or hold in self.found.opened:
            return True
        excess = asked()
        if excess is not None:
            self.found.opened[hold] = excess
        return excess is not None

    def _lost(self, plan: Plan, left: Iterable[Pair], waiting: Mapping[Pair, int]) -> set[int]:
        """Who is in no segment that is attached to a course any more."""
        people = {member for member, _ in left}
        has = self.counts.has if people else {}
        if has is None:
            has = _read(self._one(_HAS, people=array(sorted(people))))
        after = {id: set(has.get(id, NOTHING)) for id in people}
        for member, segment in plan.removed:
            if member in people and (member, segment) not in waiting:
                after[member].discard(segment)
        for member, segment in plan.added:
            if member in people and segment in self.counts.attached:
                after[member].add(segment)
        return {id for id, those in after.items() if not those}

    def _of(self, segment_id: int, leaving: int) -> Excess | None:
        """Whether these are too many of a segment. People are counted only up to how many there
        have to be, so it costs what leaves, not what stays."""
        gone = self.counts.removed[segment_id]
        counted = gone + leaving
        if counted <= self.counts.people:
            return None
        most = self._needed(counted) - gone if self.counts.percent else None
        people = gone + int(self._one(IN_SEGMENT, segment_id=segment_id, most=most))
        return self._excess(counted, people)

    def _of_all(self, leaving: int) -> Excess | None:
        """The same of the workspace. Those who came back are looked for only where it matters."""
        at_most = self.counts.lost + leaving
        if at_most <= self.counts.people:
            return None
        present = self._present(self._needed(at_most) if self.counts.percent else None)
        if self._excess(at_most, present) is None:
            return None
        gone = int(self._one(LOST, workspace_id=self.workspace_id))
        return self._excess(gone + leaving, present + gone)

    def _present(self, enough: int | None) -> int:
        """How many are in any segment of a course; counted until there are `enough`, by looking at
        ever more memberships."""
        rows = None if enough is None else 4 * enough
        while True:
            asked = {"workspace_id": self.workspace_id, "rows": rows}
            [(people, seen)] = self.db.execute(IN_ANY, asked)
            if rows is None or enough is None or seen < rows or people >= enough:
                return int(people)
            rows *= 8

    def _needed(self, counted: int) -> int:
        """Of how many people so many may go."""
        return -(-counted * 100 // self.counts.percent)

    def _excess(self, counted: int, people: int) -> Excess | None:
        most = may_go(self.counts.people, self.counts.percent, people)
        return Excess(most, people, counted) if counted > most else None

    def _one(self, statement: str, **asked: Any) -> Any:
        [(said,)] = self.db.execute(statement, asked)
        return said
