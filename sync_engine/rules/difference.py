"""What differs between two rules, as a tree and in words.

Clauses are added, removed or changed. What only moved, or is only spelled otherwise, is the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from sync_engine.rules.forms import Form, form_of
from sync_engine.rules.nodes import All, Any_, Everyone, Not, Rule
from sync_engine.rules.text import format


class DifferenceKind(StrEnum):
    """What became of a part of a rule."""

    SAME = "SAME"
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"


class Part(StrEnum):
    """What a part of a rule is."""

    ALL = "ALL"
    ANY = "ANY"
    NOT = "NOT"
    EVERYONE = "EVERYONE"
    CLAUSE = "CLAUSE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of two rules: as it was and as it is, each with its path (a JSON pointer).

    A CHANGED group has its parts as children, of which SAME ones have none of their own.
    """

    kind: DifferenceKind
    before: Rule | None
    after: Rule | None
    path_before: str | None
    path_after: str | None
    children: tuple["Difference", ...] = ()

    @property
    def part(self) -> Part:
        """What it is; of a part that was another kind of thing, what it is now."""
        return part_of(self.after if self.after is not None else self.before)

    @property
    def text_before(self) -> str | None:
        return None if self.before is None else format(self.before)

    @property
    def text_after(self) -> str | None:
        return None if self.after is None else format(self.after)


_At: TypeAlias = tuple[Rule, str]
"""A part, and its path."""


def difference(before: Rule, after: Rule) -> Difference:
    """What makes the one rule the other; SAME where they are of one form."""
    return _between((before, ""), (after, ""))


def sentences(found: Difference) -> list[str]:
    """What differs, one sentence each; none where nothing does."""
    return list(_told(found))


def part_of(rule: Rule | None) -> Part:
    match rule:
        case All():
            return Part.ALL
        case Any_():
            return Part.ANY
        case Not():
            return Part.NOT
        case Everyone():
            return Part.EVERYONE
        case _:
            return Part.CLAUSE


def _between(before: _At, after: _At) -> Difference:
    kinds = DifferenceKind.SAME, DifferenceKind.CHANGED
    kind = kinds[form_of(before[0]) != form_of(after[0])]
    children: tuple[Difference, ...] = ()
    if kind is DifferenceKind.CHANGED:
        children = _children(before, after)
    return Difference(kind, before[0], after[0], before[1], after[1], children)


def _children(before: _At, after: _At) -> tuple[Difference, ...]:
    """What became of the parts. A rule that is no group is a group of one beside a group."""
    one, other = before[0], after[0]
    if isinstance(one, Not) and isinstance(other, Not):
        inner = (one.rule, f"{before[1]}/not"), (other.rule, f"{after[1]}/not")
        return (_between(*inner),)
    if not isinstance(one, All | Any_) and not isinstance(other, All | Any_):
        return ()
    parts, others = _parts(before), _parts(after)
    if _is_among(before, others):
        parts = [before]
    elif _is_among(after, parts):
        others = [after]
    return tuple(_matched(parts, others))


def _parts(at: _At) -> list[_At]:
    rule, path = at
    if not isinstance(rule, All | Any_):
        return [at]
    key = "all" if isinstance(rule, All) else "any"
    return [(each, f"{path}/{key}/{number}") for number, each in enumerate(rule.rules)]


def _is_among(at: _At, others: Sequence[_At]) -> bool:
    return any(form_of(each) == form_of(at[0]) for each, _ in others)


def _matched(before: list[_At], after: list[_At]) -> Iterator[Difference]:
    """Each part once: with what is the same, else with what is nearest, else alone."""
    partners: dict[int, _At] = {}
    left = [*before]
    for is_near in (_is_same, _asks_alike, _asks_about_the_same, _shares_clauses):
        for number, each in enumerate(after):
            if number not in partners:
                found = next((other for other in left if is_near(other[0], each[0])), None)
                if found is not None:
                    partners[number] = found
                    left.remove(found)
    for number, each in enumerate(after):
        if number in partners:
            yield _between(partners[number], each)
        else:
            yield Difference(DifferenceKind.ADDED, None, each[0], None, each[1])
    for each in left:
        yield Difference(DifferenceKind.REMOVED, each[0], None, each[1], None)


def _is_same(one: Rule, other: Rule) -> bool:
    return form_of(one) == form_of(other)


def _asks_alike(one: Rule, other: Rule) -> bool:
    return _asks_about_the_same(one, other) and _operator(one) == _operator(other)


def _asks_about_the_same(one: Rule, other: Rule) -> bool:
    attribute = getattr(one, "attribute", None)
    return attribute is not None and attribute == getattr(other, "attribute", None)


def _operator(rule: Rule) -> object:
    return getattr(rule, "operator", type(rule))


def _shares_clauses(one: Rule, other: Rule) -> bool:
    return part_of(one) is part_of(other) is not Part.CLAUSE and bool(_forms(one) & _forms(other))


def _forms(rule: Rule) -> set[Form]:
    """Of the clauses in it."""
    if isinstance(rule, Not):
        return _forms(rule.rule)
    if isinstance(rule, All | Any_):
        return set().union(*map(_forms, rule.rules))
    return {form_of(rule)}


def _told(found: Difference) -> Iterator[str]:
    before, after = found.text_before, found.text_after
    match found.kind:
        case DifferenceKind.ADDED:
            yield f"Added: {after}."
        case DifferenceKind.REMOVED:
            yield f"Removed: {before}."
        case DifferenceKind.CHANGED if not found.children:
            yield f"Changed: {before} is now {after}."
        case DifferenceKind.CHANGED:
            yield from _of_group(found)
            for each in found.children:
                yield from _told(each)


_JOINS: Final = {Part.ALL: "all of its parts", Part.ANY: "one of its parts"}


def _of_group(found: Difference) -> Iterator[str]:
    was, is_now = part_of(found.before), part_of(found.after)
    if any(each.before is found.before or each.after is found.after for each in found.children):
        return  # One of the two stands whole in the other.
    if was is not is_now and was in _JOINS and is_now in _JOINS:
        yield f"Enough is now {_JOINS[is_now]} instead of {_JOINS[was]}: {found.text_after}."
