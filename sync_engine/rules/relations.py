"""Relations: what a person is to segments and to other people.

They are asked as lists are, of ids: `memberOf has 12`, `reportsTo hasAny [5,8]`. Documents keep the
ids; a text names segments and people, `memberOf has "Crew"`, where their names are known. Facts
about them are not of the person's attributes: whoever evaluates puts them beside the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Self

from sync_engine.rules.attributes import Attribute, AttributeType, Owner
from sync_engine.rules.problems import ProblemCode


class Relation(StrEnum):
    """What a clause asks about. The names are reserved: no attribute can have one."""

    MEMBER_OF = "memberOf"
    """The segments the person is in."""
    REPORTS_TO = "reportsTo"
    """Whoever is above the person, directly or through others."""
    REPORTS_DIRECTLY_TO = "reportsDirectlyTo"
    """The person's manager."""


MEMBER_OF: Final = Relation.MEMBER_OF.value
OF_PEOPLE: Final = frozenset({Relation.REPORTS_TO.value, Relation.REPORTS_DIRECTLY_TO.value})
RELATIONS: Final[Mapping[str, Attribute]] = {
    each.value: Attribute(each.value, AttributeType.STRING_LIST, Owner.ADMINISTRATOR)
    for each in Relation
}
"""As the attributes they stand beside: the facts are the ids, as texts."""

LARGEST_SEGMENT: Final = 2**31 - 1
LARGEST_PERSON: Final = 2**63 - 1


class Reference(str):
    """An id in a clause: equal to the same id, whatever it is `called`."""

    __slots__ = ("called",)

    called: str | None

    def __new__(cls, id: int, called: str | None = None) -> Self:
        made = super().__new__(cls, id)
        made.called = called
        return made


@dataclass(frozen=True, slots=True)
class Related:
    """Whom relations of a rule may speak of.

    Names by id. Segments that are `refused` may not be built on, and this is why. Where
    `is_strict`, an id without a name is refused too: nobody of that id is there.
    """

    segments: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, tuple[ProblemCode, str]] = field(default_factory=dict)
    is_strict: bool = True

    def names(self, relation: str) -> Mapping[int, str]:
        return self.segments if relation == MEMBER_OF else self.people


UNCHECKED: Final = Related(is_strict=False)
"""Of rules that are stored: they were checked when they were written."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The ids and the names, in lower case, that a document speaks of."""

    segments: frozenset[int] = frozenset()
    segment_names: frozenset[str] = frozenset()
    people: frozenset[int] = frozenset()
    people_names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.segments or self.segment_names or self.people or self.people_names)


def mentioned(document: object, *, most: int = 100_000) -> Mentioned:
    """What the relations of a document speak of, right or wrong; in bounded time."""
    found: dict[bool, tuple[set[int], set[str]]] = {True: (set(), set()), False: (set(), set())}
    waiting: list[Any] = [document]
    while waiting and most > 0:
        most -= 1
        match waiting.pop():
            case {"attr": str() as name, "value": value} if relation_called(name) is not None:
                _mention(*found[relation_called(name) == MEMBER_OF], value)
            case dict() as node:
                waiting += node.values()
            case list() as members:
                waiting += members
    (segments, titles), (people, users) = found[True], found[False]
    return Mentioned(*map(frozenset, (segments, titles, people, users)))  # type: ignore[arg-type]


def relation_called(name: str) -> str | None:
    """The relation of this name, in any case."""
    return _BY_LOWER_NAME.get(name.lower())


_BY_LOWER_NAME: Final = {name.lower(): name for name in RELATIONS}


def _mention(ids: set[int], names: set[str], value: object) -> None:
    for each in value if isinstance(value, list) else [value]:
        if (id := id_from(each)) is not None:
            ids.add(id)
        elif isinstance(each, str):
            names.add(each.lower())


def id_from(value: object) -> int | None:
    """The id that a number of a document, or of a text, says."""
    match value:
        case bool():
            return None
        case int() | float() | Decimal() if 0 < value <= LARGEST_PERSON and value == int(value):
            return int(value)
        case _:
            return None
