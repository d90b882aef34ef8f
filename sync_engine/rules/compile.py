"""A rule as one function: the closures the engine evaluates with.

The rule and the facts it is asked about are made with the same catalog (see facts.py), so a
closure compares without looking at types.
"""

import operator as compare
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias, assert_never

from sync_engine.rules.dates import shifted
from sync_engine.rules.facts import Facts
from sync_engine.rules.nodes import (
    All,
    Any_,
    Between,
    Compare,
    Everyone,
    Known,
    Leaf,
    Listed,
    Not,
    Now,
    Rule,
    expected,
)
from sync_engine.rules.operators import Comparison, Listing, Presence

Check: TypeAlias = Callable[[Facts, date], bool]


def compile(rule: Rule) -> Check:
    match rule:
        case Everyone():
            return lambda facts, today: True
        case All(rules):
            return _all(tuple(map(compile, rules)))
        case Any_(rules):
            return _any(tuple(map(compile, rules)))
        case Not(inner):
            return _not(compile(inner))
        case Compare() | Listed() | Between() | Known():
            return _leaf(rule)
    assert_never(rule)


def _leaf(leaf: Leaf) -> Check:
    match leaf:
        case Compare():
            return _compare(leaf)
        case Listed():
            return _listed(leaf)
        case Between():
            return _between(leaf)
        case Known(attribute, _, Presence.PRESENT):
            return lambda facts, today: attribute in facts
        case Known(attribute):
            return lambda facts, today: attribute not in facts
    assert_never(leaf)


def _all(checks: tuple[Check, ...]) -> Check:
    def every(facts: Facts, today: date) -> bool:
        for check in checks:  # noqa: SIM110 - the hot path; all() makes a generator
            if not check(facts, today):
                return False
        return True

    if len(checks) == 2:
        one, other = checks
        return lambda facts, today: one(facts, today) and other(facts, today)
    return every


def _any(checks: tuple[Check, ...]) -> Check:
    def some(facts: Facts, today: date) -> bool:
        for check in checks:  # noqa: SIM110 - the hot path; any() makes a generator
            if check(facts, today):
                return True
        return False

    if len(checks) == 2:
        one, other = checks
        return lambda facts, today: one(facts, today) or other(facts, today)
    return some


def _not(check: Check) -> Check:
    return lambda facts, today: not check(facts, today)


def _compare(leaf: Compare) -> Check:
    name = leaf.attribute
    if isinstance(leaf.value, Now):
        return _compare_with_clock(name, leaf.operator, leaf.value.offset)
    value = expected(leaf.type, leaf.value)
    if leaf.operator is Comparison.EQ:
        return lambda facts, today: facts.get(name) == value
    if leaf.operator is Comparison.NE:
        return lambda facts, today: facts.get(name) != value
    test = _TESTS[leaf.operator]

    def compared(facts: Facts, today: date) -> bool:
        actual = facts.get(name)
        return actual is not None and test(actual, value)

    return compared


def _compare_with_clock(name: str, operator: Comparison, offset: str) -> Check:
    if operator is Comparison.NE:
        return lambda facts, today: facts.get(name) != shifted(today, offset)
    test = _TESTS[operator]

    def compared(facts: Facts, today: date) -> bool:
        actual = facts.get(name)
        return actual is not None and test(actual, shifted(today, offset))

    return compared


_TESTS: Final[Mapping[Comparison, Callable[[Any, Any], bool]]] = {
    Comparison.EQ: compare.eq,
    Comparison.NE: compare.ne,
    Comparison.STARTS_WITH: str.startswith,
    Comparison.ENDS_WITH: str.endswith,
    Comparison.CONTAINS: compare.contains,
    Comparison.HAS: compare.contains,
    Comparison.LT: compare.lt,
    Comparison.LE: compare.le,
    Comparison.GT: compare.gt,
    Comparison.GE: compare.ge,
}
"""Tests of a present fact against the value."""


def _listed(leaf: Listed) -> Check:
    name = leaf.attribute
    wanted = frozenset(expected(leaf.type, value) for value in leaf.values)
    misses: Callable[[Any], bool] = wanted.isdisjoint
    is_within: Callable[[Any], bool] = wanted.issubset
    nothing: frozenset[str] = frozenset()
    match leaf.operator:
        case Listing.IN:
            return lambda facts, today: facts.get(name) in wanted
        case Listing.NOT_IN:
            return lambda facts, today: facts.get(name) not in wanted
        case Listing.HAS_ANY:
            return lambda facts, today: not misses(facts.get(name, nothing))
        case Listing.HAS_NONE:
            return lambda facts, today: misses(facts.get(name, nothing))
        case Listing.HAS_ALL:
            return lambda facts, today: is_within(facts.get(name, nothing))
    assert_never(leaf.operator)


def _between(leaf: Between) -> Check:
    name = leaf.attribute
    low, high = _bound(leaf.low, leaf), _bound(leaf.high, leaf)

    def within(facts: Facts, today: date) -> bool:
        actual: Any = facts.get(name)
        return actual is not None and low(today) <= actual <= high(today)

    return within


def _bound(value: Any, leaf: Between) -> Callable[[date], Any]:
    if isinstance(value, Now):
        offset = value.offset
        return lambda today: shifted(today, offset)
    fixed = expected(leaf.type, value)
    return lambda today: fixed
