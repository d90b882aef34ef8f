"""Rules as text: the SCIM filter grammar (RFC 7644 §3.4.2.2), extended (see parsing.py).

department eq "Sales" and (title sw "Manager" or groups has "LMS Admins") and hireDate le now-P90D
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final, assert_never

from sync_engine.rules.attributes import Catalog
from sync_engine.rules.document import read
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
    operator_of,
)
from sync_engine.rules.operators import SHORT_NAMES, Listing
from sync_engine.rules.parsing import Parser
from sync_engine.rules.places import Place
from sync_engine.rules.problems import LIMITS, InvalidRule, Problem, ProblemCode
from sync_engine.rules.relations import UNCHECKED, Reference, Related


def parse(
    text: str, catalog: Catalog, *, draft: bool = False, related: Related = UNCHECKED
) -> Rule:
    """The canonical rule a text says; raises InvalidRule with every problem and its place.

    The text may have 16 KB, and so may its JSON, which is always the longer of the two.
    """
    size = len(text.encode(errors="surrogatepass"))
    if size > LIMITS.bytes:
        message = (
            f"The text takes {size:,} bytes; {LIMITS.bytes:,} are allowed. Shorten its lists, "
            "or split it into several segments."
        )
        raise InvalidRule(
            [_located(Problem(ProblemCode.TOO_LARGE, message, ""), 0, len(text), text)]
        )
    parser = Parser(text)
    document, place = parser.rule()
    rule, problems = read(document, catalog, draft=draft, related=related)
    if rule is None or parser.problems:
        raise InvalidRule(_in_order(parser.problems, problems, place, text))
    return rule


def _in_order(
    shape: Iterable[Problem], meaning: Iterable[Problem], place: Place, text: str
) -> list[Problem]:
    located = [_located(each, each.start or 0, each.end or 0, text) for each in shape]
    for each in meaning:
        found = place.at(each.path)
        located.append(_located(each, found.start, found.end, text))
    located.sort(key=lambda problem: problem.start or 0)
    return located[: LIMITS.problems]


def _located(problem: Problem, start: int, end: int, text: str) -> Problem:
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    return replace(problem, start=start, end=end, line=line, column=column)


_SHORT: Final[Mapping[str, str]] = {
    **{name: short for short, name in SHORT_NAMES.items()},
    Listing.NOT_IN: "not in",
}


def format(rule: Rule) -> str:
    """The canonical text: parsing it gives the same rule."""
    match rule:
        case Everyone():
            return "everyone"
        case All(rules):
            return " and ".join(map(_operand_of_and, rules))
        case Any_(rules):
            return " or ".join(map(_operand_of_or, rules))
        case Not(inner):
            return f"not ({format(inner)})"
        case Compare() | Listed() | Between() | Known():
            return f"{rule.attribute} {_asked(rule)}"
    assert_never(rule)


def _asked(leaf: Leaf) -> str:
    operator = operator_of(leaf)
    spelled = _SHORT.get(operator, operator.value)
    match leaf:
        case Compare(value=value):
            return f"{spelled} {written(value)}"
        case Listed(values=values):
            return f"{spelled} [{','.join(map(written, values))}]"
        case Between(low=low, high=high):
            return f"{spelled} {written(low)} and {written(high)}"
        case Known():
            return spelled
    assert_never(leaf)


def _operand_of_and(rule: Rule) -> str:
    return f"({format(rule)})" if isinstance(rule, All | Any_) else format(rule)


def _operand_of_or(rule: Rule) -> str:
    return f"({format(rule)})" if isinstance(rule, Any_) else format(rule)


def written(value: Value) -> str:
    """A value as the text spells it."""
    match value:
        case Reference(called=None):
            return str(value)
        case Reference(called=called):
            return json.dumps(called, ensure_ascii=False)
        case bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return f"{value:f}"
        case date():
            return f'"{value.isoformat()}"'
        case Now(offset):
            return "now" + _moved(offset)
    assert_never(value)


def _moved(offset: str) -> str:
    if offset == "P0D":
        return ""
    return offset if offset.startswith("-") else f"+{offset}"
