"""Executing documents: as graphql-core does, but for attributes of rows that need no more than
being read and told.

Most of what a page answers are such leaves. graphql-core builds a path, an info and a list of nodes
for each before it asks anything; here it does so only where something is in the way: a gate not
passed yet, a value that is missing where it must not be, or one that cannot be told. The field is
then executed by graphql-core from its beginning, and errors are its own.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    get_nullable_type,
    is_leaf_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

_LEAF: Final = "lms-coordinator.leaf"

Tell = Callable[[Any], Any]


class Leaf(NamedTuple):
    """A field that is an attribute of its row. `gate`: what the row's standing must have passed."""

    attribute: str
    gate: object | None
    tell: Tell
    may_be_missing: bool


def keep_leaf(field: GraphQLField, attribute: str, gate: object | None = None) -> None:
    """Let a field say that it is an attribute of the row; for other fields than leaves, nothing."""
    may_be_missing = not isinstance(field.type, GraphQLNonNull)
    type_: Any = get_nullable_type(field.type)
    if is_leaf_type(type_):
        tell = _names_of(type_) if isinstance(type_, GraphQLEnumType) else type_.coerce_output_value
        field.extensions[_LEAF] = Leaf(attribute, gate, tell, may_be_missing)


def _names_of(type_: GraphQLEnumType) -> Tell:
    """By value; None for what is none of them."""
    members = getattr(type_, "wrapped_cls", None)
    if members is None:
        return type_.coerce_output_value
    names = {members(value.value): name for name, value in type_.values.items()}
    return names.get


class Executor(StrawberryGraphQLCoreExecutionContext):
    """What the product executes its documents with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[int, tuple[Mapping[str, Any], list[tuple[str, Any, Leaf | None]]]] = {}
        """By selection. Keeping the selection keeps its id."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Mapping[str, Any],
        position_context: Any,
    ) -> Any:
        """The leaves here; all else, and whatever is in the way of a leaf, as inherited."""
        known = self._plans.get(id(grouped_field_set))
        plan = known[1] if known else self._plan(parent_type, grouped_field_set)
        verdicts = self._verdicts(source_value)
        results, rest = dict[str, Any](), dict[str, Any]()
        for name, nodes, leaf in plan:
            told = _told(leaf, source_value, verdicts) if leaf is not None else Undefined
            results[name] = told
            if told is Undefined:
                rest[name] = nodes
        if not rest:
            return results
        found: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        if self.is_awaitable(found):
            return _later(results, found)
        return _together(results, found)

    def _verdicts(self, row: object) -> Mapping[Any, Any]:
        standings = getattr(self.context_value, "standings", None)
        standing = standings.get(id(row)) if standings else None
        return {} if standing is None else standing.verdicts

    def _plan(
        self, parent_type: GraphQLObjectType, grouped_field_set: Mapping[str, Any]
    ) -> list[tuple[str, Any, Leaf | None]]:
        plan = []
        for name, nodes in grouped_field_set.items():
            field = self.schema.get_field(parent_type, nodes[0].node.name.value)
            is_plain = field is not None and not self.middleware_manager
            plan.append((name, nodes, field.extensions.get(_LEAF) if field and is_plain else None))
        self._plans[id(grouped_field_set)] = grouped_field_set, plan
        return plan


def _told(leaf: Leaf, row: object, verdicts: Mapping[Any, Any]) -> Any:
    """The leaf's value as it is answered; Undefined where something is in the way."""
    if leaf.gate is not None and verdicts.get(leaf.gate) is not True:
        return Undefined
    try:
        value = getattr(row, leaf.attribute)
        if value is None:
            return None if leaf.may_be_missing else Undefined
        told = leaf.tell(value)
    except Exception:  # noqa: BLE001 - graphql-core does it again, and says where it failed
        return Undefined
    return Undefined if told is None else told


async def _later(results: dict[str, Any], waiting: Any) -> dict[str, Any]:
    return _together(results, await waiting)


def _together(results: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the document; without fields nobody knows."""
    results.update(found)
    return {name: each for name, each in results.items() if each is not Undefined}
