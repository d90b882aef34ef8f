"""Proving that rules can never be true together, whoever is asked and whatever the day.

Groups are taken apart branch by branch; where what a branch says about one attribute contradicts
itself, nobody is in it. A proof is sound and not complete: what it cannot see, or has no steps left
for, counts as possible. The engine's clock is taken to stand within the years 1000 to 9000.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from sync_engine.rules.claims import contradict
from sync_engine.rules.nodes import All, Any_, Between, Compare, Everyone, Known, Listed, Not, Rule

MOST_STEPS: Final = 10_000

Claim: TypeAlias = tuple[Rule, bool]
"""A rule, and whether it is denied."""

_Known: TypeAlias = dict[str, frozenset[Claim]]
"""What is said so far, by attribute."""

_Choice: TypeAlias = tuple[Claim, ...]
"""Claims one of which is true."""


_NOTHING: Final[frozenset[Claim]] = frozenset()


class Prover:
    """All proofs about one rule: they share the steps there are."""

    def __init__(self, most_steps: int = MOST_STEPS) -> None:
        self._left = most_steps
        self._seen: dict[frozenset[Claim], bool] = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether steps ran out, so that something may have been missed."""
        return self._left <= 0

    def impossible(self, claims: Iterable[Claim]) -> bool:
        """Whether it is proven that these are never true together."""
        return not self._possible(list(claims), {}, [])

    def never(self, rule: Rule) -> bool:
        return self.impossible([(rule, False)])

    def always(self, rule: Rule) -> bool:
        return self.impossible([(rule, True)])

    def implies(self, rule: Rule, other: Rule) -> bool:
        return self.impossible([(rule, False), (other, True)])

    def _possible(self, claims: list[Claim], known: _Known, choices: Sequence[_Choice]) -> bool:
        self._left -= 1
        if self._left <= 0:
            return True
        said, found = _taken_apart(claims)
        if any(denied and isinstance(rule, Everyone) for rule, denied in said):
            return False
        touched = {_learn(known, claim) for claim in said if not isinstance(claim[0], Everyone)}
        if any(self._contradict(known[each]) for each in touched):
            return False
        return self._branches(known, [*choices, *found])

    def _branches(self, known: _Known, choices: list[_Choice]) -> bool:
        open_choices = [each for each in choices if not _is_made(each, known)]
        if not open_choices:
            return True
        first = min(open_choices, key=len)
        rest = [each for each in open_choices if each is not first]
        return any(self._possible([branch], dict(known), rest) for branch in first)

    def _contradict(self, claims: frozenset[Claim]) -> bool:
        found = self._seen.get(claims)
        if found is None:
            self._left -= len(claims) ** 2 // 64
            found = self._seen[claims] = _is_contradiction(claims)
        return found


_UNDERSTOOD: Final = (Compare, Listed, Between, Known)
"""Of every other kind of clause it is only known that it is not true and false at once."""


def _taken_apart(claims: list[Claim]) -> tuple[list[Claim], list[_Choice]]:
    """The clauses all these claims say, and the choices they leave."""
    said: list[Claim] = []
    choices: list[_Choice] = []
    waiting = [*claims]
    while waiting:
        rule, denied = waiting.pop()
        if isinstance(rule, Not):
            waiting.append((rule.rule, not denied))
        elif isinstance(rule, All | Any_):
            members = [(each, denied) for each in rule.rules]
            if isinstance(rule, All) is not denied:
                waiting += members
            else:
                choices.append(tuple(members))
        else:
            said.append((rule, denied))
    return said, choices


def _learn(known: _Known, claim: Claim) -> str:
    key = _key(claim[0])
    known[key] = known.get(key, _NOTHING) | {claim}
    return key


def _key(rule: object) -> str:
    return rule.attribute if isinstance(rule, _UNDERSTOOD) else repr(rule)


def _is_contradiction(claims: frozenset[Claim]) -> bool:
    literals = {(rule, denied) for rule, denied in claims if isinstance(rule, _UNDERSTOOD)}
    return contradict(frozenset(literals)) if literals else len(claims) > 1


def _is_made(choice: _Choice, known: _Known) -> bool:
    """Whether a branch is said already."""
    return any(
        claim in known.get(_key(claim[0]), _NOTHING)
        for claim in choice
        if not isinstance(claim[0], All | Any_ | Not)
    )
