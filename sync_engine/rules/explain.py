"""Why a rule is true or false of a person, clause by clause."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, assert_never

from sync_engine.rules.attributes import AttributeType
from sync_engine.rules.dates import shifted
from sync_engine.rules.evaluate import matches
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
    Not,
    Now,
    Rule,
    Value,
    operator_of,
    values_of,
)
from sync_engine.rules.operators import Comparison, Listing, Operator, Presence, Span
from sync_engine.rules.problems import shown
from sync_engine.rules.relations import RELATIONS, Reference, Relation
from sync_engine.rules.text import format, written

LONGEST_LIST: Final = 10
"""Values of a list or a set that a sentence names; it counts the others."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One node of the rule and its truth. The fields after `children` are those of clauses.

    `kind` is all, any, not, everyone or clause. `expected` and `actual` are for people: quoted,
    shortened, relative dates with the day they mean; `actual` is None where there is no value.
    """

    kind: str
    text: str
    truth: bool
    children: tuple["Explanation", ...] = ()
    attribute: str | None = None
    operator: str | None = None
    expected: str | None = None
    actual: str | None = None
    sentence: str | None = None

    def to_dict(self) -> dict[str, object]:
        """JSON-safe."""
        fields: dict[str, object] = {
            "kind": self.kind,
            "text": self.text,
            "truth": self.truth,
            "sentence": self.sentence,
        }
        if self.kind == "clause":
            fields |= {
                "attribute": self.attribute,
                "operator": self.operator,
                "expected": self.expected,
                "actual": self.actual,
            }
        return fields | {"children": [each.to_dict() for each in self.children]}


def explain(
    rule: Rule, facts: Facts, today: date, *, attributes: Mapping[str, object] | None = None
) -> Explanation:
    """The tree of truths. With the raw `attributes`, by canonical name, texts show their own
    spelling; without, the folded one they are compared by. Relations have names by id there; of
    those above a person the nearest first."""
    return _Explainer(facts, today, attributes or {}).of(rule)


def deciding(explanation: Explanation) -> list[Explanation]:
    """The clauses that decided: without them, or with the opposite truth of them, the whole
    could have come out otherwise. In a true `all` every part decides, in a false one the false
    parts; in a true `any` the true parts, in a false one every part."""
    match explanation.kind:
        case "all" | "any":
            parts = [each for each in explanation.children if each.truth is explanation.truth]
            return [leaf for each in parts for leaf in deciding(each)]
        case "not":
            return deciding(explanation.children[0])
        case _:
            return [explanation]


@dataclass(frozen=True, slots=True)
class _Explainer:
    facts: Facts
    today: date
    attributes: Mapping[str, object]

    def of(self, rule: Rule) -> Explanation:
        match rule:
            case Everyone():
                return Explanation("everyone", format(rule), True, sentence="everyone belongs")
            case All(rules):
                children = tuple(map(self.of, rules))
                return Explanation("all", format(rule), all(_truths(children)), children)
            case Any_(rules):
                children = tuple(map(self.of, rules))
                return Explanation("any", format(rule), any(_truths(children)), children)
            case Not(inner):
                child = self.of(inner)
                return Explanation("not", format(rule), not child.truth, (child,))
            case Compare() | Listed() | Between() | Known():
                return self._clause(rule)
        assert_never(rule)

    def _clause(self, leaf: Leaf) -> Explanation:
        truth = matches(leaf, self.facts, self.today)
        expected, actual = self._expected(leaf), self._actual(leaf.attribute)
        return Explanation(
            kind="clause",
            text=format(leaf),
            truth=truth,
            attribute=leaf.attribute,
            operator=operator_of(leaf).value,
            expected=expected,
            actual=actual,
            sentence=self._sentence(leaf, truth, expected, actual),
        )

    def _sentence(self, leaf: Leaf, truth: bool, expected: str | None, actual: str | None) -> str:
        if leaf.attribute in RELATIONS:
            said = _RELATED[leaf.attribute][0 if _affirms(leaf) is truth else 1]
            return f"{said} {_NUMBERED.get(operator_of(leaf), '')}{expected}{self._through(leaf)}"
        phrase = _phrase(leaf, truth=truth)
        told = f"{phrase} {expected}" if expected else phrase
        if actual is None:
            return f"{leaf.attribute} has no value, so it {told}"
        if isinstance(leaf, Known):
            return f"{leaf.attribute} is {actual}, so it {told}"
        return f"{leaf.attribute} is {actual}, which {told}"

    def _through(self, leaf: Leaf) -> str:
        """Who stands between, where one person is asked about who is above."""
        values = values_of(leaf)
        above = self._named(leaf.attribute)
        if leaf.attribute != Relation.REPORTS_TO or len(values) != 1 or values[0] not in above:
            return ""
        between = [*above.values()][: [*above].index(str(values[0]))]
        return f" through {_enumerated(list(map(_quoted, between)))}" if between else ""

    def _named(self, relation: str) -> Mapping[str, str]:
        known = self.attributes.get(relation)
        return known if isinstance(known, Mapping) else {}

    def _expected(self, leaf: Leaf) -> str | None:
        values = [self._day(value, leaf) for value in values_of(leaf)]
        if isinstance(leaf, Between):
            return " and ".join(values)
        return _enumerated(values) if values else None

    def _day(self, value: Value, leaf: Leaf) -> str:
        if not isinstance(value, Now):
            return _quoted(value)
        return f"{shifted(self.today, value.offset).isoformat()} ({written(value)})"

    def _actual(self, attribute: str) -> str | None:
        fact = self.facts.get(attribute)
        if fact is None:
            return None
        if attribute in RELATIONS and isinstance(fact, frozenset):
            named = self._named(attribute)
            return _enumerated([_quoted(named.get(id, id)) for id in sorted(fact, key=int)])
        raw = self.attributes.get(attribute)
        if isinstance(fact, frozenset):
            spelled = raw if isinstance(raw, list | tuple) else sorted(fact)
            return _enumerated([_quoted(each) for each in spelled if isinstance(each, str)])
        return _quoted(raw if isinstance(fact, str) and isinstance(raw, str) else fact)


def _truths(children: tuple[Explanation, ...]) -> list[bool]:
    return [each.truth for each in children]


def _quoted(value: Fact) -> str:
    match value:
        case Reference(called=str() as called):
            return f"“{shown(called)}”"
        case bool():
            return "true" if value else "false"
        case str():
            return f"“{shown(value)}”"
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case frozenset():
            return _enumerated([_quoted(each) for each in sorted(value)])
    assert_never(value)


def _enumerated(texts: list[str]) -> str:
    more = len(texts) - LONGEST_LIST
    return ", ".join(texts[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")


def _affirms(leaf: Leaf) -> bool:
    return operator_of(leaf) is not Listing.HAS_NONE


_RELATED: Final[Mapping[str, tuple[str, str]]] = {
    Relation.MEMBER_OF: ("is in", "is not in"),
    Relation.REPORTS_TO: ("reports to", "does not report to"),
    Relation.REPORTS_DIRECTLY_TO: ("reports directly to", "does not report directly to"),
}
"""What is said where the relation holds, and where it does not."""

_NUMBERED: Final[Mapping[Operator, str]] = {
    Listing.HAS_ANY: "one of ",
    Listing.HAS_NONE: "one of ",
    Listing.HAS_ALL: "all of ",
}


def _phrase(leaf: Leaf, *, truth: bool) -> str:
    operator = operator_of(leaf)
    phrases = _PHRASES[operator]
    if leaf.type is AttributeType.DATE:
        phrases = _DATE_PHRASES.get(operator, phrases)
    return phrases[0 if truth else 1]


_PHRASES: Final[Mapping[Operator, tuple[str, str]]] = {
    Comparison.EQ: ("equals", "does not equal"),
    Comparison.NE: ("differs from", "does not differ from"),
    Comparison.STARTS_WITH: ("starts with", "does not start with"),
    Comparison.ENDS_WITH: ("ends with", "does not end with"),
    Comparison.CONTAINS: ("contains", "does not contain"),
    Comparison.LT: ("is less than", "is not less than"),
    Comparison.LE: ("is at most", "is not at most"),
    Comparison.GT: ("is greater than", "is not greater than"),
    Comparison.GE: ("is at least", "is not at least"),
    Comparison.HAS: ("includes", "does not include"),
    Listing.IN: ("is one of", "is none of"),
    Listing.NOT_IN: ("is none of", "is one of"),
    Listing.HAS_ANY: ("includes one of", "includes none of"),
    Listing.HAS_ALL: ("includes all of", "does not include all of"),
    Listing.HAS_NONE: ("includes none of", "includes one of"),
    Span.BETWEEN: ("lies between", "does not lie between"),
    Presence.PRESENT: ("is present", "is not present"),
    Presence.ABSENT: ("is absent", "is not absent"),
}
"""What is said of a clause that is true, and of one that is false."""

_DATE_PHRASES: Final[Mapping[Operator, tuple[str, str]]] = {
    Comparison.LT: ("is before", "is not before"),
    Comparison.LE: ("is on or before", "is not on or before"),
    Comparison.GT: ("is after", "is not after"),
    Comparison.GE: ("is on or after", "is not on or after"),
}
