"""Documents parsed, measured and validated once, then found again by their text."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    IntValueNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ASTValidationRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.graphql.cost import Measurement, check_cost, check_shape, count_of
from app.graphql.errors import Code, RequestRefused, format_request_error, refused
from app.graphql.limits import Limits, too_complex
from app.graphql.pricing import Pricing, Weight

SHOWN_ERRORS = 10
REMEMBERED_COSTS = 64


class CodedValuesOfCorrectTypeRule(ValuesOfCorrectTypeRule):
    """A literal of the wrong type is the caller's input, like a variable of the wrong type."""

    def report_error(self, error: GraphQLError) -> None:
        error.extensions = {**(error.extensions or {}), "code": Code.BAD_USER_INPUT.value}
        super().report_error(error)


class StorableLiteralsRule(ASTValidationRule):
    """PostgreSQL stores no NUL, and nothing here computes with infinity."""

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if "\0" in node.value:
            self._report("A string contains the character NUL (U+0000).", node)

    def enter_float_value(self, node: FloatValueNode | IntValueNode, *_: object) -> None:
        if math.isinf(float(node.value)):
            self._report("A number is too large for a double.", node)

    enter_int_value = enter_float_value

    def _report(self, message: str, node: Node) -> None:
        extensions = {"code": Code.BAD_USER_INPUT.value}
        self.report_error(GraphQLError(message, node, extensions=extensions))


RULES: tuple[type[ASTValidationRule], ...] = (
    *(
        CodedValuesOfCorrectTypeRule if rule is ValuesOfCorrectTypeRule else rule
        for rule in specified_rules
    ),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
    StorableLiteralsRule,
)


@dataclass(slots=True)
class Prepared:
    """A document fit to run: parsed, within its limits, valid for the schema."""

    document: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    sizing_variables: tuple[str, ...]
    costs: dict[tuple[object, ...], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The one operation of a document that a request runs, and what it costs."""

    prepared: Prepared
    node: OperationDefinitionNode
    cost: int

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    @property
    def first_field(self) -> str:
        """The key of the first root field in the answer; a subscription has only this one."""
        first = self.node.selection_set.selections[0]
        if isinstance(first, FieldNode):
            return first.alias.value if first.alias else first.name.value
        return self.type.value

    @property
    def type(self) -> OperationType:
        return self.node.operation


class Documents:
    """The documents of one schema. The cache is bounded in entries and in tokens (memory)."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        limits: Limits,
        introspection: bool,
        weight: Weight | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._hide_suggestions = not introspection
        self._rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
        self._pricing = Pricing(schema, limits, weight)
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self._tokens = 0

    def prepare(self, text: str) -> Prepared:
        """Parse, measure and validate; RequestRefused says everything that is wrong."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = self._parse(text)
        measurement = Measurement(document, self._pricing)
        check_shape(document, measurement, self._limits)
        self._validate(document)
        prepared = Prepared(
            document,
            operations={
                each.name.value if each.name else None: each
                for each in document.definitions
                if isinstance(each, OperationDefinitionNode)
            },
            sizing_variables=tuple(sorted(measurement.variables_read)),
        )
        self._remember(text, prepared)
        return prepared

    def choose(
        self, prepared: Prepared, name: str | None, variables: Mapping[str, object]
    ) -> Chosen:
        """The operation a request names, or the only one; refused when dear or ambiguous."""
        node = _operation(prepared, name)
        sizes = tuple(count_of(variables.get(each)) for each in prepared.sizing_variables)
        key = (node.name.value if node.name else None, *sizes)
        cost = prepared.costs.get(key)
        if cost is None:
            measurement = Measurement(prepared.document, self._pricing, variables)
            cost = measurement.operation(node).cost
            if len(prepared.costs) < REMEMBERED_COSTS:
                prepared.costs[key] = cost
        check_cost(cost, self._limits)
        return Chosen(prepared, node, cost)

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits
        if len(text) > limits.source_length:
            raise too_complex("source", limit=limits.source_length, actual=len(text))
        try:
            return parse(
                text,
                max_lexical_tokens=limits.tokens,
                max_comments=limits.comments,
                allow_empty_selection_sets=False,
            )
        except GraphQLSyntaxError as error:
            if "more than" in error.message and "Parsing aborted" in error.message:
                kind = "tokens" if "tokens" in error.message else "comments"
                limit = limits.tokens if kind == "tokens" else limits.comments
                raise too_complex(kind, limit=limit, actual=limit + 1) from None
            raise RequestRefused([format_request_error(error, Code.GRAPHQL_PARSE_FAILED)]) from None

    def _validate(self, document: DocumentNode) -> None:
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=SHOWN_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if errors:
            raise RequestRefused(
                [format_request_error(each, Code.GRAPHQL_VALIDATION_FAILED) for each in errors]
            )

    def _remember(self, text: str, prepared: Prepared) -> None:
        self._known[text] = prepared
        self._tokens += prepared.document.token_count
        while len(self._known) > self._limits.cached_documents or (
            self._tokens > self._limits.cached_tokens
        ):
            _, forgotten = self._known.popitem(last=False)
            self._tokens -= forgotten.document.token_count


def _operation(prepared: Prepared, name: str | None) -> OperationDefinitionNode:
    if name is None and len(prepared.operations) == 1:
        return next(iter(prepared.operations.values()))
    node = prepared.operations.get(name) if name is not None else None
    if node is None:
        raise refused(
            Code.OPERATION_RESOLUTION_FAILURE,
            "The document has several operations; name one in operationName."
            if name is None and prepared.operations
            else "The document has no operation of that name.",
        )
    return node
