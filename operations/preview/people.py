"""Who is in a segment before and after a change.

People are gathered into those whom the rule cannot tell apart: with the same values of the
attributes it names. It is asked once of each gathering, so what it costs follows the values, not
the people; no index on facts is needed for that, and none could say whom a denial concerns.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import orjson
from sqlalchemy import TextClause, text

from models.people import MemberState
from sync_engine.plan import Held, Pins, difference
from sync_engine.rules import MEMBER_OF, OF_PEOPLE, Catalog, Check, Fact, Facts, from_json
from sync_engine.rules.index import collector_at_rest
from sync_engine.snapshot import belongs

GROUPS: Final = "groups"
"""The list that is not among the facts: the directory groups people are in."""

GONE: Final = "GONE"
INVITABLE: Final = "INVITABLE"
"""PENDING, with an address, and never invited."""

_IN: Final = frozenset({0})
"""The one segment there is for `plan.difference`, to which people are gatherings here."""

_NAMES_OF_GROUPS: Final = """
  LEFT JOIN (SELECT d.member_id, array_agg(DISTINCT g.folded_name ORDER BY g.folded_name) AS names
               FROM directory_group_member d JOIN directory_group g ON g.id = d.group_id
              WHERE d.workspace_id = :workspace_id GROUP BY d.member_id) AS g ON g.member_id = m.id
"""

_WITHIN: Final = """
  LEFT JOIN (SELECT w.member_id, array_agg(w.segment_id::text ORDER BY w.segment_id) AS segments
               FROM membership w
              WHERE w.until IS NULL AND w.segment_id = ANY(CAST(:inner AS integer[]))
              GROUP BY w.member_id) AS w ON w.member_id = m.id
"""
"""Which of the segments the rule asks about people are in."""

_BESIDE: Final = {
    GROUPS: "to_jsonb(g.names)",
    MEMBER_OF: "to_jsonb(w.segments)",
    **dict.fromkeys(sorted(OF_PEOPLE), "CAST(NULL AS jsonb)"),
}
"""Lists that are not among the facts; who is above people is filled in later."""

BETWEEN: Final = "\x1f"
LINE: Final = "\x1e"
"""Between values, and between people. In the text of JSON neither stands as it is."""

NAMED, PINNED_IN, PINNED_OUT, HELD, APPROVED = "n+-ha"
"""What stands beside the rule of a segment: letters, of which a person may have several."""


def people_by(attributes: Sequence[str], *, everybody: bool, some: bool = False) -> TextClause:
    """Everybody, or those in the segment, as lines of one text: number, standing, whether in it,
    what stands beside the rule, and the values of these attributes, which are the parameters a0, a1
    and so on. The statement depends on how many there are, not on their names. Of MEMBER_OF, the
    parameter `inner` says which segments are meant; of `some`, `people` says whom."""
    facts = [
        _BESIDE.get(name, f"m.facts -> CAST(:a{number} AS text)")
        for number, name in enumerate(attributes)
    ]
    values = "".join(f" || '{BETWEEN}' || coalesce(({each})::text, '')" for each in facts)
    return text(f"""
SELECT string_agg(m.id::text || '{BETWEEN}' ||
       CASE WHEN m.deleted_at IS NOT NULL THEN '{GONE}'
            WHEN m.state = 'PENDING' AND m.email IS NOT NULL
             AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = m.id) THEN '{INVITABLE}'
            ELSE m.state END || '{BETWEEN}' ||
       CASE WHEN c.member_id IS NULL THEN '' ELSE '1' END || '{BETWEEN}' ||
       CASE WHEN n.member_id IS NULL THEN '' ELSE '{NAMED}' END ||
       CASE p.is_in WHEN TRUE THEN '{PINNED_IN}' WHEN FALSE THEN '{PINNED_OUT}' ELSE '' END ||
       CASE h.is_approved WHEN TRUE THEN '{APPROVED}' WHEN FALSE THEN '{HELD}' ELSE '' END
       {values}, '{LINE}')
  FROM member m
  {"LEFT" if everybody else ""} JOIN membership c
    ON c.segment_id = :segment_id AND c.member_id = m.id AND c.until IS NULL
  LEFT JOIN segment_person n ON n.segment_id = :segment_id AND n.member_id = m.id
  LEFT JOIN membership_pin p ON p.segment_id = :segment_id AND p.member_id = m.id
  LEFT JOIN held_removal h ON h.segment_id = :segment_id AND h.member_id = m.id
  {_NAMES_OF_GROUPS if GROUPS in attributes else ""}
  {_WITHIN if MEMBER_OF in attributes else ""}
 WHERE m.workspace_id = :workspace_id AND (m.deleted_at IS NULL OR c.member_id IS NOT NULL)
   {"AND m.id = ANY(CAST(:people AS bigint[]))" if some else ""}
""")  # noqa: S608 - made of constants of ours and numbers


class Alike(NamedTuple):
    """People whom a rule cannot tell apart."""

    standing: str
    is_in: bool
    beside: str
    facts: Facts

    @property
    def pins(self) -> Pins:
        return _said(self.beside, PINNED_IN, PINNED_OUT)

    @property
    def held(self) -> Held:
        return _said(self.beside, APPROVED, HELD)


def _said(beside: str, yes: str, no: str) -> dict[int, bool]:
    """Of the one segment there is; nothing where neither letter is there."""
    return {0: yes in beside} if yes in beside or no in beside else {}


@dataclass(slots=True)
class Moved:
    """Who is in the segment before alone, after alone, and both; who of them is ACTIVE, and who
    would be invited; whom rules alone take out. Of everybody that was looked at: how many have no
    value of an attribute."""

    added: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    active: set[int] = field(default_factory=set)
    invitable: set[int] = field(default_factory=set)
    by_rule: set[int] = field(default_factory=set)
    people: int = 0
    without_value: Counter[str] = field(default_factory=Counter)

    @property
    def before(self) -> set[int]:
        return self.kept | self.removed

    @property
    def after(self) -> set[int]:
        return self.kept | self.added

    def keeping(self, waiting: AbstractSet[int]) -> "Moved":
        """The same while these, of those removed, stay."""
        if not waiting:
            return self
        return replace(
            self,
            removed=self.removed - waiting,
            kept=self.kept | self.removed & waiting,
            by_rule=self.by_rule - waiting,
        )


Wanted = Callable[[Alike], bool]
"""Whether people who can be in segments at all would be in this one."""


def following(check: Check, today: dt.date) -> Wanted:
    return lambda alike: check(alike.facts, today)


def named(alike: Alike) -> bool:
    return NAMED in alike.beside


@dataclass(slots=True)
class _Asked:
    """The gatherings by number: whom they are, how they stand, and who should be, and is, in."""

    ids: list[list[str]] = field(default_factory=list)
    standings: list[str] = field(default_factory=list)
    should: dict[int, AbstractSet[int]] = field(default_factory=dict)
    current: dict[int, AbstractSet[int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    pins: dict[int, Pins] = field(default_factory=dict)
    held: dict[int, Held] = field(default_factory=dict)


def moved(
    lines: str | None,
    attributes: Sequence[str],
    catalog: Catalog,
    wanted: Wanted | None,
) -> Moved:
    """What follows from the text of `people_by`. `wanted` None: the segment keeps whom it has."""
    result, asked = Moved(), _Asked()
    with collector_at_rest():
        reading = _Reading(attributes, catalog)
        for number, (said, ids) in enumerate(_gathered(lines).items()):
            alike = reading.alike(said)
            asked.ids.append(ids)
            asked.standings.append(alike.standing)
            _ask(asked, number, alike, wanted)
            if belongs(alike.standing):
                _count(result, alike, attributes, len(ids))
    frozen = _IN if wanted is None else frozenset[int]()
    plan = difference(
        asked.should,
        asked.current,
        frozen=frozen,
        gone=asked.gone,
        pins=asked.pins,
        held=asked.held,
    )
    added, removed, by_rule = (
        {number for number, _ in pairs} for pairs in (plan.added, plan.removed, plan.by_rule)
    )
    _take(result, asked, by_rule, result.by_rule)
    _take(result, asked, added, result.added)
    _take(result, asked, removed, result.removed)
    _take(result, asked, asked.current.keys() - removed, result.kept)
    return result


def _ask(asked: _Asked, number: int, alike: Alike, wanted: Wanted | None) -> None:
    if alike.is_in:
        asked.current[number] = _IN
    if alike.standing == GONE:
        asked.gone.add(number)
    elif belongs(alike.standing):
        is_wanted = wanted is not None and wanted(alike)
        asked.should[number] = _IN if is_wanted else frozenset()
    if pins := alike.pins:
        asked.pins[number] = pins
    if held := alike.held:
        asked.held[number] = held


def _count(result: Moved, alike: Alike, attributes: Sequence[str], people: int) -> None:
    if alike.standing != GONE:
        result.people += people
        for name in attributes:
            if name not in alike.facts:
                result.without_value[name] += people


def _take(result: Moved, asked: _Asked, numbers: Iterable[int], group: set[int]) -> None:
    listed: dict[str, list[str]] = {}
    for number in numbers:
        listed.setdefault(asked.standings[number], []).extend(asked.ids[number])
    for standing, texts in listed.items():
        ids = list(map(int, texts))
        group.update(ids)
        if standing == MemberState.ACTIVE:
            result.active.update(ids)
        elif standing == INVITABLE:
            result.invitable.update(ids)


def _gathered(lines: str | None) -> dict[str, list[str]]:
    """What is said of people, each with the numbers of those it is said of."""
    found: dict[str, list[str]] = {}
    for line in lines.split(LINE) if lines else ():
        id, _, said = line.partition(BETWEEN)
        known = found.get(said)
        if known is None:
            found[said] = [id]
        else:
            known.append(id)
    return found


class _Reading:
    """Turns what is said into facts. Each value of an attribute is read once."""

    def __init__(self, attributes: Sequence[str], catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: list[tuple[str, dict[str, Facts]]] = [(name, {}) for name in attributes]

    def alike(self, said: str) -> Alike:
        standing, is_in, beside, *values = said.split(BETWEEN)
        facts: dict[str, Fact] = {}
        for (name, known), value in zip(self._known, values, strict=True):
            if value:
                fact = known.get(value)
                if fact is None:
                    fact = known[value] = self._facts(name, value)
                facts.update(fact)
        return Alike(standing, bool(is_in), beside, facts)

    def _facts(self, name: str, value: str) -> Facts:
        """The one fact; none where the value does not fit."""
        if name in _BESIDE:
            return {name: frozenset(orjson.loads(value))}
        return from_json({name: orjson.loads(value)}, self._catalog)
