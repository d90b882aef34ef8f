"""The schema that is served: no field without a right, and the guard stands where it is said."""

import pytest
from graphql import (
    GraphQLObjectType,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
)

from access.permissions import Permission
from resolvers.catalog import fields_of, own_right_of_field
from resolvers.declared import Asked
from resolvers.permissions import catalog
from schema.requires import undeclared
from schema.schema import schema

GRAPHQL = schema._schema


@pytest.mark.spec("G1")
def test_every_field_of_every_type_is_requires_or_public() -> None:
    assert undeclared(schema) == []


def test_the_printed_schema_says_it_too() -> None:
    """What a reader of the SDL sees, without knowing anything of the program."""
    silent = [
        f"{type_.name.value}.{field.name.value}"
        for type_ in parse(schema.as_str()).definitions
        if isinstance(type_, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode)
        for field in type_.fields or ()
        if not {each.name.value for each in (*(type_.directives or ()), *(field.directives or ()))}
        & {"requires", "public"}
    ]

    assert silent == []


def test_the_catalog_has_one_entry_for_every_field() -> None:
    coordinates = [f"{type_.name}.{name}" for type_, name, _ in fields_of(GRAPHQL)]

    assert [each.coordinate for each in catalog(GRAPHQL)] == sorted(coordinates)


def test_what_a_mutation_requires_is_asked_by_its_operation() -> None:
    mutation = GRAPHQL.mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    for name, field in mutation.fields.items():
        right = own_right_of_field(field)
        assert right is not None, name
        assert right.requirement is None or right.asked is Asked.OPERATION, name


def test_a_mutation_named_like_a_permission_requires_that_permission() -> None:
    mutation = GRAPHQL.mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    words = {each.value.replace("_", ""): each for each in Permission}
    named = {name: words[name.lower()] for name in mutation.fields if name.lower() in words}

    assert named, "some mutations are named after the operations of the permission table"
    for name, permission in named.items():
        right = own_right_of_field(mutation.fields[name])
        assert right is not None
        assert permission in {each for group in right.any_of for each in group}, name
