"""Who is in a segment before and after a change.

People are read as groups of those whom the rule cannot tell apart: with the same values of the
attributes it names. It is then asked once a group, so its cost follows the values, not the people;
no index on facts is needed for that, and none could say whom a denial concerns.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import TextClause, text

from models.people import MemberState
from sync_engine.plan import difference
from sync_engine.rules import Catalog, Check, Facts, from_json
from sync_engine.snapshot import belongs

GROUPS: Final = "groups"
"""The list that is not among the facts: the directory groups people are in."""

GONE: Final = "GONE"
INVITABLE: Final = "INVITABLE"
"""PENDING, with an address, and never invited."""

_SEGMENT: Final = 0
"""The one segment there is, for `plan.difference`; people are groups there."""

_NAMES_OF_GROUPS: Final = """
  LEFT JOIN (SELECT d.member_id, array_agg(DISTINCT g.folded_name ORDER BY g.folded_name) AS names
               FROM directory_group_member d JOIN directory_group g ON g.id = d.group_id
              WHERE d.workspace_id = :workspace_id GROUP BY d.member_id) AS g ON g.member_id = m.id
"""


def people_by(attributes: Sequence[str], *, everybody: bool) -> TextClause:
    """Everybody, or those in the segment, as groups with the same values of these attributes, which
    are the parameters a0, a1 and so on. The text depends on how many there are, not on names."""
    facts = [
        "g.names" if name == GROUPS else f"m.facts -> CAST(:a{number} AS text)"
        for number, name in enumerate(attributes)
    ]
    keys = ", ".join(str(place + 1) for place in range(3 + len(facts)))
    return text(f"""
SELECT CASE WHEN m.deleted_at IS NOT NULL THEN '{GONE}'
            WHEN m.state = 'PENDING' AND m.email IS NOT NULL
             AND NOT EXISTS (SELECT FROM invitation i WHERE i.member_id = m.id) THEN '{INVITABLE}'
            ELSE m.state END,
       c.member_id IS NOT NULL, n.member_id IS NOT NULL,
       {"".join(f"{each}, " for each in facts)} string_agg(m.id::text, ',')
  FROM member m
  {"LEFT" if everybody else ""} JOIN membership c
    ON c.segment_id = :segment_id AND c.member_id = m.id AND c.until IS NULL
  LEFT JOIN segment_person n ON n.segment_id = :segment_id AND n.member_id = m.id
  {_NAMES_OF_GROUPS if GROUPS in attributes else ""}
 WHERE m.workspace_id = :workspace_id AND (m.deleted_at IS NULL OR c.member_id IS NOT NULL)
 GROUP BY {keys}
""")  # noqa: S608 - made of constants of ours and numbers


class Alike(NamedTuple):
    """People whom a rule cannot tell apart."""

    standing: str
    is_in: bool
    is_named: bool
    facts: Facts
    ids: frozenset[int]


@dataclass(slots=True)
class Moved:
    """Who is in the segment before alone, after alone, and both; who of them is ACTIVE, and who
    would be invited. Of everybody that was looked at: how many have no value of an attribute."""

    added: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    active: set[int] = field(default_factory=set)
    invitable: set[int] = field(default_factory=set)
    people: int = 0
    without_value: Counter[str] = field(default_factory=Counter)

    @property
    def before(self) -> set[int]:
        return self.kept | self.removed

    @property
    def after(self) -> set[int]:
        return self.kept | self.added


Wanted = Callable[[Alike], bool]
"""Whether people who can be in segments at all would be in this one."""


def following(check: Check, today: dt.date) -> Wanted:
    return lambda alike: check(alike.facts, today)


def named(alike: Alike) -> bool:
    return alike.is_named


def moved(
    rows: Sequence[Sequence[Any]],
    attributes: Sequence[str],
    catalog: Catalog,
    wanted: Wanted | None,
) -> Moved:
    """What follows from rows of `people_by`. `wanted` None: the segment keeps whom it has."""
    found = [_alike(row, attributes, catalog) for row in rows]
    should: dict[int, set[int]] = {
        number: {_SEGMENT}
        for number, alike in enumerate(found)
        if wanted is not None and _belongs(alike) and wanted(alike)
    }
    plan = difference(
        should,
        {number: {_SEGMENT} for number, alike in enumerate(found) if alike.is_in},
        frozen={_SEGMENT} if wanted is None else frozenset(),
        gone={number for number, alike in enumerate(found) if alike.standing == GONE},
    )
    added, removed = ({number for number, _ in pairs} for pairs in (plan.added, plan.removed))
    result = Moved()
    for number, alike in enumerate(found):
        _count(result, alike, attributes)
        if number in added:
            result.added |= alike.ids
        elif number in removed:
            result.removed |= alike.ids
        elif alike.is_in:
            result.kept |= alike.ids
        else:
            continue
        if alike.standing == MemberState.ACTIVE:
            result.active |= alike.ids
        elif alike.standing == INVITABLE:
            result.invitable |= alike.ids
    return result


def _belongs(alike: Alike) -> bool:
    return belongs(None if alike.standing == GONE else alike.standing)


def _alike(row: Sequence[Any], attributes: Sequence[str], catalog: Catalog) -> Alike:
    standing, is_in, is_named, *values, ids = row
    said = dict(zip(attributes, values, strict=True))
    groups = said.pop(GROUPS, None)
    facts = from_json(said, catalog)
    if groups:
        facts[GROUPS] = frozenset(groups)
    return Alike(standing, is_in, is_named, facts, frozenset(map(int, ids.split(","))))


def _count(result: Moved, alike: Alike, attributes: Sequence[str]) -> None:
    if _belongs(alike):
        result.people += len(alike.ids)
        for name in attributes:
            if name not in alike.facts:
                result.without_value[name] += len(alike.ids)
