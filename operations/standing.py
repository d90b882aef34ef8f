"""How a caller stands to things: the roles that count for each, and where they are held."""

from dataclasses import dataclass, field, replace
from typing import Final

from access.permissions import (
    NO_FACTS,
    Decision,
    Facts,
    Permission,
    Principal,
    Scope,
    decide,
)

NOBODY: Final[frozenset[Principal]] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """The one place a role is held. `id` is None where any of several places would do."""

    principal: Principal
    scope: Scope
    id: int | None


Sources = dict[Principal, Source]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands to one thing. The facts are those that hold for the roles `inside`."""

    here: Sources = field(default_factory=dict)
    inside: Sources = field(default_factory=dict)
    facts: Facts = NO_FACTS
    facts_here: Facts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts_here", replace(self.facts, is_within_own_scope=True))

    @property
    def held(self) -> frozenset[Principal]:
        return frozenset(self.here) | frozenset(self.inside)

    def decide(self, permission: Permission, **facts: bool) -> Decision:
        """Whether these roles allow it; `facts` are said on top of those known."""
        outer = decide(self.here, permission, _also(self.facts_here, facts))
        if outer.allowed or not self.inside:
            return outer
        inner = decide(self.inside, permission, _also(self.facts, facts))
        return inner if inner.allowed or outer.principal is None else outer

    def source_of(self, decision: Decision) -> Source | None:
        """Where the role behind a decision is held; None if no role is."""
        if decision.principal is None:
            return None
        return self.here.get(decision.principal) or self.inside.get(decision.principal)


def _also(known: Facts, said: dict[str, bool]) -> Facts:
    return replace(known, **said) if said else known


NO_STANDING: Final = Standing()
