"""A rule as alternatives of conjunctions, and the equalities by which a conjunction is found."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias, assert_never

from sync_engine.rules.attributes import AttributeType
from sync_engine.rules.nodes import (
    All,
    Any_,
    Between,
    Compare,
    Everyone,
    Known,
    Leaf,
    Listed,
    Literal,
    Not,
    Now,
    Rule,
    expected,
)
from sync_engine.rules.operators import Comparison, Listing, Presence

MOST_CONJUNCTIONS: Final = 64

Conjunction: TypeAlias = tuple[Rule, ...]
"""Clauses, and denials of clauses, that are all true; the empty one is true of everybody."""


@dataclass(frozen=True, slots=True)
class Equalities:
    """A clause is true only of people whose attribute equals, or holds, one of these values.

    `are_enough` says that it is then true indeed, so that nothing is left to check.
    """

    attribute: str
    values: frozenset[Literal]
    are_enough: bool
    is_boolean: bool


def conjunctions(rule: Rule, *, denied: bool = False) -> list[Conjunction] | None:
    """The disjunctive normal form of the rule, or of its denial; None beyond 64 conjunctions."""
    match rule:
        case Everyone():
            return [] if denied else [()]
        case Not(inner):
            return conjunctions(inner, denied=not denied)
        case All(rules) | Any_(rules):
            parts = [conjunctions(each, denied=denied) for each in rules]
            if isinstance(rule, All) is denied:
                return _alternatives(parts)
            return _combinations(parts)
        case Compare() | Listed() | Between() | Known():
            return [(opposite(rule) if denied else rule,)]
    assert_never(rule)


def _alternatives(parts: Iterable[list[Conjunction] | None]) -> list[Conjunction] | None:
    found: list[Conjunction] = []
    for part in parts:
        if part is None:
            return None
        found += part
    found = list(dict.fromkeys(_merged(found)))
    return found if len(found) <= MOST_CONJUNCTIONS else None


def _combinations(parts: Iterable[list[Conjunction] | None]) -> list[Conjunction] | None:
    found: list[Conjunction] = [()]
    for part in parts:
        if part is None or len(found) * len(part) > MOST_CONJUNCTIONS:
            return None
        found = [tuple(dict.fromkeys((*one, *other))) for one, other in product(found, part)]
    return found


def _merged(found: Iterable[Conjunction]) -> Iterable[Conjunction]:
    """Alternatives `x eq a`, `x in [b,c]` as one `x in [a,b,c]`: long lists of them stay small."""
    lists: dict[str, Listed] = {}
    for conjunction in found:
        listed = _as_listed(conjunction)
        if listed is None:
            yield conjunction
            continue
        known = lists.get(listed.attribute)
        values = (known.values if known else ()) + listed.values
        lists[listed.attribute] = Listed(listed.attribute, listed.type, listed.operator, values)
    yield from ((listed,) for listed in lists.values())


def _as_listed(conjunction: Conjunction) -> Listed | None:
    """An attribute has one type, so all its lists have one operator: in, or hasAny for sets."""
    match conjunction:
        case (Compare(attribute, type, Comparison.EQ, value),) if not isinstance(value, Now):
            return Listed(attribute, type, Listing.IN, (value,))
        case (Compare(attribute, type, Comparison.HAS, value),) if not isinstance(value, Now):
            return Listed(attribute, type, Listing.HAS_ANY, (value,))
        case (Listed(_, _, Listing.IN | Listing.HAS_ANY) as listed,):
            return listed
        case _:
            return None


def opposite(leaf: Leaf) -> Rule:
    """The exact complement: the twin where there is one, else the denial."""
    match leaf:
        case Compare(attribute, type, Comparison.EQ, value):
            return Compare(attribute, type, Comparison.NE, value)
        case Compare(attribute, type, Comparison.NE, value):
            return Compare(attribute, type, Comparison.EQ, value)
        case Listed(attribute, type, operator, values) if operator in _TWINS:
            return Listed(attribute, type, _TWINS[operator], values)
        case Known(attribute, type, operator):
            is_present = operator is Presence.PRESENT
            return Known(attribute, type, Presence.ABSENT if is_present else Presence.PRESENT)
        case _:
            return Not(leaf)


_TWINS: Final = {
    Listing.IN: Listing.NOT_IN,
    Listing.NOT_IN: Listing.IN,
    Listing.HAS_ANY: Listing.HAS_NONE,
    Listing.HAS_NONE: Listing.HAS_ANY,
}


def equalities(rule: Rule) -> Equalities | None:
    """How people for whom a part of a conjunction can be true are found; None: not by equality."""
    match rule:
        case Compare(attribute, type, Comparison.EQ | Comparison.HAS, value):
            if isinstance(value, Now):
                return None
            return _equalities(attribute, type, (value,), are_enough=True)
        case Listed(attribute, type, Listing.IN | Listing.HAS_ANY, values):
            return _equalities(attribute, type, values, are_enough=True)
        case Listed(attribute, type, Listing.HAS_ALL, values):
            return _equalities(attribute, type, values[:1], are_enough=len(values) == 1)
        case _:
            return None


def _equalities(
    attribute: str, type: AttributeType, values: Iterable[Literal], *, are_enough: bool
) -> Equalities:
    return Equalities(
        attribute,
        frozenset(expected(type, value) for value in values),
        are_enough,
        type is AttributeType.BOOLEAN,
    )
