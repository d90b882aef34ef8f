"""What a schema says about the cost of its fields: weights and page sizes."""

from collections.abc import Callable, Mapping
from functools import cached_property

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from app.graphql.limits import Limits

Weight = Callable[[str, str], int | None]
"""`weight(type_name, field_name)`: points per object, or None for the default."""


class Pricing:
    """What the schema says about weights and sizes; made once per schema."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, weight: Weight | None) -> None:
        self.schema = schema
        self.limits = limits
        self._weight = weight

    @cached_property
    def _page_types(self) -> frozenset[str]:
        """Types that a field with a sizing argument returns, such as connections."""
        found = set()
        for owner in self.schema.type_map.values():
            if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType):
                for field in owner.fields.values():
                    if self._sizing(field) and not is_list(field):
                        found.add(get_named_type(field.type).name)
        return frozenset(found)

    def _sizing(self, field: GraphQLField) -> list[str]:
        return [name for name in self.limits.sizing_arguments if name in field.args]

    def weight(self, owner: GraphQLNamedType, name: str, field: GraphQLField) -> int:
        """Points of one object (or leaf) of this field."""
        said = self._weight(owner.name, name) if self._weight else None
        if said is not None:
            return said
        return 0 if is_leaf_type(get_named_type(field.type)) else 1

    def size(
        self,
        owner: GraphQLNamedType,
        name: str,
        field: GraphQLField,
        given: Mapping[str, int | None],
    ) -> int:
        """How many objects the field may return; `given` maps sizing arguments to counts."""
        sizes = [size for size in given.values() if size is not None]
        if sizes:
            return max(1, *sizes)
        sizing = self._sizing(field)
        if sizing:
            return self._default_size(field, sizing)
        if not is_list(field) or owner.name in self._page_types:
            return 1
        return self.limits.list_sizes.get(f"{owner.name}.{name}", self.limits.list_size)

    def _default_size(self, field: GraphQLField, sizing: list[str]) -> int:
        for name in sizing:
            argument = field.args[name]
            value = argument.default.value if argument.default else argument.default_value
            if isinstance(value, int):
                return max(1, value)
        return self.limits.page_size


def is_list(field: GraphQLField) -> bool:
    kind = field.type
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)
