"""One memoised pass over a document: how deep, how wide, how dear.

Each fragment is measured once however often it is spread, so the pass is linear in the document.
(Limiters that walk into every spread again are exponential: 22 fragments spread twice each kept a
server busy for 54 s.) Counters saturate, so doubling thirty times stays an ordinary number, and a
fragment met inside itself counts nothing: validation refuses cycles.

Cost of a field: its weight plus its page size times the cost of its selections. Weight is 1 for
objects and 0 for leaves unless the schema says otherwise; page size is the largest of its sizing
arguments (the length, for a list argument) or the default. A list without sizing arguments counts
as `list_size` objects, or as many as `list_sizes` says, except on the page types which sized
fields return: their size is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from app.graphql.limits import Limits, too_complex
from app.graphql.pricing import Pricing, is_list

SATURATED = 1_000_000
NESTING = 100  # selections inside selections; keeps the recursion far from the interpreter's limit


@dataclass(slots=True)
class Tally:
    """What one selection set amounts to, fragments spelled out. `width` is its own level only."""

    depth: int = 0
    introspection_depth: int = 0
    width: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0

    def add(self, other: "Tally") -> None:
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.width = min(SATURATED, self.width + other.width)
        self.fields = min(SATURATED, self.fields + other.fields)
        self.aliases = min(SATURATED, self.aliases + other.aliases)
        self.directives = min(SATURATED, self.directives + other.directives)
        self.cost = min(SATURATED, self.cost + other.cost)


class Measurement:
    """Tallies of the operations and fragments of one document under one set of variables.

    `variables_read` names the variables a size was taken from: documents with none have one cost
    for all requests.
    """

    def __init__(
        self,
        document: DocumentNode,
        pricing: Pricing,
        variables: Mapping[str, object] | None = None,
    ) -> None:
        self._pricing = pricing
        self._limits = pricing.limits
        self._variables = variables or {}
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._memo: dict[str, Tally] = {}
        self._open: set[str] = set()
        self.variables_read: set[str] = set()

    def operation(self, node: OperationDefinitionNode) -> Tally:
        """Measure one operation."""
        root = self._pricing.schema.get_root_type(node.operation)
        tally = Tally(directives=self._directives(node.directives))
        for definition in node.variable_definitions or ():
            tally.directives += self._directives(definition.directives)
        tally.add(self._selections(node.selection_set, root, 1, 0))
        return tally

    def fragment(self, name: str, level: int = 1, nesting: int = 0) -> Tally:
        """Measure a fragment once; inside itself, or unknown, it counts nothing."""
        known = self._memo.get(name)
        if known is not None:
            return known
        node = self._fragments.get(name)
        if node is None or name in self._open:
            return Tally()
        self._open.add(name)
        on = self._pricing.schema.get_type(node.type_condition.name.value)
        tally = Tally(directives=self._directives(node.directives))
        tally.add(self._selections(node.selection_set, on, level, nesting))
        self._open.discard(name)
        self._memo[name] = tally
        return tally

    def _selections(
        self,
        selection_set: SelectionSetNode,
        owner: GraphQLNamedType | None,
        level: int,
        nesting: int,
    ) -> Tally:
        self._guard(level, nesting)
        tally = Tally()
        for selection in selection_set.selections:
            tally.directives += self._directives(selection.directives)
            tally.add(self._selection(selection, owner, level, nesting + 1))
        return tally

    def _selection(
        self, selection: SelectionNode, owner: GraphQLNamedType | None, level: int, nesting: int
    ) -> Tally:
        if isinstance(selection, FieldNode):
            return self._field(selection, owner, level, nesting)
        if isinstance(selection, FragmentSpreadNode):
            return self.fragment(selection.name.value, level, nesting)
        if isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            if condition is not None:
                owner = self._pricing.schema.get_type(condition.name.value)
            return self._selections(selection.selection_set, owner, level, nesting)
        raise TypeError(f"A selection of an unknown kind: {selection.kind}")

    def _field(
        self, node: FieldNode, owner: GraphQLNamedType | None, level: int, nesting: int
    ) -> Tally:
        name = node.name.value
        field = None
        if owner is not None and is_composite_type(owner):
            field = self._pricing.schema.get_field(owner, name)
        below = Tally()
        if node.selection_set:
            result = get_named_type(field.type) if field else None
            below = self._selections(node.selection_set, result, level + 1, nesting)
        tally = Tally(
            depth=1 + below.depth,
            introspection_depth=below.introspection_depth,
            width=1,
            fields=min(SATURATED, 1 + below.fields),
            aliases=min(SATURATED, below.aliases + (node.alias is not None)),
            directives=below.directives,
        )
        if name in {"__schema", "__type"}:
            tally.depth, tally.introspection_depth = 1, below.depth
        elif field is not None and owner is not None:
            tally.cost = self._cost(node, owner, field, below)
        return tally

    def _cost(
        self, node: FieldNode, owner: GraphQLNamedType, field: GraphQLField, below: Tally
    ) -> int:
        weight = self._pricing.weight(owner, node.name.value, field)
        given = {
            argument.name.value: self._count(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in self._limits.sizing_arguments
        }
        size = self._pricing.size(owner, node.name.value, field, given)
        one = weight + below.cost
        cost = size * one if is_list(field) else weight + size * below.cost
        return min(SATURATED, cost)

    def _count(self, value: ValueNode) -> int | None:
        """The number an argument names, or the length of its list; None when it says neither."""
        if isinstance(value, VariableNode):
            name = value.name.value
            self.variables_read.add(name)
            return count_of(self._variables.get(name))
        if isinstance(value, IntValueNode):
            return min(SATURATED, int(value.value)) if len(value.value) < 10 else SATURATED
        return len(value.values) if isinstance(value, ListValueNode) else None

    def _directives(self, nodes: tuple[DirectiveNode, ...] | None) -> int:
        count = len(nodes or ())
        limit = self._limits.directives_per_location
        if count > limit:
            raise too_complex("directives_per_location", limit=limit, actual=count)
        return count

    def _guard(self, level: int, nesting: int) -> None:
        """Stop before the recursion gets deep; the answer would be a refusal in any case."""
        deepest = max(self._limits.depth, self._limits.introspection_depth + 1)
        if level > deepest:
            raise too_complex("depth", limit=self._limits.depth, actual=level)
        if nesting > NESTING:
            raise too_complex("nesting", limit=NESTING, actual=nesting)


def count_of(value: object) -> int | None:
    """The size a variable's value stands for."""
    if isinstance(value, int) and not isinstance(value, bool):
        return min(SATURATED, value)
    return len(value) if isinstance(value, list) else None


def check_shape(document: DocumentNode, measurement: Measurement, limits: Limits) -> None:
    """Refuse what is too big whatever the variables are: every operation, every fragment."""
    fragments = [
        each.name.value for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    ]
    _within("fragments", len(fragments), limits.fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _check_operation(node, measurement.operation(node), limits)
    for name in fragments:
        _check_counts(measurement.fragment(name), limits)


def check_cost(cost: int, limits: Limits) -> None:
    """Refuse an operation whose cost is above the limit."""
    _within("cost", cost, limits.cost)


def _check_operation(node: OperationDefinitionNode, tally: Tally, limits: Limits) -> None:
    if node.operation is OperationType.MUTATION:
        _within("mutations", tally.width, limits.mutations)
    _check_counts(tally, limits)
    _check_depths(tally, limits)
    _within("root_fields", tally.width, limits.root_fields)


def _check_counts(tally: Tally, limits: Limits) -> None:
    _within("aliases", tally.aliases, limits.aliases)
    _within("directives", tally.directives, limits.directives)
    _within("fields", tally.fields, limits.fields)


def _check_depths(tally: Tally, limits: Limits) -> None:
    _within("depth", tally.depth, limits.depth)
    _within("introspection_depth", tally.introspection_depth, limits.introspection_depth)


def _within(kind: str, actual: int, limit: int) -> None:
    if actual > limit:
        raise too_complex(kind, limit=limit, actual=actual)
