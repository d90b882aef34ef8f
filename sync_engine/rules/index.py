"""Many rules at once: which of them match this person, at a cost that follows the matches.

Each rule is taken apart into conjunctions (normal.py). A conjunction lies in a trie under its
two most selective equalities, so a person meets only rules that name two of her own values; what
the path does not prove is left as a check at its end. Selective is what few rules name. Rules that
no equality can find lie at the root, and are checked for everybody.

The rule alone defines the truth: the tests compare the trie with it on generated rules.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

from sync_engine.rules.compile import Check, compile
from sync_engine.rules.facts import Facts
from sync_engine.rules.nodes import All, Literal, Rule
from sync_engine.rules.normal import Conjunction, Equalities, conjunctions, equalities

DEPTH: Final = 2
MOST_PATHS: Final = 4096
"""Places of one rule in the trie: lists and alternatives multiply."""
FEWEST_EDITS: Final = 64

_Parts: TypeAlias = list[tuple[Rule, Equalities | None]]


class _Node:
    """`sure` match whoever comes here, `checked` if their check agrees."""

    __slots__ = ("branches", "checked", "sure")

    def __init__(self) -> None:
        self.sure: set[int] = set()
        self.checked: dict[int, Check] = {}
        self.branches: dict[str, dict[Literal, _Node]] = {}

    def under(self, attribute: str, value: Literal) -> "_Node":
        return self.branches.setdefault(attribute, {}).setdefault(value, _Node())

    def add(self, id: int, check: Check | None) -> None:
        if check is None:
            self.sure.add(id)
        elif id in self.checked:
            self.checked[id] = _either(self.checked[id], check)
        else:
            self.checked[id] = check

    def discard(self, id: int) -> None:
        self.sure.discard(id)
        self.checked.pop(id, None)


def _either(one: Check, other: Check) -> Check:
    return lambda facts, today: one(facts, today) or other(facts, today)


class RuleIndex:
    """Rules by id. Edits take effect at once; after as many edits as there are rules it is built
    anew, so that paths follow what the rules name by then. One thread at a time."""

    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}
        self._checks: dict[int, Check] = {}
        self._root = _Node()
        self._nodes: dict[int, list[_Node]] = {}
        self._named: Counter[tuple[str, Literal]] = Counter()
        self._edits = 0

    @classmethod
    def build(cls, rules: Mapping[int, Rule]) -> "RuleIndex":
        index = cls()
        index._rules = dict(rules)
        index._rebuild()
        return index

    def __len__(self) -> int:
        return len(self._rules)

    def __contains__(self, id: object) -> bool:
        return id in self._rules

    def put(self, id: int, rule: Rule) -> None:
        """Add the rule, or let it replace the one of this id."""
        self._take_out(id)
        self._rules[id] = rule
        found = _parts(rule)
        self._count(found)
        self._insert(id, rule, found)
        self._edited()

    def remove(self, id: int) -> None:
        """Forget the rule; an unknown id is no error."""
        if id in self._rules:
            self._take_out(id)
            del self._rules[id]
            self._edited()

    def matches(self, facts: Facts, today: date) -> set[int]:
        """The ids of all rules that are true of these facts."""
        found: set[int] = set()
        nodes = [self._root]
        for node in nodes:
            found |= node.sure
            for id, check in node.checked.items():
                if id not in found and check(facts, today):
                    found.add(id)
            for attribute, branch in node.branches.items():
                actual: Any = facts.get(attribute)
                if actual is None:
                    continue
                values = actual if isinstance(actual, frozenset) else (actual,)
                nodes += [branch[value] for value in values if value in branch]
        return found

    def among(self, ids: Iterable[int], facts: Facts, today: date) -> set[int]:
        """Those of the ids whose rules are true, evaluated one by one; unknown ids match nobody."""
        return {id for id in ids if id in self._rules and self._check(id)(facts, today)}

    def _check(self, id: int) -> Check:
        check = self._checks.get(id)
        if check is None:
            check = self._checks[id] = compile(self._rules[id])
        return check

    def _take_out(self, id: int) -> None:
        self._checks.pop(id, None)
        for node in self._nodes.pop(id, ()):
            node.discard(id)

    def _edited(self) -> None:
        self._edits += 1
        if self._edits > max(FEWEST_EDITS, len(self._rules)):
            self._rebuild()

    def _rebuild(self) -> None:
        self._root = _Node()
        self._nodes = {}
        self._named = Counter()
        self._edits = 0
        found = {id: _parts(rule) for id, rule in self._rules.items()}
        for parts in found.values():
            self._count(parts)
        for id, rule in self._rules.items():
            self._insert(id, rule, found[id])

    def _count(self, found: list[_Parts] | None) -> None:
        for parts in found or ():
            for _, equality in parts:
                if equality is not None:
                    self._named.update((equality.attribute, value) for value in equality.values)

    def _insert(self, id: int, rule: Rule, found: list[_Parts] | None) -> None:
        if found is None:
            self._add([self._root], id, compile(rule))
            return
        for parts in found:
            chosen = self._chosen(parts, MOST_PATHS // len(found))
            nodes = [self._root]
            for equality in chosen:
                nodes = [
                    node.under(equality.attribute, value)
                    for node in nodes
                    for value in equality.values
                ]
            self._add(nodes, id, _residual(parts, chosen))

    def _add(self, nodes: list[_Node], id: int, check: Check | None) -> None:
        for node in nodes:
            node.add(id, check)
        self._nodes.setdefault(id, []).extend(nodes)

    def _chosen(self, parts: _Parts, most_paths: int) -> list[Equalities]:
        """The most selective equalities, as many as the trie is deep and the paths allow."""
        ranked = sorted((each for _, each in parts if each is not None), key=self._cost)
        chosen: list[Equalities] = []
        paths = 1
        for equality in ranked:
            if len(chosen) < DEPTH and paths * len(equality.values) <= most_paths:
                chosen.append(equality)
                paths *= len(equality.values)
        return chosen

    def _cost(self, equality: Equalities) -> tuple[bool, int]:
        named = sum(self._named[equality.attribute, value] for value in equality.values)
        return equality.is_boolean, named


def _parts(rule: Rule) -> list[_Parts] | None:
    found: list[Conjunction] | None = conjunctions(rule)
    if found is None:
        return None
    return [[(part, equalities(part)) for part in conjunction] for conjunction in found]


def _residual(parts: _Parts, chosen: list[Equalities]) -> Check | None:
    """What the path does not prove."""
    open_parts = tuple(
        part for part, each in parts if each is None or not each.are_enough or each not in chosen
    )
    if not open_parts:
        return None
    return compile(open_parts[0] if len(open_parts) == 1 else All(open_parts))
