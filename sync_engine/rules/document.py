"""Rules as JSON: the stored, canonical form.

    node := {"all": [node…]} | {"any": [node…]} | {"not": node} | {"everyone": true} | clause
    clause := {"attr": name, "op": operator, "value": value}       present and absent take no value
            | {"attr": relation, "op": operator, "value": id}      memberOf, reportsTo: relations.py

A canonical rule has attribute names as the catalog spells them, no group of one, no group
inside a group of its own kind, no value twice in a list, numbers and durations in one spelling.
Texts keep their author's spelling. `to_document` of a rule reads back as the same rule.
"""

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import assert_never

from sync_engine.rules.attributes import Catalog
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
    values_of,
)
from sync_engine.rules.problems import LIMITS, InvalidRule, Problem
from sync_engine.rules.reading import Reader
from sync_engine.rules.relations import UNCHECKED, Reference, Related
from sync_engine.rules.values import fits_json_number


def from_document(
    obj: object, catalog: Catalog, *, draft: bool = False, related: Related = UNCHECKED
) -> Rule:
    """The canonical rule of a JSON value; raises InvalidRule with every problem found.

    A draft may use attributes that members edit themselves: an administrator can still change
    who owns them, and only then can the rule be made active.
    """
    rule, problems = read(obj, catalog, draft=draft, related=related)
    if rule is None:
        raise InvalidRule(problems)
    return rule


def read(
    obj: object, catalog: Catalog, *, draft: bool, related: Related = UNCHECKED
) -> tuple[Rule | None, list[Problem]]:
    """The canonical rule, or None and its problems. Work is bounded whatever the input holds."""
    reader = Reader(catalog, draft=draft, related=related)
    findings = reader.findings
    if weighs_more_than(LIMITS.bytes, obj):
        findings.note_size(f"more than {LIMITS.bytes:,}")
    rule = reader.node(obj)
    if rule is None or findings.problems:
        return None, findings.problems
    rule = canonical(rule)
    if (size := size_of(rule)) > LIMITS.bytes:
        findings.note_size(f"{size:,}")
        return None, findings.problems
    return rule, []


def weighs_more_than(limit: int, obj: object) -> bool:
    """Whether the compact JSON of a value is certainly longer: a lower bound, in bounded time."""
    weight, waiting = 0, [obj]
    while waiting and weight <= limit:
        match waiting.pop():
            case str() as text:
                weight += 2 + len(text)
            case list() as values:
                weight += 1 + max(1, len(values))
                waiting += values[:limit]
            case dict() as node:
                weight += 2 + 4 * len(node)
                waiting += islice(node.values(), limit)
            case _:
                weight += 1
    return weight > limit


def size_of(rule: Rule) -> int:
    """Bytes of the compact canonical JSON in UTF-8: what the size limit counts."""
    text = json.dumps(to_document(rule), ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())


def canonical(rule: Rule) -> Rule:
    """The same rule without groups of one and without groups inside groups of their kind."""
    match rule:
        case All(rules):
            flat = tuple(_flattened(map(canonical, rules), All))
            return flat[0] if len(flat) == 1 else All(flat)
        case Any_(rules):
            flat = tuple(_flattened(map(canonical, rules), Any_))
            return flat[0] if len(flat) == 1 else Any_(flat)
        case Not(inner):
            return Not(canonical(inner))
        case _:
            return rule


def _flattened(rules: Iterable[Rule], kind: type[All] | type[Any_]) -> Iterable[Rule]:
    for each in rules:
        if isinstance(each, kind):
            yield from each.rules
        else:
            yield each


def to_document(rule: Rule) -> dict[str, object]:
    match rule:
        case Everyone():
            return {"everyone": True}
        case All(rules):
            return {"all": [to_document(each) for each in rules]}
        case Any_(rules):
            return {"any": [to_document(each) for each in rules]}
        case Not(inner):
            return {"not": to_document(inner)}
        case Compare() | Listed() | Between() | Known():
            return _clause(rule)
    assert_never(rule)


def _clause(leaf: Leaf) -> dict[str, object]:
    clause: dict[str, object] = {"attr": leaf.attribute, "op": operator_of(leaf).value}
    match leaf:
        case Compare(value=value):
            return clause | {"value": _written(value)}
        case Listed() | Between():
            return clause | {"value": [_written(each) for each in values_of(leaf)]}
        case Known():
            return clause
    assert_never(leaf)


def _written(value: Value) -> object:
    match value:
        case Reference():
            return int(value)
        case bool() | str():
            return value
        case Decimal():
            return _written_number(value)
        case date():
            return value.isoformat()
        case Now(offset):
            return {"now": offset}
    assert_never(value)


def _written_number(number: Decimal) -> int | float | str:
    if not fits_json_number(number):
        return f"{number:f}"
    return int(number) if number == number.to_integral_value() else float(number)
