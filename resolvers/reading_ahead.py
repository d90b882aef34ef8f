"""Which answers need the rights on their rows read ahead: told from what a document selects."""

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
)

from resolvers.catalog import answerer_of, metadata_of, own_right_of_field, right_of_type
from resolvers.declared import Asked, Right

ANSWERED: Final = "answered"
"""In a field's metadata: true where a function answers, not a column."""

Selecting = FieldNode | InlineFragmentNode | FragmentDefinitionNode
Fragments = dict[str, FragmentDefinitionNode]

_Known = dict[tuple[int, ...], tuple[bool, list[FieldNode]]]
"""By type and nodes. Keeping the nodes keeps their ids."""


_ASKING: Final[set[Callable[..., Any]]] = set()

Answerer = TypeVar("Answerer", bound=Callable[..., Any])


def asking_of_row(answerer: Answerer) -> Answerer:
    """Mark an answerer that asks for rights on the row by itself, whatever its field declares."""
    _ASKING.add(answerer)
    return answerer


def asks_parent(right: Right | None) -> bool:
    """Whether the guard asks for a permission on a row."""
    return right is not None and right.requirement is not None and right.asked is Asked.PARENT


class ReadingAhead:
    """Worked out once for each field of a document, and forgotten with the document."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[OperationDefinitionNode], _Known]] = {}

    def needs(self, info: GraphQLResolveInfo[Any]) -> bool:
        """Whether what is selected of this field's rows asks for rights on them."""
        operation, nodes, type_ = info.operation, info.field_nodes, info.return_type
        entry = self._known.get(id(operation)) or self._begin(operation)
        key = (id(type_), id(nodes[0])) if len(nodes) == 1 else (id(type_), *(id(n) for n in nodes))
        known = entry[1].get(key)
        if known is None:
            known = entry[1][key] = (asks_of_rows(type_, nodes, info.fragments), nodes)
        return known[0]

    def _begin(
        self, operation: OperationDefinitionNode
    ) -> tuple[weakref.ref[OperationDefinitionNode], _Known]:
        number, known = id(operation), self._known

        def forget(_: object) -> None:
            known.pop(number, None)

        entry = known[number] = weakref.ref(operation, forget), {}
        return entry


def asks_of_rows(
    output: GraphQLOutputType, nodes: Iterable[Selecting], fragments: Fragments
) -> bool:
    """Whether rows of this type, or what a page of it carries, are asked about by what is
    selected. What `@skip` and `@include` say, and which type a fragment is for, counts as met."""
    type_ = get_named_type(output)
    if is_abstract_type(type_):
        return True
    if not isinstance(type_, GraphQLObjectType):
        return False
    if asks_parent(right_of_type(type_)):
        return True
    chosen = ((type_.fields.get(each.name.value), each) for each in _selected(nodes, fragments))
    return any(field and _is_asked(field, node, fragments) for field, node in chosen)


def _is_asked(field: GraphQLField, node: FieldNode, fragments: Fragments) -> bool:
    if asks_parent(own_right_of_field(field)) or answerer_of(field) in _ASKING:
        return True
    is_carried = not metadata_of(field).get(ANSWERED)
    return is_carried and asks_of_rows(field.type, [node], fragments)


def _selected(nodes: Iterable[Selecting], fragments: Fragments) -> Iterator[FieldNode]:
    for node in nodes:
        for each in node.selection_set.selections if node.selection_set else ():
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, FragmentSpreadNode):
                yield from _selected([fragments[each.name.value]], fragments)
            elif isinstance(each, InlineFragmentNode):
                yield from _selected([each], fragments)
