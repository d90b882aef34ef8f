"""Which people of a block a changed rule can concern at all: a condition PostgreSQL can ask.

From each rule follow equalities that hold of whoever satisfies it. Whoever satisfies none of them,
is in none of the segments, and is neither named nor pinned there is left unread: nothing changes
for them. The condition only ever lets too many through; rules decide, in Python, about the rest.

It is asked in the statement that reads the facts, under the lock of the block, after the claim. It
was made of the rules of one epoch, and counts only where that statement reads the same epoch.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sync_engine.rules import Rule
from sync_engine.rules.attributes import AttributeType
from sync_engine.rules.nodes import Compare, Listed
from sync_engine.rules.normal import conjunctions, equalities
from sync_engine.rules.relations import RELATIONS
from sync_engine.state import WorkspaceRules

MOST_PARTS: Final = 24
"""With more equalities to ask than this, reading everybody costs hardly more."""

MOST_VALUES: Final = 2_000

BESIDE_FACTS: Final = frozenset({"groups", *RELATIONS})
"""What rules see that does not come from the stored facts."""

_TEXTS: Final = (AttributeType.STRING, AttributeType.IDENTIFIER, AttributeType.REFERENCE)

CONCERNED: Final = """
   AND ({condition}
        OR m.id IN (SELECT member_id FROM membership
                     WHERE segment_id = ANY(%(segments)s::integer[]) AND until IS NULL
                       AND member_id BETWEEN %(first)s AND %(last)s)
        OR m.id IN (SELECT member_id FROM segment_person
                     WHERE segment_id = ANY(%(segments)s::integer[])
                       AND member_id BETWEEN %(first)s AND %(last)s)
        OR m.id IN (SELECT member_id FROM membership_pin
                     WHERE segment_id = ANY(%(segments)s::integer[])
                       AND member_id BETWEEN %(first)s AND %(last)s))
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Of whoever satisfies a rule, a text is one of these `values`, or a list holds one."""

    attribute: str
    values: tuple[str, ...]
    is_list: bool


Parts = tuple[Part, ...]
"""Parts that all hold."""


@dataclass(frozen=True, slots=True)
class Prefilter:
    """What to add to a condition on `m`, and its parameters; of the rules at `epoch`."""

    epoch: int
    condition: str
    parameters: dict[str, Any]


def prefilter(rules: WorkspaceRules, claimed: Collection[int]) -> Prefilter | None:
    """How to read only whom these segments can concern; None where that does not pay."""
    with rules.lock:
        if rules.index.outer(claimed) or rules.index.inner(claimed):
            return None  # people change there whom no equality of these rules names
        epoch = rules.epoch
        asked = [rules.index.rule(id) for id in sorted(rules.epochs.keys() & set(claimed))]
    alternatives: list[Parts] = []
    for rule in asked:
        found = None if rule is None else necessary(rule)
        if found is None:
            return None
        alternatives += found
    alternatives = list(dict.fromkeys(alternatives))
    parts = [part for each in alternatives for part in each]
    if len(parts) > MOST_PARTS or sum(len(part.values) for part in parts) > MOST_VALUES:
        return None
    return _as_sql(epoch, alternatives)


def necessary(rule: Rule) -> list[Parts] | None:
    """Alternatives one of which holds of whoever satisfies the rule; None where one of them says
    nothing that can be asked. A rule that nobody satisfies has none."""
    found: list[Parts] = []
    alternatives = conjunctions(rule)
    if alternatives is None:
        return None
    for conjunction in alternatives:
        parts = tuple(part for each in conjunction if (part := _part(each)) is not None)
        if not parts:
            return None
        found.append(parts)
    return found


def _part(clause: Rule) -> Part | None:
    if not isinstance(clause, Compare | Listed) or clause.attribute in BESIDE_FACTS:
        return None
    is_list = clause.type is AttributeType.STRING_LIST
    if not is_list and clause.type not in _TEXTS:
        return None
    found = equalities(clause)
    if found is None:
        return None
    values = [value for value in found.values if isinstance(value, str)]
    if len(values) < len(found.values) or any("\0" in value for value in values):
        return None
    return Part(found.attribute, tuple(sorted(map(str, values))), is_list)


def _as_sql(epoch: int, alternatives: Iterable[Parts]) -> Prefilter:
    parameters: dict[str, Any] = {}
    said: list[str] = []
    for parts in alternatives:
        clauses = []
        for part in parts:
            place = len(parameters) // 2
            parameters |= {f"attribute{place}": part.attribute, f"values{place}": [*part.values]}
            fact = "->%(attribute{0})s::text ?|" if part.is_list else "->>%(attribute{0})s::text ="
            values = "%(values{0})s::text[]" if part.is_list else "ANY(%(values{0})s::text[])"
            clauses.append(f"m.facts{fact} {values}".format(place))
        said.append(f"({' AND '.join(clauses)})")
    condition = CONCERNED.format(condition=" OR ".join(said) or "false")
    return Prefilter(epoch, condition, parameters)
