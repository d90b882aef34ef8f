"""Whether clauses about one attribute contradict each other.

A literal is a clause, or its denial. `contradict` says yes only where no value, no absence of one
and no day of the clock makes all of them true; where it cannot tell it says no.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise, product
from typing import Any, Final, TypeAlias

from sync_engine.rules.attributes import AttributeType
from sync_engine.rules.compile import Check, compile
from sync_engine.rules.dates import least_gap
from sync_engine.rules.facts import Fact, Facts
from sync_engine.rules.nodes import (
    Between,
    Compare,
    Known,
    Leaf,
    Now,
    expected,
    operator_of,
    values_of,
)
from sync_engine.rules.operators import Comparison, Listing, Presence

Literal: TypeAlias = tuple[Leaf, bool]
"""A clause, and whether it is denied."""

SOME_DAY: Final = date(2024, 2, 29)
"""Clauses that are asked about single values name no clock, or the value is absent."""

_ENOUGH_DIGITS: Final = 100
_TEXTS: Final = (AttributeType.STRING, AttributeType.IDENTIFIER, AttributeType.REFERENCE)


def contradict(literals: frozenset[Literal]) -> bool:
    """Whether these, all about one attribute, can never be true together."""
    if any((leaf, not denied) in literals for leaf, denied in literals):
        return True
    if _all_hold(literals, None):
        return False
    if any((leaf.operator is Presence.PRESENT) is denied for leaf, denied in _known(literals)):
        return True
    fixed = [each for each in literals if not _names_the_clock(each[0])]
    type = next(iter(literals))[0].type
    named = _named(fixed)
    if type is AttributeType.BOOLEAN or named is not None:
        return not any(_all_hold(fixed, value) for value in named or (True, False))
    if type is AttributeType.STRING_LIST:
        return _sets_contradict(literals)
    if type in _TEXTS:
        return _spellings_contradict(literals)
    if not any(_all_hold(fixed, point) for point in _points(fixed, type)):
        return True
    return _clocks_contradict(literals)


def _all_hold(literals: Iterable[Literal], fact: Fact | None) -> bool:
    return all(
        _check(leaf)(_facts(leaf, fact), SOME_DAY) is not denied for leaf, denied in literals
    )


def _facts(leaf: Leaf, fact: Fact | None) -> Facts:
    return {} if fact is None else {leaf.attribute: fact}


@lru_cache(maxsize=4096)
def _check(leaf: Leaf) -> Check:
    return compile(leaf)


def _known(literals: Iterable[Literal]) -> Iterator[tuple[Known, bool]]:
    return ((leaf, denied) for leaf, denied in literals if isinstance(leaf, Known))


def _names_the_clock(leaf: Leaf) -> bool:
    return any(isinstance(value, Now) for value in values_of(leaf))


def _named(literals: Iterable[Literal]) -> list[Fact] | None:
    """The only values the attribute can have, where a clause names them."""
    for leaf, denied in literals:
        positive = (Comparison.NE, Listing.NOT_IN) if denied else (Comparison.EQ, Listing.IN)
        if operator_of(leaf) in positive:
            return _wanted(leaf)
    return None


def _wanted(leaf: Leaf) -> list[Any]:
    values = values_of(leaf)
    return [expected(leaf.type, value) for value in values if not isinstance(value, Now)]


def _points(literals: Iterable[Literal], type: AttributeType) -> Iterator[Fact]:
    """Values such that, where one of all numbers or days makes the literals true, one of these
    does: what they name, and something between, below and above."""
    ends: list[Any] = sorted({value for leaf, _ in literals for value in _wanted(leaf)})
    if type is AttributeType.DATE:
        days = [each.toordinal() for each in ends] or [SOME_DAY.toordinal()]
        near = {day + step for day, step in product(days, (-1, 0, 1))}
        least, most = date.min.toordinal(), date.max.toordinal()
        yield from (date.fromordinal(day) for day in near if least <= day <= most)
        return
    ends = ends or [Decimal(0)]
    with localcontext(prec=_ENOUGH_DIGITS):
        between = [(one + other) / 2 for one, other in pairwise(ends)]
        yield from [*ends, *between, ends[0] - 1, ends[-1] + 1]


_FLIPPED: Final = {
    Comparison.LT: Comparison.GE,
    Comparison.GE: Comparison.LT,
    Comparison.LE: Comparison.GT,
    Comparison.GT: Comparison.LE,
    Comparison.NE: Comparison.EQ,
    Comparison.EQ: Comparison.NE,
}
"""What a denied comparison asks of a value that is there."""


def _clocks_contradict(literals: Iterable[Literal]) -> bool:
    """Whether a day would have to lie after one day of the clock and before an earlier one."""
    lower: set[tuple[str, bool]] = set()
    upper: set[tuple[str, bool]] = set()
    for operator, value in _bounds(literals):
        if isinstance(value, Now):
            is_strict = operator in (Comparison.GT, Comparison.LT)
            if operator in (Comparison.GE, Comparison.GT, Comparison.EQ):
                lower.add((value.offset, is_strict))
            if operator in (Comparison.LE, Comparison.LT, Comparison.EQ):
                upper.add((value.offset, is_strict))
    return any(
        least_gap(from_, until) + after + before > 0
        for (from_, after), (until, before) in product(lower, upper)
    )


def _bounds(literals: Iterable[Literal]) -> Iterator[tuple[Comparison, object]]:
    for leaf, denied in literals:
        match leaf:
            case Compare(operator=operator, value=value) if not denied:
                yield operator, value
            case Compare(operator=operator, value=value) if operator in _FLIPPED:
                yield _FLIPPED[operator], value
            case Between(low=low, high=high) if not denied:
                yield Comparison.GE, low
                yield Comparison.LE, high


def _sets_contradict(literals: Iterable[Literal]) -> bool:
    """Of a list: what it must hold, must not, at least one of which it must, and not all."""
    held: set[object] = set()
    shunned: set[object] = set()
    some: list[set[object]] = []
    not_all: list[set[object]] = []
    for leaf, denied in literals:
        if isinstance(leaf, Known):
            continue
        values, operator = set(_wanted(leaf)), operator_of(leaf)
        if operator is Listing.HAS_ALL:
            if denied:
                not_all.append(values)
            else:
                held |= values
        elif denied is (operator is Listing.HAS_NONE):
            some.append(values)
        else:
            shunned |= values
    return _cannot_hold(held, shunned, some, not_all)


def _cannot_hold(
    held: set[object], shunned: set[object], some: list[set[object]], not_all: list[set[object]]
) -> bool:
    known = -1
    while known != len(held) + len(shunned):
        known = len(held) + len(shunned)
        held |= _forced(some, held, shunned)
        shunned |= _forced(not_all, shunned, held)
        if held & shunned:
            return True
    return False


def _forced(choices: Iterable[set[object]], made: set[object], barred: set[object]) -> set[object]:
    """What each choice comes down to that is not made yet: the one value that is not barred, or,
    where all are, any of them."""
    found: set[object] = set()
    for values in choices:
        if not values & made:
            left = values - barred
            found |= left if len(left) == 1 else set() if left else values
    return found


def _spellings_contradict(literals: Iterable[Literal]) -> bool:
    """Of a text: beginnings, ends and pieces that do not go together."""
    asked: dict[tuple[object, bool], list[str]] = {}
    for leaf, denied in literals:
        if isinstance(leaf, Compare):
            asked.setdefault((leaf.operator, denied), []).extend(_wanted(leaf))
    begins = asked.get((Comparison.STARTS_WITH, False), [])
    ends = asked.get((Comparison.ENDS_WITH, False), [])
    holds = asked.get((Comparison.CONTAINS, False), [])
    return (
        any(not one.startswith(other) for other, one in pairwise(sorted(begins, key=len)))
        or any(not one.endswith(other) for other, one in pairwise(sorted(ends, key=len)))
        or _any_in(asked.get((Comparison.STARTS_WITH, True), []), begins, str.startswith)
        or _any_in(asked.get((Comparison.ENDS_WITH, True), []), ends, str.endswith)
        or _any_in(
            asked.get((Comparison.CONTAINS, True), []), [*begins, *ends, *holds], str.__contains__
        )
    )


def _any_in(denied: Iterable[str], texts: Iterable[str], has: Any) -> bool:
    return any(has(text, piece) for piece, text in product(denied, texts))
