"""The rule as data. A new kind of rule is a new dataclass here; the type checker then lists the
places that must learn it: each ends in assert_never."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias, assert_never

from sync_engine.rules.attributes import AttributeType
from sync_engine.rules.operators import Comparison, Listing, Operator, Presence, Span
from sync_engine.rules.values import folded


@dataclass(frozen=True, slots=True)
class Now:
    """The engine clock moved by a calendar duration ("-P90D", "P1Y6M"); "P0D" is the clock."""

    offset: str


Literal: TypeAlias = str | Decimal | bool | date
"""In its author's spelling; `expected` gives what facts are compared with."""

Value: TypeAlias = Literal | Now


@dataclass(frozen=True, slots=True)
class Everyone:
    """True of every person: said aloud, because an empty rule is refused."""


@dataclass(frozen=True, slots=True)
class All:
    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - Any is taken by typing
    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    rule: "Rule"


@dataclass(frozen=True, slots=True)
class Compare:
    attribute: str
    type: AttributeType
    operator: Comparison
    value: Value


@dataclass(frozen=True, slots=True)
class Listed:
    attribute: str
    type: AttributeType
    operator: Listing
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Between:
    attribute: str
    type: AttributeType
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the attribute has a value at all."""

    attribute: str
    type: AttributeType
    operator: Presence


Leaf: TypeAlias = Compare | Listed | Between | Known
Rule: TypeAlias = Everyone | All | Any_ | Not | Leaf


def operator_of(leaf: Leaf) -> Operator:
    match leaf:
        case Compare(operator=operator) | Listed(operator=operator) | Known(operator=operator):
            return operator
        case Between():
            return Span.BETWEEN
    assert_never(leaf)


def values_of(leaf: Leaf) -> tuple[Value, ...]:
    match leaf:
        case Compare(value=value):
            return (value,)
        case Listed(values=values):
            return values
        case Between(low=low, high=high):
            return (low, high)
        case Known():
            return ()
    assert_never(leaf)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """The clauses, from left to right. Everyone is none of them: it asks nothing of a person."""
    match rule:
        case Everyone():
            return
        case All(rules) | Any_(rules):
            for each in rules:
                yield from leaves(each)
        case Not(inner):
            yield from leaves(inner)
        case Compare() | Listed() | Between() | Known():
            yield rule
        case _:
            assert_never(rule)


def attributes_used(rule: Rule) -> set[str]:
    return {leaf.attribute for leaf in leaves(rule)}


def related_ids(rule: Rule, relation: str) -> set[int]:
    """The ids that the clauses about this relation name."""
    return {
        int(str(value))
        for leaf in leaves(rule)
        if leaf.attribute == relation
        for value in values_of(leaf)
    }


def expected(type: AttributeType, literal: Literal) -> Literal:
    """What a fact is compared with: the literal, folded where its attribute's facts are."""
    if isinstance(literal, str) and type in (AttributeType.STRING, AttributeType.STRING_LIST):
        return folded(literal)
    return literal
