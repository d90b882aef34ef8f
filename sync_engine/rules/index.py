"""Many rules at once: which of them match this person, at a cost that follows the matches.

Each rule is taken apart into conjunctions (normal.py). A conjunction lies in a trie under its
two most selective equalities, so a person meets only rules that name two of her own values; what
the path does not prove is left as a check at its end. Selective is what few rules name. Rules that
no equality can find lie at the root, and are checked for everybody.

The rule alone defines the truth: the tests compare the trie with it on generated rules.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
    """`sure` match whoever comes here, `checked` if their check agrees. Most nodes hold one rule:
    what is empty is None."""

    __slots__ = ("branches", "checked", "sure")

    def __init__(self) -> None:
        self.sure: set[int] | None = None
        self.checked: dict[int, Check] | None = None
        self.branches: dict[str, dict[Literal, _Node]] | None = None

    def under(self, attribute: str, value: Literal) -> "_Node":
        if self.branches is None:
            self.branches = {}
        branch = self.branches.setdefault(attribute, {})
        node = branch.get(value)
        if node is None:
            node = branch[value] = _Node()
        return node

    def add(self, id: int, check: Check | None) -> None:
        if check is None:
            self.sure = self.sure or set()
            self.sure.add(id)
            return
        self.checked = self.checked or {}
        known = self.checked.get(id)
        self.checked[id] = check if known is None else _either(known, check)

    def discard(self, id: int) -> None:
        if self.sure:
            self.sure.discard(id)
        if self.checked:
            self.checked.pop(id, None)


def _reached(branches: dict[str, dict[Literal, _Node]], facts: Facts) -> list[_Node]:
    """The nodes one equality further, by the person's own values."""
    nodes: list[_Node] = []
    for attribute, branch in branches.items():
        actual: Any = facts.get(attribute)
        if isinstance(actual, frozenset):
            nodes += [branch[value] for value in actual if value in branch]
        elif actual is not None and (node := branch.get(actual)) is not None:
            nodes.append(node)
    return nodes


def _either(one: Check, other: Check) -> Check:
    return lambda facts, today: one(facts, today) or other(facts, today)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Building makes much and discards nothing: the garbage collector would only take half of
    the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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

    def rule(self, id: int) -> Rule | None:
        """The rule of this id."""
        return self._rules.get(id)

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
            if node.sure:
                found |= node.sure
            if node.checked:
                found.update(id for id, check in node.checked.items() if check(facts, today))
            if node.branches:
                nodes += _reached(node.branches, facts)
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
        with collector_at_rest():
            self._build_anew()

    def _build_anew(self) -> None:
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
