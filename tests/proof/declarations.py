"""What schema.graphql says who may read each field, read from its text: the guard's own data are
not looked at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graphql import (
    DirectiveNode,
    FieldDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListValueNode,
    ObjectTypeDefinitionNode,
    parse,
)
from graphql.language import EnumValueNode

SDL: Final = Path(__file__).parents[2] / "schema" / "schema.graphql"

Carrier = FieldDefinitionNode | ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode


@dataclass(frozen=True)
class Declared:
    """Operations of the table; any group, of that group all. No group: everybody signed in."""

    any_of: tuple[tuple[str, ...], ...]
    is_public: bool = False
    or_self: bool = False


def _declared(node: Carrier) -> Declared | None:
    said = {each.name.value: each for each in node.directives or ()}
    if "public" in said:
        return Declared((), is_public=True)
    if "requires" not in said:
        return None
    groups = [group for group in _groups(said["requires"]) if group]
    return Declared(tuple(groups), or_self="orSelf" in said)


def _groups(requires: DirectiveNode) -> list[tuple[str, ...]]:
    [any_of] = [each.value for each in requires.arguments or () if each.name.value == "anyOf"]
    assert isinstance(any_of, ListValueNode)
    found = []
    for group in any_of.values:
        assert isinstance(group, ListValueNode)
        names = [each.value for each in group.values if isinstance(each, EnumValueNode)]
        found.append(tuple(name.lower() for name in names))
    return found


def read_declarations() -> dict[str, Declared]:
    """By coordinate; a type's own right under the name of the type."""
    found: dict[str, Declared] = {}
    for node in parse(SDL.read_text()).definitions:
        if not isinstance(node, ObjectTypeDefinitionNode):
            continue
        shared = _declared(node)
        if shared is not None:
            found[node.name.value] = shared
        for each in node.fields or ():
            own = _declared(each)
            right = own or shared
            assert right is not None, f"{node.name.value}.{each.name.value} says no right"
            found[f"{node.name.value}.{each.name.value}"] = right
    return found
