"""What is odd about a rule that is right: clauses that decide nothing, or never can.

Everything found is proven (proving.py): with all that is found replaced by the constant that it
comes down to, the rule is true of the same people. What cannot be proven is not found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sync_engine.rules.attributes import Catalog
from sync_engine.rules.forms import form_of
from sync_engine.rules.nodes import (
    All,
    Any_,
    Everyone,
    Leaf,
    Literal,
    Not,
    Now,
    Rule,
    expected,
    values_of,
)
from sync_engine.rules.normal import conjunctions, equalities
from sync_engine.rules.parsing import Parser
from sync_engine.rules.places import Place
from sync_engine.rules.proving import Claim, Prover
from sync_engine.rules.reading import Reader
from sync_engine.rules.relations import UNCHECKED, Related
from sync_engine.rules.text import format, parse, written

EVERYBODY: Final[Rule] = Everyone()
NOBODY: Final[Rule] = Not(EVERYBODY)

MOST_SHOWN: Final = 120


class LintKind(StrEnum):
    """What a rule is warned about."""

    NEVER_TRUE = "NEVER_TRUE"
    """Of nobody, whatever is known about them, on no day."""
    ALWAYS_TRUE = "ALWAYS_TRUE"
    """Of everybody."""
    DOUBLED = "DOUBLED"
    """It says the same as what stands beside it."""
    IMPLIED = "IMPLIED"
    """What stands around it decides already."""


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding. `path` is a JSON pointer into the rule; `start` and `end` are the place in the
    text. The part comes down to `comes_to`, because of the parts at the paths of `because`."""

    kind: LintKind
    message: str
    path: str
    comes_to: bool
    because: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A value that a clause names, as facts are compared with it, and where it stands."""

    leaf: Leaf
    value: Literal
    path: str
    start: int
    end: int
    said: str
    """As the text spells it."""


@dataclass(frozen=True, slots=True)
class Linted:
    """`text` is what the places are in. `is_complete`: no steps were wanting to prove more."""

    rule: Rule
    text: str
    findings: tuple[Lint, ...]
    named: tuple[Named, ...]
    is_never_true: bool
    is_always_true: bool
    is_found_by_equality: bool
    is_complete: bool


def lint_text(text: str, catalog: Catalog, related: Related = UNCHECKED) -> Linted:
    """All findings in a text, as it stands, in its order; raises InvalidRule."""
    canonical = parse(text, catalog, related=related)
    document, place = Parser(text).rule()
    as_it_stands = Reader(catalog, draft=False, related=related).node(document)
    return _lint(as_it_stands or canonical, text, place)


def lint_rule(rule: Rule) -> Linted:
    """The same of a canonical rule, with the places in its canonical text."""
    text = format(rule)
    _, place = Parser(text).rule()
    return _lint(rule, text, place)


def _lint(rule: Rule, text: str, place: Place) -> Linted:
    linter = _Linter()
    linter.reduced(rule, "", ())
    found = [_located(each, place) for each in linter.findings]
    found.sort(key=lambda each: [_place_in_order(key) for key in each.path.split("/")])
    prover = linter.prover
    return Linted(
        rule,
        text,
        tuple(found),
        tuple(_named(rule, "", place)),
        is_never_true=prover.never(rule),
        is_always_true=prover.always(rule),
        is_found_by_equality=is_found_by_equality(rule),
        is_complete=not prover.is_exhausted,
    )


def _named(rule: Rule, path: str, place: Place) -> Iterator[Named]:
    """The literal values of all clauses, from left to right."""
    if isinstance(rule, Not):
        yield from _named(rule.rule, f"{path}/not", place)
    elif isinstance(rule, All | Any_):
        for each, key in zip(rule.rules, _paths(rule, path), strict=True):
            yield from _named(each, key, place)
    elif not isinstance(rule, Everyone):
        values = values_of(rule)
        listed = place.at(f"{path}/value").parts
        for number, value in enumerate(values):
            if not isinstance(value, Now):
                key = f"{path}/value/{number}" if len(listed) == len(values) else f"{path}/value"
                found = place.at(key)
                wanted = expected(rule.type, value)
                yield Named(rule, wanted, key, found.start, found.end, written(value))


def is_found_by_equality(rule: Rule) -> bool:
    """Whether the index finds the people of a rule by values they have. Of others, everybody is
    looked at whenever something about them changes."""
    found = conjunctions(rule)
    return found is not None and all(any(map(equalities, each)) for each in found)


def _place_in_order(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdigit() else (-1, key)


def _located(finding: Lint, place: Place) -> Lint:
    found = place.at(finding.path)
    return replace(finding, start=found.start, end=found.end)


class _Linter:
    """One look at one rule."""

    def __init__(self) -> None:
        self.findings: list[Lint] = []
        self.prover = Prover()

    def reduced(self, node: Rule, path: str, around: Sequence[Claim]) -> Rule:
        """The part of the rule with what was found in it replaced. `around` is what must hold for
        the part to make a difference."""
        for constant, denied in ((NOBODY, False), (EVERYBODY, True)):
            if self.prover.impossible([(node, denied)]):
                self._blame(node, path, comes_to=denied)
                return constant
        for constant, denied in ((NOBODY, False), (EVERYBODY, True)):
            if around and self.prover.impossible([*around, (node, denied)]):
                self._implied(node, path, around, comes_to=denied)
                return constant
        return self._inside(node, path, around)

    def _inside(self, node: Rule, path: str, around: Sequence[Claim]) -> Rule:
        if isinstance(node, Not):
            return Not(self.reduced(node.rule, f"{path}/not", around))
        if not isinstance(node, All | Any_):
            return node
        denied = isinstance(node, Any_)
        members = [*node.rules]
        for number, key in reversed(list(enumerate(_paths(node, path)))):
            beside = [(each, denied) for each in members[:number] + members[number + 1 :]]
            members[number] = self.reduced(members[number], key, [*around, *beside])
        return type(node)(tuple(members))

    def _blame(self, node: Rule, path: str, *, comes_to: bool) -> None:
        """Name the innermost parts that are never, or always, true by themselves."""
        if isinstance(node, Everyone):
            if path:
                self._note(LintKind.ALWAYS_TRUE, node, path, "is true of everybody", comes_to=True)
            return
        if isinstance(node, Not) and not isinstance(node.rule, Everyone):
            self._blame(node.rule, f"{path}/not", comes_to=not comes_to)
            return
        if not isinstance(node, All | Any_):
            self._constant(node, path, comes_to, ())
            return
        guilty = [
            (each, key)
            for each, key in zip(node.rules, _paths(node, path), strict=True)
            if self.prover.impossible([(each, comes_to)])
        ]
        for each, key in guilty:
            self._blame(each, key, comes_to=comes_to)
        if not guilty:
            self._constant(node, path, comes_to, self._core(node, path, comes_to))

    def _core(self, node: All | Any_, path: str, comes_to: bool) -> tuple[str, ...]:
        """As few parts of a group as are enough to decide it."""
        core = list(zip(node.rules, _paths(node, path), strict=True))
        for each in [*core]:
            rest = [other for other in core if other is not each]
            if self.prover.impossible([(rule, comes_to) for rule, _ in rest]):
                core = rest
        return tuple(key for _, key in core)

    def _constant(self, node: Rule, path: str, comes_to: bool, because: tuple[str, ...]) -> None:
        kind = LintKind.ALWAYS_TRUE if comes_to else LintKind.NEVER_TRUE
        says = "is true of everybody, always" if comes_to else "is never true of anybody"
        named = [key.rpartition("/")[2] for key in because]
        if 1 < len(named) < _parts_of(node):
            which = ", ".join(str(int(each) + 1) for each in named)
            says += f", because of its parts {which}"
        self._note(kind, node, path, says, comes_to=comes_to, because=because)

    def _implied(self, node: Rule, path: str, around: Sequence[Claim], *, comes_to: bool) -> None:
        if any(form_of(rule) == form_of(node) for rule, _ in around):
            self._note(LintKind.DOUBLED, node, path, "is said twice", comes_to=comes_to)
            return
        says = (
            "leaves nobody out here: what stands around it says so already"
            if comes_to
            else "adds nobody here: what stands around it decides already"
        )
        self._note(LintKind.IMPLIED, node, path, says, comes_to=comes_to)

    def _note(
        self,
        kind: LintKind,
        node: Rule,
        path: str,
        says: str,
        *,
        comes_to: bool,
        because: tuple[str, ...] = (),
    ) -> None:
        text = format(node)
        shown = text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
        self.findings.append(Lint(kind, f"“{shown}” {says}.", path, comes_to, because))


def _parts_of(node: Rule) -> int:
    return len(node.rules) if isinstance(node, All | Any_) else 0


def _paths(node: All | Any_, path: str) -> list[str]:
    key = "all" if isinstance(node, All) else "any"
    return [f"{path}/{key}/{number}" for number in range(len(node.rules))]
