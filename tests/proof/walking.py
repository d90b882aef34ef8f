"""Every way through the schema to every object, made from the schema itself.

From each field of the root a document is grown that selects every field of what it gives, and of
what that gives, until a type comes back that was met on the way. The answers are read back as
sightings: this field of this row was readable, or denied, along this path.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
)

from tests.proof.proving import Answer

DEEP, FLAT = 2, 1
"""How many kinds of rows lie on one way before its last, wrappers not counted: from one thing, and
from a list of things."""

FAR: Final = frozenset(
    {
        *("AnswerShare", "AnswerShares", "Choice", "CoursePermissions", "EnrolmentReason"),
        *("QuizFigure", "ScoreBin"),
    }
)
"""Kinds that lie deeper than all others."""

LONG: Final = frozenset({"Ability", "LearnerAction"})
"""Kinds of which every row has dozens: shown only of what a field of the root gives."""

PAGE: Final = "first: 6"
FEW: Final = "first: 3"
"""How many rows are shown of a page below the root, and of a page inside a row."""

MENTIONS_COURSES: Final = frozenset({"AuditEntry"})
"""Rows that say a course and are not asked of it: the journal is the workspace's."""

READABLE: Final = "readable"


def is_wrapper(type_: GraphQLNamedType) -> bool:
    """Pages, their edges, and what mutations answer: no rows themselves."""
    is_named_so = type_.name.endswith(("Connection", "Edge", "Payload"))
    return is_named_so and type_.name != "IdentityConnection"


def needs_arguments(declared: GraphQLField) -> bool:
    return any(is_required_argument(each) for each in declared.args.values())


def arguments_of(declared: GraphQLField, given: str = "", page: str = PAGE) -> str:
    said = [each for each in (given, page if "first" in declared.args else "") if each]
    return f"({', '.join(said)})" if said else ""


@dataclass(frozen=True)
class Growth:
    """Grows selections; `given` are the arguments of nested fields that need some. What `ends`
    shows fields of its rows and nothing that hangs on them: the rows of a page are there twice,
    and grow further below `nodes` only."""

    schema: GraphQLSchema
    given: Mapping[str, str] = field(default_factory=dict)
    deepest: int = DEEP
    ends: bool = False

    def from_root(self, type_: GraphQLNamedType, *, is_short: bool = False) -> str:
        """The selection below a field of the root; `is_short`: no further than in a list."""
        is_list = is_wrapper(type_) or is_abstract_type(type_) or is_short
        deepest = FLAT if is_list else self.deepest
        return Growth(self.schema, self.given, deepest).selection(type_)

    def selection(self, type_: GraphQLNamedType, met: frozenset[str] = frozenset()) -> str:
        """Everything that can be selected of it."""
        if is_abstract_type(type_):
            kinds = self.schema.get_possible_types(type_)
            parts = [
                f"... on {each.name} {self.selection(each, met)}"
                for each in kinds
                if each.name not in met
            ]
            return "{ __typename " + " ".join(parts) + " }"
        assert isinstance(type_, GraphQLObjectType)
        return "{ __typename " + " ".join(self._fields(type_, met | {type_.name})) + " }"

    def _fields(self, type_: GraphQLObjectType, met: frozenset[str]) -> Iterator[str]:
        is_deep = sum(not name.endswith(("Connection", "Edge")) for name in met) > self.deepest
        for name, declared in type_.fields.items():
            kind = get_named_type(declared.type)
            given = self.given.get(f"{type_.name}.{name}", "")
            if needs_arguments(declared) and not given:
                continue
            start = f"{type_.name}_{name}: {name}{arguments_of(declared, given, FEW)}"
            if is_leaf_type(kind):
                yield start
            elif self._is_cut(kind, met, is_deep=is_deep):
                has_id = "id" in getattr(kind, "fields", {})
                yield f"{start} {{ __typename {f'{kind.name}_id: id' if has_id else ''} }}"
            else:
                ends = self.ends or (type_.name.endswith("Edge") and name == "node")
                yield f"{start} {replace(self, ends=ends).selection(kind, met)}"

    def _is_cut(self, kind: GraphQLNamedType, met: frozenset[str], *, is_deep: bool) -> bool:
        rows = self.row_of(kind)
        if self.ends:
            return True
        if kind.name in LONG and len(met) > 2:
            return True
        is_far = is_wrapper(kind) or kind.name in FAR
        return kind.name in met or rows in met or (is_deep and not is_far)

    def row_of(self, kind: GraphQLNamedType) -> str:
        """What a page or an edge is of; everything else is of itself."""
        if isinstance(kind, GraphQLObjectType) and is_wrapper(kind):
            for name in ("node", "nodes"):
                if name in kind.fields:
                    return str(get_named_type(kind.fields[name].type).name)
        return str(kind.name)


@dataclass(frozen=True)
class Sighting:
    """What became of one field of one row along one path."""

    row: "Row"
    coordinate: str
    outcome: str
    path: str


@dataclass(frozen=True)
class Row:
    """An object of an answer. `key` is the same along every path; `anchors` are the global ids of
    it (of a row without one, of the course it says it is of) and of what it was reached through,
    the nearest first; `person` is whom it is about. Rows below it begin their keys with `inside`,
    so that the pages they stand on do not matter."""

    type_name: str
    key: tuple[Any, ...]
    inside: tuple[Any, ...]
    anchors: tuple[tuple[str, str], ...]
    person: str | None


def sightings(schema: GraphQLSchema, answer: Answer) -> Iterator[Sighting]:
    """Read an answer to a grown document, from the fields of the root down."""
    failed: dict[Place, str] = {}
    for each in answer.get("errors") or ():
        place = tuple(each.get("path") or ())
        for length in range(len(place), 0, -1):
            failed.setdefault(place[:length], str(each["extensions"]["code"]))
    for name, value in (answer.get("data") or {}).items():
        yield from _read(schema, value, (name,), None, failed)


Failed = Mapping[tuple[str | int, ...], str]
Place = tuple[str | int, ...]


def _read(
    schema: GraphQLSchema, value: Any, place: Place, around: Row | None, failed: Failed
) -> Iterator[Sighting]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _read(schema, each, (*place, number), around, failed)
    if not isinstance(value, dict) or "__typename" not in value or len(value) == 1:
        return
    if set(value) == {"__typename", f"{value['__typename']}_id"}:
        return
    type_ = schema.type_map[value["__typename"]]
    row = _row(type_, value, place, around)
    path = ".".join(_plain(each) for each in place if isinstance(each, str))
    for key, below in value.items():
        if key != "__typename":
            coordinate = f"{type_.name}.{_plain(key)}"
            yield Sighting(row, coordinate, _outcome((*place, key), below, failed), path)
            yield from _read(schema, below, (*place, key), row, failed)


def _plain(key: str) -> str:
    return key.split("_", 1)[-1]


def _outcome(place: Place, value: Any, failed: Failed) -> str:
    """A non-null field below that failed has taken this one with it."""
    return READABLE if value is not None else failed.get(place, READABLE)


def _row(
    type_: GraphQLNamedType, value: Mapping[str, Any], place: Place, around: Row | None
) -> Row:
    id = value.get(f"{type_.name}_id")
    attempt = value.get(f"{type_.name}_attempt") or {}
    said = value.get(f"{type_.name}_member") or attempt.get("Attempt_member") or {}
    person = said.get("Member_id")
    anchors = around.anchors if around else ()
    course = (value.get(f"{type_.name}_course") or {}).get("Course_id")
    course = course or value.get(f"{type_.name}_courseId")
    if id is None and course is not None and type_.name not in MENTIONS_COURSES:
        anchors = (("Course", course), *anchors)
    if id is not None:
        key: tuple[Any, ...] = (type_.name, id)
        return Row(type_.name, key, key, ((type_.name, id), *anchors), person)
    outside = around.inside if around else ()
    if is_wrapper(type_):
        own = around.person if around and person is None else person
        name = next(_plain(each) for each in reversed(place) if isinstance(each, str))
        return Row(type_.name, (*outside, type_.name, name), outside, anchors, own)
    shown = tuple(str(each) for key, each in value.items() if isinstance(each, str | int | bool))
    if person is None and around is not None:
        person = around.person
    key = (*outside, type_.name, person, shown)
    return Row(type_.name, key, key, anchors, person)
