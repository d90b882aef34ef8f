"""The definition of truth: a rule, a person's facts and the engine clock make true or false.

Two-valued: a positive operator on an absent value is false, a negative operator is the exact
complement of its positive twin, and Not is the exact complement of its rule.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import assert_never

from sync_engine.rules.dates import shifted
from sync_engine.rules.facts import Fact, Facts
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
    Value,
    expected,
    values_of,
)
from sync_engine.rules.operators import Comparison, Listing, Presence


def matches(rule: Rule, facts: Facts, today: date) -> bool:
    match rule:
        case Everyone():
            return True
        case All(rules):
            return all(matches(each, facts, today) for each in rules)
        case Any_(rules):
            return any(matches(each, facts, today) for each in rules)
        case Not(inner):
            return not matches(inner, facts, today)
        case Compare() | Listed() | Between() | Known():
            return _holds(rule, facts.get(rule.attribute), today)
    assert_never(rule)


def _holds(leaf: Leaf, actual: Fact | None, today: date) -> bool:
    values = [_resolved(value, leaf, today) for value in values_of(leaf)]
    match leaf:
        case Compare(operator=operator):
            return _compares(operator, actual, values[0])
        case Listed(operator=operator):
            return _lists(operator, actual, values)
        case Between():
            return _at_most(values[0], actual) and _at_most(actual, values[1])
        case Known(operator=operator):
            return (actual is not None) is (operator is Presence.PRESENT)
    assert_never(leaf)


def _resolved(value: Value, leaf: Leaf, today: date) -> Literal:
    return shifted(today, value.offset) if isinstance(value, Now) else expected(leaf.type, value)


def _compares(operator: Comparison, actual: Fact | None, value: Literal) -> bool:
    match operator:
        case Comparison.EQ:
            return actual == value
        case Comparison.NE:
            return actual != value
        case Comparison.HAS:
            return isinstance(actual, frozenset) and value in actual
        case Comparison.STARTS_WITH | Comparison.ENDS_WITH | Comparison.CONTAINS:
            return _spells(operator, actual, value)
        case Comparison.LT | Comparison.LE:
            may_equal = operator is Comparison.LE
            return _at_most(actual, value) and (may_equal or actual != value)
        case Comparison.GT | Comparison.GE:
            may_equal = operator is Comparison.GE
            return _at_most(value, actual) and (may_equal or actual != value)
    assert_never(operator)


def _spells(operator: Comparison, actual: Fact | None, value: Literal) -> bool:
    if not (isinstance(actual, str) and isinstance(value, str)):
        return False
    if operator is Comparison.STARTS_WITH:
        return actual.startswith(value)
    if operator is Comparison.ENDS_WITH:
        return actual.endswith(value)
    return value in actual


def _lists(operator: Listing, actual: Fact | None, values: Sequence[Literal]) -> bool:
    match operator:
        case Listing.IN:
            return actual in values
        case Listing.NOT_IN:
            return actual not in values
        case Listing.HAS_ANY:
            return isinstance(actual, frozenset) and any(each in actual for each in values)
        case Listing.HAS_ALL:
            return isinstance(actual, frozenset) and all(each in actual for each in values)
        case Listing.HAS_NONE:
            return not (isinstance(actual, frozenset) and any(each in actual for each in values))
    assert_never(operator)


def _at_most(one: Fact | None, other: Fact | None) -> bool:
    """Whether both are numbers, or both dates, and the first is not the greater."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one <= other
    return isinstance(one, date) and isinstance(other, date) and one <= other
