"""Reading one clause {"attr":…,"op":…,"value":…} against the catalog."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, assert_never

from sync_engine.rules.attributes import NAME_LENGTH, Attribute, Catalog, Owner, by_lower_name
from sync_engine.rules.findings import Findings
from sync_engine.rules.literals import (
    Complaint,
    kind_of,
    literal_from,
    reference_from,
    value_from,
)
from sync_engine.rules.nodes import (
    Between,
    Compare,
    Known,
    Leaf,
    Listed,
    Literal,
    Now,
    Value,
    expected,
)
from sync_engine.rules.operators import (
    ALLOWED,
    OF_RELATIONS,
    OPERATORS,
    SHORT_NAMES,
    Comparison,
    Listing,
    Operator,
    Presence,
    Span,
)
from sync_engine.rules.problems import LIMITS, ProblemCode, shown
from sync_engine.rules.relations import RELATIONS, Related

UNREAD: Final = object()
"""Stands in a document for what could not be read from its text: its problem is noted already."""


class ClauseReader:
    """Reads clauses into leaves; what it cannot read is noted, and is None."""

    def __init__(
        self, catalog: Catalog, findings: Findings, *, draft: bool, related: Related
    ) -> None:
        self._attributes = by_lower_name(catalog) | by_lower_name(RELATIONS)
        self._related = related
        self._findings = findings
        self._draft = draft

    def read(self, clause: Mapping[str, object], path: str) -> Leaf | None:
        attribute = self._attribute(clause["attr"], f"{path}/attr")
        operator = self._operator(clause, attribute, path)
        if attribute is None or operator is None:
            return None
        if operator not in _allowed(attribute):
            is_of = "a relation" if attribute.name in RELATIONS else f"of type {attribute.type}"
            self._note(
                ProblemCode.OPERATOR_NOT_ALLOWED,
                f"{attribute.name} is {is_of} and has no {operator}; "
                f"it takes {_joined(_allowed(attribute))}.",
                f"{path}/op",
            )
            return None
        if isinstance(operator, Presence):
            return self._known(attribute, operator, clause, path)
        if "value" not in clause:
            self._note(ProblemCode.MALFORMED, f"{operator} needs a value.", path)
            return None
        return self._valued(attribute, operator, clause["value"], f"{path}/value")

    def _attribute(self, name: object, path: str) -> Attribute | None:
        if not isinstance(name, str):
            message = f"an attribute is named by a text, not by {kind_of(name)}."
            self._note(ProblemCode.MALFORMED, message, path)
            return None
        attribute = self._attributes.get(name.lower()) if len(name) <= NAME_LENGTH else None
        if attribute is None:
            names = {lower: known.name for lower, known in self._attributes.items()}
            message = f"there is no attribute “{shown(name)}”{self._suggestion(name, names)}"
            self._note(ProblemCode.UNKNOWN_ATTRIBUTE, message, path)
        elif attribute.owner is Owner.MEMBER and not self._draft:
            self._note(
                ProblemCode.SELF_EDITABLE_ATTRIBUTE,
                f"members edit {attribute.name} themselves, so it cannot decide what they may do. "
                "Use another attribute, or let an administrator or the identity provider own it.",
                path,
            )
        return attribute

    def _operator(
        self, clause: Mapping[str, object], attribute: Attribute | None, path: str
    ) -> Operator | None:
        name = clause.get("op")
        if name is UNREAD:
            return None
        if not isinstance(name, str):
            message = 'a clause names its operator as a text, such as "op":"eq".'
            self._note(ProblemCode.MALFORMED, message, f"{path}/op" if "op" in clause else path)
            return None
        if name in OPERATORS:
            return OPERATORS[name]
        names = {each.lower(): each for each in OPERATORS} | dict(SHORT_NAMES)
        takes = _allowed(attribute) if attribute else OPERATORS.values()
        self._note(
            ProblemCode.UNKNOWN_OPERATOR,
            f"there is no operator “{shown(name)}”{self._suggestion(name, names)} "
            f"{attribute.name if attribute else 'A clause'} takes {_joined(takes)}.",
            f"{path}/op",
        )
        return None

    def _known(
        self, attribute: Attribute, operator: Presence, clause: Mapping[str, object], path: str
    ) -> Known | None:
        if "value" in clause:
            message = f"{operator} takes no value; leave it out."
            self._note(ProblemCode.MALFORMED, message, f"{path}/value")
            return None
        return Known(attribute.name, attribute.type, operator)

    def _valued(
        self, attribute: Attribute, operator: Operator, value: object, path: str
    ) -> Leaf | None:
        if value is UNREAD:
            return None
        match operator:
            case Comparison():
                read = self._value(attribute, value, path)
                if read is None:
                    return None
                return Compare(attribute.name, attribute.type, operator, read)
            case Listing():
                return self._listed(attribute, operator, value, path)
            case Span():
                return self._between(attribute, value, path)
            case Presence():
                return Known(attribute.name, attribute.type, operator)
        assert_never(operator)

    def _listed(
        self, attribute: Attribute, operator: Listing, values: object, path: str
    ) -> Listed | None:
        if not isinstance(values, list):
            message = f"{operator} takes a list of values, not {kind_of(values)}."
            self._note(ProblemCode.TYPE_MISMATCH, message, path)
            return None
        if not values:
            message = f"the list after {operator} is empty; name a value, or use absent or present."
            self._note(ProblemCode.BAD_VALUE, message, path)
            return None
        if len(values) > LIMITS.values:
            self._note(
                ProblemCode.TOO_MANY_VALUES,
                f"the list of {attribute.name} has {len(values):,} values; {LIMITS.values:,} are "
                "allowed. Split it over several clauses, or use a group or another attribute.",
                path,
            )
            return None
        read = [
            self._literal(attribute, value, f"{path}/{place}") for place, value in enumerate(values)
        ]
        distinct: dict[Literal, Literal] = {}
        for literal in read:
            if literal is None:
                return None
            distinct.setdefault(expected(attribute.type, literal), literal)
        return Listed(attribute.name, attribute.type, operator, tuple(distinct.values()))

    def _between(self, attribute: Attribute, ends: object, path: str) -> Between | None:
        if not isinstance(ends, list) or len(ends) != 2:
            message = "between takes a list of two values, the lower and the upper."
            self._note(ProblemCode.TYPE_MISMATCH, message, path)
            return None
        low, high = (
            self._value(attribute, end, f"{path}/{place}") for place, end in enumerate(ends)
        )
        if low is None or high is None:
            return None
        if _is_reversed(low, high):
            message = (
                "the lower end of between lies above the upper, which is never true; swap them."
            )
            self._note(ProblemCode.BAD_VALUE, message, path)
            return None
        return Between(attribute.name, attribute.type, low, high)

    def _value(self, attribute: Attribute, value: object, path: str) -> Value | None:
        if value is UNREAD or self._findings.is_too_large:
            return None
        if attribute.name in RELATIONS:
            read: Value | Complaint = reference_from(attribute.name, value, self._related)
        else:
            read = value_from(attribute, value)
        if isinstance(read, Complaint):
            self._note(read.code, f"{read.message}.", path)
            return None
        return read

    def _literal(self, attribute: Attribute, value: object, path: str) -> Literal | None:
        if value is UNREAD or self._findings.is_too_large:
            return None
        if attribute.name in RELATIONS:
            read: Literal | Complaint = reference_from(attribute.name, value, self._related)
        else:
            read = literal_from(attribute, value)
        if isinstance(read, Complaint):
            self._note(read.code, f"{read.message}.", path)
            return None
        return read

    def _suggestion(self, name: str, names: Mapping[str, str]) -> str:
        """A full stop, and the nearest of the names, which are given by lower case."""
        if self._findings.has_many_problems():
            return "."
        near = get_close_matches(name[:NAME_LENGTH].lower(), names, n=1, cutoff=0.6)
        return f". Did you mean “{names[near[0]]}”?" if near else "."

    def _note(self, code: ProblemCode, message: str, path: str) -> None:
        self._findings.note_in_clause(code, message, path)


def _is_reversed(low: Value, high: Value) -> bool:
    """Whether no day can ever lie between; what relative dates span changes with the clock."""
    if isinstance(low, Now) or isinstance(high, Now):
        return False
    return bool(low > high)  # type: ignore[operator]


def _allowed(attribute: Attribute) -> tuple[Operator, ...]:
    return OF_RELATIONS if attribute.name in RELATIONS else ALLOWED[attribute.type]


def _joined(operators: Iterable[Operator]) -> str:
    return ", ".join(operators)
