"""The form of a rule: what is left of it when order, spelling and doubled clauses are left out.

Rules of one form are true of the same people, at any time. The reverse does not hold: telling for
all rules whether they are the same is beyond a form (see proving.py).
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from sync_engine.rules.dates import months_and_days
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
    Value,
    expected,
    operator_of,
    values_of,
)
from sync_engine.rules.operators import Comparison, Listing, Presence

Form: TypeAlias = tuple[Any, ...]

EVERYBODY: Final[Form] = ("everybody",)
NOBODY: Final[Form] = ("nobody",)

_ONE_OF: Final = {
    Comparison.EQ: ("one of", False),
    Comparison.NE: ("one of", True),
    Listing.IN: ("one of", False),
    Listing.NOT_IN: ("one of", True),
    Comparison.HAS: ("holds one of", False),
    Listing.HAS_ANY: ("holds one of", False),
    Listing.HAS_NONE: ("holds one of", True),
}
"""What an operator asks, and whether it denies it."""

_JOINED: Final = {
    "any": {"one of": False, "holds one of": False},
    "all": {"one of": True, "holds one of": True},
}
"""By group: of which questions the values can be put together, if they are so denied or not."""


def form_of(rule: Rule, *, denied: bool = False) -> Form:
    """The form of the rule, or of its denial."""
    if isinstance(rule, Everyone):
        return NOBODY if denied else EVERYBODY
    if isinstance(rule, Not):
        return form_of(rule.rule, denied=not denied)
    if isinstance(rule, All | Any_):
        kind = "all" if isinstance(rule, All) is not denied else "any"
        return _group(kind, (form_of(each, denied=denied) for each in rule.rules))
    clause: object = rule
    if isinstance(clause, Compare | Listed | Between | Known):
        return _leaf(clause, denied)
    return ("other", denied, repr(rule))


def _group(kind: str, members: Iterable[Form]) -> Form:
    decides, neutral = (NOBODY, EVERYBODY) if kind == "all" else (EVERYBODY, NOBODY)
    found: set[Form] = set()
    for each in members:
        found.update(each[1] if each[0] == kind else (each,))
    found.discard(neutral)
    if decides in found:
        return decides
    joined = _joined(kind, found)
    if len(joined) < 2:
        return joined[0] if joined else neutral
    return (kind, joined)


def _joined(kind: str, found: set[Form]) -> tuple[Form, ...]:
    """The members in one order, `x eq a or x eq b` as one question with two values."""
    values: dict[Form, set[Form]] = {}
    rest: list[Form] = []
    for each in found:
        if each[0] == "clause" and _JOINED[kind].get(each[3]) is each[2]:
            values.setdefault(each[:4], set()).update(each[4])
        else:
            rest.append(each)
    rest += [(*asked, tuple(sorted(its))) for asked, its in values.items()]
    return tuple(sorted(rest, key=repr))


def _leaf(leaf: Leaf, denied: bool) -> Form:
    operator = operator_of(leaf)
    if isinstance(leaf, Between):
        ends = ((Comparison.GE, leaf.low), (Comparison.LE, leaf.high))
        parts = (_clause(leaf, denied, operator, [value]) for operator, value in ends)
        return _group("any" if denied else "all", parts)
    if operator is Listing.HAS_ALL:
        each = (_clause(leaf, denied, "holds one of", [value]) for value in values_of(leaf))
        return _group("any" if denied else "all", each)
    if isinstance(leaf, Known):
        return _clause(leaf, denied is (operator is Presence.PRESENT), "present", [])
    question, denies = _ONE_OF.get(operator, (operator.value, False))
    return _clause(leaf, denied is not denies, question, values_of(leaf))


def _clause(leaf: Leaf, denied: bool, question: str, values: Iterable[Value]) -> Form:
    said = tuple(sorted({_value(leaf, value) for value in values}))
    return ("clause", leaf.attribute, denied, str(question), said)


def _value(leaf: Leaf, value: Value) -> Form:
    if isinstance(value, Now):
        months, days = months_and_days(value.offset)
        return ("now", f"{months} {days}")
    wanted = expected(leaf.type, value)
    return (type(wanted).__name__, str(wanted))
