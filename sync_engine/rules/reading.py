"""Reading a rule from a JSON value, noting every problem on the way.

Work is bounded whatever the value holds: reading stops below the depth limit, after the last
allowed clause or problem, and does not look at the values of a rule that is too large.
"""

from collections.abc import Mapping
from typing import Final

from sync_engine.rules.attributes import Catalog
from sync_engine.rules.clauses import UNREAD, ClauseReader
from sync_engine.rules.findings import Findings
from sync_engine.rules.literals import kind_of
from sync_engine.rules.nodes import All, Any_, Everyone, Not, Rule
from sync_engine.rules.problems import LIMITS, ProblemCode, shown
from sync_engine.rules.relations import UNCHECKED, Related

_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset({"all"}),
    "any": frozenset({"any"}),
    "not": frozenset({"not"}),
    "everyone": frozenset({"everyone"}),
    "attr": frozenset({"attr", "op", "value"}),
}
_SHAPES: Final = (
    'a rule is one of {"all":[…]}, {"any":[…]}, {"not":…}, {"everyone":true} '
    'and {"attr":…,"op":…,"value":…}'
)


class Reader:
    """One reading of one rule. What it returns counts only if it noted no problem."""

    def __init__(self, catalog: Catalog, *, draft: bool, related: Related = UNCHECKED) -> None:
        self.findings = Findings()
        self._clauses = ClauseReader(catalog, self.findings, draft=draft, related=related)

    def node(self, obj: object, path: str = "", depth: int = 1) -> Rule | None:
        """The rule at this place; None where it could not be read, or reading has ended."""
        if self.findings.is_full():
            return None
        if obj is UNREAD:
            self.findings.count_clause(path)
            return None
        if depth > LIMITS.depth:
            message = (
                f"The rule is deeper than {LIMITS.depth} levels: this is level {depth}. "
                "Join groups of the same kind, or split it into several segments."
            )
            self.findings.note(ProblemCode.TOO_DEEP, message, path)
            return None
        if not isinstance(obj, dict):
            self._malformed(f"Here stands {kind_of(obj)}; {_SHAPES}.", path)
            return None
        kinds = [kind for kind in _KEYS if kind in obj]
        if len(kinds) != 1:
            self._no_single_kind(obj, kinds, path)
            return None
        return self._of_kind(kinds[0], obj, path, depth)

    def _of_kind(self, kind: str, obj: Mapping[str, object], path: str, depth: int) -> Rule | None:
        surplus = next((key for key in obj if key not in _KEYS[kind]), None)
        if surplus is not None:
            self._malformed(f"“{shown(str(surplus))}” does not belong beside “{kind}”.", path)
        match kind:
            case "all":
                return self._group(All, obj["all"], f"{path}/all", depth)
            case "any":
                return self._group(Any_, obj["any"], f"{path}/any", depth)
            case "not":
                inner = self.node(obj["not"], f"{path}/not", depth + 1)
                return None if inner is None else Not(inner)
            case "everyone":
                return self._everyone(obj["everyone"], path)
            case _:
                is_counted = self.findings.count_clause(path)
                return self._clauses.read(obj, path) if is_counted else None

    def _group(
        self, kind: type[All] | type[Any_], members: object, path: str, depth: int
    ) -> Rule | None:
        if not isinstance(members, list):
            self._malformed(f"A group is a list of rules, not {kind_of(members)}.", path)
            return None
        if not members:
            message = "The group is empty. Add a clause, or say everyone if you mean everybody."
            self.findings.note(ProblemCode.EMPTY_RULE, message, path)
            return None
        rules: list[Rule] = []
        for place, member in enumerate(members):
            if self.findings.is_full():
                return None
            if (rule := self.node(member, f"{path}/{place}", depth + 1)) is not None:
                rules.append(rule)
        return kind(tuple(rules)) if len(rules) == len(members) else None

    def _everyone(self, value: object, path: str) -> Rule | None:
        if not self.findings.count_clause(path):
            return None
        if value is not True:
            self._malformed('Write {"everyone":true}; for nobody, put that into "not".', path)
        return Everyone()

    def _no_single_kind(self, obj: Mapping[str, object], kinds: list[str], path: str) -> None:
        if not obj:
            message = "The rule is empty. Add a clause, or say everyone if you mean everybody."
            self.findings.note(ProblemCode.EMPTY_RULE, message, path)
        elif kinds:
            self._malformed(f"“{kinds[0]}” and “{kinds[1]}” stand together; {_SHAPES}.", path)
        else:
            key = shown(str(next(iter(obj))))
            self._malformed(f"“{key}” does not begin a rule; {_SHAPES}.", path)

    def _malformed(self, message: str, path: str) -> None:
        self.findings.note(ProblemCode.MALFORMED, message, path)
