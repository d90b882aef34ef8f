"""Every field of a schema and what it asks for, read from the schema itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    is_introspection_type,
)

from access.permissions import Permission, Scope
from resolvers.declared import Asked, Right

RIGHT: Final = "right"
"""Where a declaration keeps its right: in a field's metadata, and as this attribute of a type."""

COLUMN: Final = "column"
"""In a field's metadata: the attribute of the row that is its value."""

_DECLARATION: Final = "strawberry-definition"
_KEPT: Final = "lms-coordinator.permissions"

Named = GraphQLObjectType | GraphQLInterfaceType


class BadDeclaration(Exception):
    """A schema that would not be guarded as it says; it must not be served."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One field, and the right it stands under: its own, or that of the type it sits on."""

    coordinate: str
    right: Right
    is_own: bool


def right_of_type(type_: Named) -> Right | None:
    """The right a type was itself declared with; what it derives from gives it none."""
    declaration = type_.extensions.get(_DECLARATION)
    generic = getattr(declaration, "concrete_of", None)
    origins = [getattr(each, "origin", None) for each in (declaration, generic)]
    rights = (vars(each).get(f"__{RIGHT}__") for each in origins if each is not None)
    return next((each for each in rights if each is not None), None)


def own_right_of_field(field: GraphQLField) -> Right | None:
    """The right a field was declared with, if it does not share its type's."""
    return metadata_of(field).get(RIGHT)


def metadata_of(field: GraphQLField) -> dict[str, Any]:
    declaration = field.extensions.get(_DECLARATION)
    return dict(getattr(declaration, "metadata", None) or {})


def attribute_of(field: GraphQLField) -> str | None:
    """The attribute of the row that is the field's value; None where a function answers."""
    declaration = field.extensions.get(_DECLARATION)
    if not getattr(declaration, "is_basic_field", False):
        return None
    named: str | None = metadata_of(field).get(COLUMN)
    return named or getattr(declaration, "python_name", None)


def answerer_of(field: GraphQLField) -> Callable[..., Any] | None:
    """The function that answers a field, as it was declared."""
    declaration = field.extensions.get(_DECLARATION)
    resolver = getattr(declaration, "base_resolver", None)
    return getattr(resolver, "wrapped_func", None)


def fields_of(schema: GraphQLSchema) -> Iterator[tuple[Named, str, GraphQLField]]:
    """Every field of every object type and interface, introspection apart."""
    for type_ in schema.type_map.values():
        if isinstance(type_, Named) and not is_introspection_type(type_):
            for name, field in type_.fields.items():
                yield type_, name, field


def undeclared(schema: GraphQLSchema) -> list[str]:
    """The coordinates of the fields for which nobody has said who may look."""
    return [
        f"{type_.name}.{name}"
        for type_, name, field in fields_of(schema)
        if own_right_of_field(field) is None and right_of_type(type_) is None
    ]


def badly_declared(schema: GraphQLSchema) -> list[str]:
    """Sentences about fields whose declaration cannot work."""
    return [
        f"{type_.name}.{name} {complaint}"
        for type_, name, field in fields_of(schema)
        for complaint in _complaints(schema, type_, field)
    ]


def _complaints(schema: GraphQLSchema, type_: Named, field: GraphQLField) -> Iterator[str]:
    own = own_right_of_field(field)
    is_root = type_ in {schema.query_type, schema.mutation_type, schema.subscription_type}
    right = own or (right_of_type(type_) if is_root else None)
    if right is None or right.requirement is None:
        return
    if isinstance(field.type, GraphQLNonNull):
        yield "is guarded and non-null: a refusal would take its whole object with it."
    if is_root and right.asked is Asked.PARENT and right.scope is not Scope.WORKSPACE:
        yield f"asks of a {right.scope}, and the root is a workspace: say by_rows or by_operation."


def declared_in(schema: GraphQLSchema) -> list[Declared]:
    """What every field asks for, in order of coordinates. Raises BadDeclaration."""
    faults = [f"{each} says no right." for each in undeclared(schema)] + badly_declared(schema)
    if faults:
        raise BadDeclaration(" ".join(faults))
    found = []
    for type_, name, field in fields_of(schema):
        own, shared = own_right_of_field(field), right_of_type(type_)
        right = own or shared
        if right is not None:
            found.append(Declared(f"{type_.name}.{name}", right, is_own=own is not None))
    return sorted(found, key=lambda each: each.coordinate)


def keep(schema: GraphQLSchema, declared: list[Declared]) -> None:
    """Let the schema carry its catalog."""
    schema.extensions[_KEPT] = tuple(declared)


def kept(schema: GraphQLSchema) -> tuple[Declared, ...]:
    """The catalog a guarded schema carries."""
    catalog: tuple[Declared, ...] = schema.extensions[_KEPT]
    return catalog


def open_to_all(schema: GraphQLSchema) -> frozenset[str]:
    """The fields of queries that anybody may ask for, signed in or not."""
    root = schema.query_type
    fields = {} if root is None else root.fields
    rights = {name: own_right_of_field(field) for name, field in fields.items()}
    return frozenset(name for name, right in rights.items() if right and right.is_public)


def names(groups: tuple[tuple[Permission, ...], ...]) -> list[list[str]]:
    """Permissions as the enum of the schema spells them."""
    return [[each.name for each in group] for group in groups]
