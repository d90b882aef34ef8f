"""Rules in layers: each is asked after those whose people it asks about (memberOf).

What a person is in after one layer is what the next one sees. Most workspaces have one layer, and
then nothing here costs anything.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Final, TypeAlias

from sync_engine.rules import MEMBER_OF, Facts, Rule, RuleIndex, related_ids

Settle: TypeAlias = Callable[[set[int]], AbstractSet[int]]
"""The segments a person is in, of whom the rules asked so far want the person in these."""

MOST_STEPS: Final = 5
"""How long a chain of segments that build on each other may be, beyond the first."""


class Circle(ValueError):
    """Segments build on each other in a circle: the path, which ends where it begins."""

    def __init__(self, path: list[int]) -> None:
        super().__init__("Segments build on each other in a circle: " + " → ".join(map(str, path)))
        self.path = path


def depths(inner: Mapping[int, AbstractSet[int]]) -> dict[int, int]:
    """How many layers are below each of these segments; raises Circle. What builds on nothing may
    be left out."""
    found: dict[int, int] = {}
    for start in inner:
        path: list[int] = []
        waiting: list[tuple[int, bool]] = [(start, False)]
        while waiting:
            id, is_left = waiting.pop()
            if is_left:
                path.pop()
                found[id] = 1 + max(found.get(each, 0) for each in inner[id])
            elif id in path:
                raise Circle([*path[path.index(id) :], id])
            elif inner.get(id) and id not in found:
                path.append(id)
                waiting.append((id, True))
                waiting += ((each, False) for each in sorted(inner[id]))
    return found


class Layers:
    """Rules by id, like a RuleIndex. One thread at a time."""

    def __init__(self) -> None:
        self._indexes = [RuleIndex()]
        self._stacked: dict[int, Rule] = {}
        self._inner: dict[int, frozenset[int]] = {}
        self._depths: dict[int, int] = {}
        self._asked: frozenset[int] = frozenset()

    @classmethod
    def build(cls, rules: Mapping[int, Rule]) -> "Layers":
        layers = cls()
        inner = {id: frozenset(related_ids(rule, MEMBER_OF)) for id, rule in rules.items()}
        flat = {id: rule for id, rule in rules.items() if not inner[id]}
        layers._indexes[0] = RuleIndex.build(flat)
        layers._stacked = {id: rule for id, rule in rules.items() if inner[id]}
        layers._inner = {id: inner[id] for id in layers._stacked}
        layers._arrange()
        return layers

    def __len__(self) -> int:
        return sum(map(len, self._indexes))

    @property
    def is_flat(self) -> bool:
        """Whether no rule asks about the people of another segment."""
        return not self._inner

    def put(self, id: int, rule: Rule) -> None:
        """Add the rule, or let it replace the one of this id; raises Circle."""
        self.remove(id)
        inner = frozenset(related_ids(rule, MEMBER_OF))
        if not inner:
            self._indexes[0].put(id, rule)
            return
        self._stacked[id], self._inner[id] = rule, inner
        try:
            self._arrange()
        except Circle:
            self.remove(id)
            raise

    def rule(self, id: int) -> Rule | None:
        """The rule of this id."""
        return self._stacked.get(id) or self._indexes[0].rule(id)

    def remove(self, id: int) -> None:
        """Forget the rule; an unknown id is no error."""
        self._indexes[self._depths.get(id, 0)].remove(id)
        if self._stacked.pop(id, None) is not None:
            del self._inner[id]
            self._depths.pop(id, None)
            self._arrange()

    def _arrange(self) -> None:
        """Move rules to the layers they belong to by now."""
        wanted = depths(self._inner)
        while len(self._indexes) <= max(wanted.values(), default=0):
            self._indexes.append(RuleIndex())
        for id, depth in wanted.items():
            known = self._depths.get(id)
            if known != depth or id not in self._indexes[depth]:
                if known is not None:
                    self._indexes[known].remove(id)
                self._indexes[depth].put(id, self._stacked[id])
        self._depths = wanted
        self._asked = frozenset[int]().union(*self._inner.values())

    def matches(self, facts: Facts, today: date, settle: Settle = frozenset) -> set[int]:
        """The ids of all rules that are true of these facts."""
        found = self._indexes[0].matches(facts, today)
        for index in self._indexes[1:]:
            if len(index):
                found |= index.matches(self._seen(facts, settle(found)), today)
        return found

    def among(
        self, ids: Collection[int], facts: Facts, today: date, settle: Settle = frozenset
    ) -> set[int]:
        """The same, asked only about these ids."""
        if self._inner.keys().isdisjoint(ids):
            return self._indexes[0].among(ids, facts, today)
        found: set[int] = set()
        for depth, index in enumerate(self._indexes):
            here = [id for id in ids if self._depths.get(id, 0) == depth]
            if here:
                seen = self._seen(facts, settle(found)) if depth else facts
                found |= index.among(here, seen, today)
        return found

    def _seen(self, facts: Facts, settled: AbstractSet[int]) -> Facts:
        """The facts, and the segments the person is in, of those that are asked about."""
        ids = self._asked & settled
        return {**facts, MEMBER_OF: frozenset(map(str, ids))} if ids else facts

    def inner(self, ids: Iterable[int]) -> set[int]:
        """The segments whose people the rules of these ask about."""
        return set[int]().union(*(self._inner.get(id, ()) for id in ids))

    def outer(self, ids: Iterable[int]) -> set[int]:
        """The segments that build on these, in however many steps."""
        found: set[int] = set()
        reached = set(ids)
        while reached:
            reached = {id for id, inner in self._inner.items() if inner & reached} - found
            found |= reached
        return found
