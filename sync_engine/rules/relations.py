"""Relations: which segments a person is in.

They are asked as lists are, of ids: `memberOf has 12`. Documents keep the ids; a text names the
segments, `memberOf hasAny ["Crew","Guests"]`, where their names are known. Facts about them are not
of the person's attributes: whoever evaluates puts them beside the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Self

from sync_engine.rules.attributes import Attribute, AttributeType, Owner
from sync_engine.rules.problems import ProblemCode

MEMBER_OF: Final = "memberOf"
"""The segments the person is in. The name is reserved: no attribute can have it."""

RELATIONS: Final[Mapping[str, Attribute]] = {
    MEMBER_OF: Attribute(MEMBER_OF, AttributeType.STRING_LIST, Owner.ADMINISTRATOR)
}
"""As the attributes they stand beside: the facts are the ids, as texts."""

LARGEST_SEGMENT: Final = 2**31 - 1
LARGEST_ID: Final = 2**63 - 1


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
    """The segments that rules may name.

    `segments` are names by id. Those that are `refused` may not be built on, and this is why. Where
    `is_strict`, an id without a name is refused too: there is no such segment.
    """

    segments: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, tuple[ProblemCode, str]] = field(default_factory=dict)
    is_strict: bool = True

    def id_called(self, name: str) -> int | None:
        wanted = name.lower()
        return next((id for id, called in self.segments.items() if called.lower() == wanted), None)


UNCHECKED: Final = Related(is_strict=False)
"""Of rules that are stored: they were checked when they were written."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """The ids, and the names in lower case, of segments that a document speaks of."""

    segments: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.segments or self.names)


def mentioned(document: object, *, most: int = 100_000) -> Mentioned:
    """What the relations of a document speak of, right or wrong; in bounded time."""
    ids: set[int] = set()
    names: set[str] = set()
    waiting: list[Any] = [document]
    while waiting and most > 0:
        most -= 1
        match waiting.pop():
            case {"attr": str() as name, "value": value} if name.lower() == MEMBER_OF.lower():
                _mention(ids, names, value)
            case dict() as node:
                waiting += node.values()
            case list() as members:
                waiting += members
    return Mentioned(frozenset(ids), frozenset(names))


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
        case int() | float() | Decimal() if 0 < value <= LARGEST_ID and value == int(value):
            return int(value)
        case _:
            return None
