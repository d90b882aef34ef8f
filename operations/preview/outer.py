"""Segments that build on the one that changes: who comes into them with it, and who leaves."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.segments import Segment, SegmentState
from operations import relations
from operations.preview.above import asked_of, with_above
from operations.preview.people import BETWEEN, GROUPS, LINE, Moved, following, moved, people_by
from sync_engine.layers import depths
from sync_engine.plan import Pair
from sync_engine.rules import (
    MEMBER_OF,
    RELATIONS,
    Catalog,
    InvalidRule,
    Rule,
    attributes_used,
    compile,
    from_document,
    related_ids,
)
from sync_engine.snapshot import array

Waiting = Mapping[int, AbstractSet[int]]
"""The people whose removal waits, by segment."""

NOBODY_WAITS: Final[Waiting] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outer:
    """An active segment whose rule asks about people of another one."""

    id: int
    rule: Rule


async def outer_segments(
    db: AsyncSession, workspace_id: int, segment_id: int, catalog: Catalog
) -> list[Outer]:
    """Those that build on a segment, in however many steps: each after those it builds on. What is
    not ACTIVE, or cannot be read, keeps whom it has, and so nothing follows through it."""
    inner = await relations.inner_of_all(db, workspace_id)
    ids, reached = list[int](), {segment_id}
    for id, _ in sorted(depths(inner).items(), key=lambda each: each[1]):
        if not reached.isdisjoint(inner[id]):
            ids.append(id)
            reached.add(id)
    if not ids:
        return []
    rows = await db.execute(
        select(Segment.id, Segment.rule).where(
            Segment.id.in_(ids), Segment.state == SegmentState.ACTIVE
        )
    )
    rules = {id: _read(document, catalog) for id, document in rows}
    return [Outer(id, rule) for id in ids if (rule := rules.get(id)) is not None]


def _read(document: Any, catalog: Catalog) -> Rule | None:
    try:
        return from_document(document, catalog)
    except InvalidRule:
        return None


@dataclass(slots=True)
class _Shifts:
    """By person, the segments they come into and those they leave."""

    comes: dict[int, set[str]] = field(default_factory=dict)
    leaves: dict[int, set[str]] = field(default_factory=dict)

    def add(self, segment_id: int, found: Moved) -> None:
        for ids, shifts in ((found.added, self.comes), (found.removed, self.leaves)):
            for id in ids:
                shifts.setdefault(id, set()).add(str(segment_id))

    def people(self) -> set[int]:
        return self.comes.keys() | self.leaves.keys()

    def applied(self, lines: str | None, place: int, asked: set[str]) -> str | None:
        """The lines, with the segments people are in afterwards at a place of them."""
        if lines is None:
            return None
        return LINE.join(self._applied(line, place, asked) for line in lines.split(LINE))

    def _applied(self, line: str, place: int, asked: set[str]) -> str:
        said = line.split(BETWEEN)
        id, within = int(said[0]), set(orjson.loads(said[place]) if said[place] else ())
        within = (within | self.comes.get(id, set()) & asked) - self.leaves.get(id, set())
        said[place] = orjson.dumps(sorted(within, key=int)).decode() if within else ""
        return BETWEEN.join(said)


@dataclass(frozen=True, slots=True)
class Outside:
    """Who moves in the segments that build on one, by segment; of the people concerned alone.
    `unneeded` removals would wait, did nothing else that waits keep these people in."""

    moves: Mapping[int, Moved] = field(default_factory=dict)
    unneeded: frozenset[Pair] = frozenset()


async def moved_outside(
    db: AsyncSession,
    about: Mapping[str, Any],
    found: Moved,
    catalog: Catalog,
    today: dt.date,
    *,
    waiting: Waiting = NOBODY_WAITS,
) -> Outside:
    """What follows from who moves in one segment, while removals of the others are `waiting`."""
    if not found.added and not found.removed:
        return Outside(unneeded=_pairs(waiting))
    workspace_id, segment_id = about["workspace_id"], about["segment_id"]
    shifts, moves = _Shifts(), dict[int, Moved]()
    unneeded: dict[int, AbstractSet[int]] = {}
    shifts.add(segment_id, found)
    for outer in await outer_segments(db, workspace_id, segment_id, catalog):
        attributes = sorted(attributes_used(outer.rule))
        inner = related_ids(outer.rule, MEMBER_OF)
        asked: dict[str, Any] = {
            "workspace_id": workspace_id,
            "segment_id": outer.id,
            "inner": sorted(inner),
            "people": array(shifts.people()),
            **{f"a{n}": name for n, name in enumerate(attributes) if name not in _APART},
        }
        statement = people_by(attributes, everybody=True, some=True)
        lines = (await db.execute(statement, asked)).scalar_one()
        lines = await with_above(db, workspace_id, lines, attributes, asked_of(outer.rule))
        place = 4 + attributes.index(MEMBER_OF)
        lines = await asyncio.to_thread(shifts.applied, lines, place, set(map(str, inner)))
        wanted = following(compile(outer.rule), today)
        outside = await asyncio.to_thread(moved, lines, attributes, catalog, wanted)
        unneeded[outer.id] = waiting.get(outer.id, frozenset()) - outside.removed
        moves[outer.id] = outside.keeping(waiting.get(outer.id, frozenset()))
        shifts.add(outer.id, moves[outer.id])
    return Outside(moves, _pairs(unneeded))


def _pairs(people: Waiting) -> frozenset[Pair]:
    return frozenset((id, segment_id) for segment_id, ids in people.items() for id in ids)


_APART = (GROUPS, *RELATIONS)
