"""Who may look: enforces, on a whole schema, the rights its fields and types were declared with.

The guard of a type is asked once for every object of it, however the object was reached; the guard
of a field, of the object the field belongs to. Both are asked without waiting, because the rights
on all rows of an answer are read in one statement as soon as the rows are there. Where they were
not (the root, a single object), the guard waits for a batch.
"""

from collections.abc import Awaitable, Callable, Iterable
from types import CoroutineType
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
    is_leaf_type,
)

from access.permissions import Decision, Permission, Principal, Scope
from operations.refusals import Denied
from resolvers.catalog import (
    attribute_of,
    declared_in,
    keep,
    metadata_of,
    names,
    own_right_of_field,
    right_of_type,
)
from resolvers.context import Context
from resolvers.declared import Right
from resolvers.execution import keep_leaf
from resolvers.reading_ahead import ANSWERED, ReadingAhead, asks_parent
from resolvers.references import Reference, is_referred, referred_in

Resolve = Callable[..., Any]
Info = GraphQLResolveInfo[Context]


class Gate:
    """One declared right, at one coordinate."""

    def __init__(self, coordinate: str, right: Right) -> None:
        self.coordinate = coordinate
        self.right = right
        self._asks_parent = asks_parent(right)

    def ask(self, row: object, context: Context) -> Awaitable[None] | None:
        """Raise if the caller may not; None if they may; to be awaited, and asked again, if the
        rights were not read yet."""
        if context.caller is None:
            raise self._unauthenticated()
        if not self._asks_parent:
            return None
        standing = context.standings.get(id(row)) or context.standing_to(row)
        verdict = standing.verdicts.get(self)
        if verdict is True:
            return None
        reference = standing.reference
        if verdict is None:
            if not context.rights.is_prepared(reference.scope, reference.id):
                return context.prepare([reference])
            verdict = standing.verdicts[self] = self._judge(reference, context)
        if verdict is not True:
            raise self._denied(reference, verdict, context)
        return None

    async def settle(self, waiting: Awaitable[None], row: object, context: Context) -> None:
        """Wait and ask again, until it is answered: rights may be forgotten while one waits."""
        again: Awaitable[None] | None = waiting
        while again is not None:
            await again
            again = self.ask(row, context)

    def _judge(self, reference: Reference, context: Context) -> Decision | bool:
        """True, or the decision that explains best why not."""
        if self.right.allows_self and "is_self" in reference.facts:
            return True
        facts = dict.fromkeys(reference.facts, True)
        refusals: list[Decision] = []
        for group in self.right.any_of:
            decisions = [
                context.rights.decide(each, reference.scope, reference.id, **facts)
                for each in group
            ]
            lacking = [each for each in decisions if not each.allowed]
            if not lacking:
                return True
            refusals += lacking
        return next((each for each in refusals if each.principal is not None), refusals[0])

    def _denied(
        self, reference: Reference, verdict: Decision | bool, context: Context
    ) -> GraphQLError:
        reason = verdict.reason if isinstance(verdict, Decision) else ""
        held = context.rights.held(reference.scope, reference.id)
        return denied(self.coordinate, self.right.any_of, self.right.scope, held, reason)

    def _unauthenticated(self) -> GraphQLError:
        return GraphQLError(
            f"Sign in to read {self.coordinate}.",
            extensions={"code": "UNAUTHENTICATED", "coordinate": self.coordinate},
        )


def denied(
    coordinate: str,
    any_of: tuple[tuple[Permission, ...], ...],
    scope: Scope,
    held: Iterable[Principal],
    reason: str,
) -> GraphQLError:
    """The one shape of a refusal for want of a permission (G3)."""
    return GraphQLError(
        reason,
        extensions={
            "code": "PERMISSION_DENIED",
            "coordinate": coordinate,
            "requiredAnyOf": names(any_of),
            "scope": scope.name,
            "held": sorted(each.name for each in held),
            "reason": reason,
        },
    )


def guard_schema(schema: GraphQLSchema) -> None:
    """Enforce every declared right, and let the schema carry the catalog of them.

    Raises BadDeclaration for a field without a right, a guarded non-null field, and a question
    the root cannot answer.
    """
    keep(schema, declared_in(schema))
    guarding = _Guarding(schema)
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not is_introspection_type(type_):
            guarding.guard(type_)


def _strangers_reach(schema: GraphQLSchema) -> frozenset[str]:
    """The types at whose gates somebody may stand who is not signed in: those that public fields
    lead to. On the way to all others such a person has been turned away."""
    reached: set[str] = set()
    waiting = [each for each in _roots(schema) if each is not None]
    while waiting:
        type_ = waiting.pop()
        shared = right_of_type(type_)
        for field in type_.fields.values():
            right = own_right_of_field(field) or shared
            if right is not None and right.is_public:
                new = [each for each in _shown(schema, field) if each.name not in reached]
                reached.update(each.name for each in new)
                waiting += new
    return frozenset(reached)


def _roots(schema: GraphQLSchema) -> tuple[GraphQLObjectType | None, ...]:
    return schema.query_type, schema.mutation_type, schema.subscription_type


def _shown(schema: GraphQLSchema, field: GraphQLField) -> list[GraphQLObjectType]:
    """The kinds of objects a field leads to."""
    type_ = get_named_type(field.type)
    if is_abstract_type(type_):
        return list(schema.get_possible_types(type_))
    return [type_] if isinstance(type_, GraphQLObjectType) else []


class _Guarding:
    """Puts the gates of one schema in place."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._roots = _roots(schema)
        self._strangers_reach = _strangers_reach(schema)
        self._ahead = ReadingAhead()

    def guard(self, type_: GraphQLObjectType) -> None:
        """The root is no object anybody reaches: its fields ask what the type says."""
        is_root = type_ in self._roots
        shared = right_of_type(type_)
        if shared is not None and not is_root and self._may_refuse(shared, type_):
            type_.is_type_of = _readable(Gate(type_.name, shared), type_.is_type_of)
        for name, field in type_.fields.items():
            coordinate = f"{type_.name}.{name}"
            right = own_right_of_field(field) or (shared if is_root else None)
            _answer_field(coordinate, field, self._ahead, is_root=is_root)
            if right is not None and self._may_refuse(right, type_):
                _gate_field(field, Gate(coordinate, right), is_root=is_root)

    def _may_refuse(self, right: Right, type_: GraphQLObjectType) -> bool:
        """Whether a gate has anything left to ask of those who come as far as this type."""
        if right.is_public:
            return False
        return asks_parent(right) or type_ in self._roots or type_.name in self._strangers_reach


def _readable(gate: Gate, is_of_type: Callable[..., Any] | None) -> Callable[..., Any]:
    def is_allowed(row: object, info: Info) -> bool | Awaitable[bool]:
        context = info.context
        standing = context.standings.get(id(row))
        if standing is not None and standing.verdicts.get(gate) is True:
            return True
        waiting = gate.ask(row, context)
        return True if waiting is None else later(waiting, row, context)

    def is_readable(row: object, info: Info) -> bool | Awaitable[bool]:
        return is_of_type is not None and is_of_type(row, info) and is_allowed(row, info)

    async def later(waiting: Awaitable[None], row: object, context: Context) -> bool:
        await gate.settle(waiting, row, context)
        return True

    return is_allowed if is_of_type is None else is_readable


def _answer_field(
    coordinate: str, field: GraphQLField, ahead: ReadingAhead, *, is_root: bool
) -> None:
    metadata, attribute = metadata_of(field), attribute_of(field)
    if attribute is not None:
        field.resolve = _column(attribute)
        if not is_root:
            keep_leaf(field, attribute)
    elif metadata.get(ANSWERED):
        resolve = cast("Resolve", field.resolve)
        if is_leaf_type(get_named_type(field.type)):
            field.resolve = _answering(coordinate, resolve)
        else:
            field.resolve = _answering_rows(coordinate, resolve, ahead)
        if field.subscribe is not None:
            field.subscribe = _answering(coordinate, field.subscribe)


def _gate_field(field: GraphQLField, gate: Gate, *, is_root: bool) -> None:
    gated = _gated_root if is_root else _gated
    attribute = attribute_of(field)
    if attribute is not None and not is_root:
        field.resolve = _gated_column(gate, attribute)
        keep_leaf(field, attribute, gate)
    else:
        field.resolve = gated(gate, cast("Resolve", field.resolve))
    if field.subscribe is not None:
        field.subscribe = gated(gate, field.subscribe)


def _column(attribute: str) -> Resolve:
    def read(row: object, _info: Info) -> Any:
        return getattr(row, attribute)

    return read


def _gated_column(gate: Gate, attribute: str) -> Resolve:
    """What the gate has allowed on a row, or on another with the same rights, it is not asked
    again."""

    def ask_and_read(row: object, info: Info) -> Any:
        standing = info.context.standings.get(id(row))
        if standing is not None and standing.verdicts.get(gate) is True:
            return getattr(row, attribute)
        waiting = gate.ask(row, info.context)
        return getattr(row, attribute) if waiting is None else later(waiting, row, info.context)

    async def later(waiting: Awaitable[None], row: object, context: Context) -> Any:
        await gate.settle(waiting, row, context)
        return getattr(row, attribute)

    return ask_and_read


def _gated(gate: Gate, resolve: Resolve) -> Resolve:
    """The same, of what a function answers."""

    def ask_and_resolve(row: object, info: Info, **arguments: Any) -> Any:
        standing = info.context.standings.get(id(row))
        if standing is not None and standing.verdicts.get(gate) is True:
            return resolve(row, info, **arguments)
        waiting = gate.ask(row, info.context)
        if waiting is None:
            return resolve(row, info, **arguments)
        return later(waiting, row, info, arguments)

    async def later(
        waiting: Awaitable[None], row: object, info: Info, arguments: dict[str, Any]
    ) -> Any:
        await gate.settle(waiting, row, info.context)
        answer = resolve(row, info, **arguments)
        return await answer if _waits(answer) else answer

    return ask_and_resolve


def _gated_root(gate: Gate, resolve: Resolve) -> Resolve:
    """The root of a document is the workspace, whatever object it is executed with."""

    def ask_and_resolve(root: object, info: Info, **arguments: Any) -> Any:
        info.context.declared = gate.right
        info.context.arguments = arguments
        waiting = gate.ask(None, info.context)
        if waiting is None:
            return resolve(root, info, **arguments)
        return later(waiting, root, info, arguments)

    async def later(
        waiting: Awaitable[None], root: object, info: Info, arguments: dict[str, Any]
    ) -> Any:
        await gate.settle(waiting, None, info.context)
        answer = resolve(root, info, **arguments)
        return await answer if _waits(answer) else answer

    return ask_and_resolve


def _answering(coordinate: str, resolve: Resolve) -> Resolve:
    """Say where an operation's refusal happened."""

    def answer(row: object, info: Info, **arguments: Any) -> Any:
        try:
            found = resolve(row, info, **arguments)
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal
        return finish(found) if _waits(found) else found

    async def finish(waiting: Awaitable[Any]) -> Any:
        try:
            return await waiting
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal

    return answer


def _answering_rows(coordinate: str, resolve: Resolve, ahead: ReadingAhead) -> Resolve:
    """The same, and read the rights on all rows at once."""

    def answer(row: object, info: Info, **arguments: Any) -> Any:
        try:
            found = resolve(row, info, **arguments)
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal
        if _waits(found):
            return finish(found, info)
        missing = _unread(found, info.context) if ahead.needs(info) else ()
        return _after(missing, found, info.context) if missing else found

    async def finish(waiting: Awaitable[Any], info: Info) -> Any:
        try:
            found = await waiting
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal
        if found is None or _is_known(found, info.context) or not ahead.needs(info):
            return found
        await info.context.prepare(_unread(found, info.context))
        return found

    return answer


async def _after(missing: Iterable[Reference], found: Any, context: Context) -> Any:
    await context.prepare(missing)
    return found


def _is_known(found: object, context: Context) -> bool:
    """Whether this is one row, and about the workspace whose rights are read: as good as every
    row of its kind, so none of them waits."""
    if context.caller is None or not is_referred(found):
        return False
    scope, id, _ = context.standing_to(found).reference
    return scope is Scope.WORKSPACE and context.rights.is_prepared(scope, id)


def _unread(found: object, context: Context) -> list[Reference]:
    if context.caller is None:
        return []
    about = {context.standing_to(row) for row in referred_in(found)}
    rights = context.rights
    references = [each.reference for each in about]
    return [each for each in references if not rights.is_prepared(each.scope, each.id)]


def _at(coordinate: str, refusal: Denied) -> GraphQLError:
    return denied(coordinate, ((refusal.permission,),), refusal.scope, refusal.held, refusal.reason)


def _waits(answer: object) -> bool:
    return type(answer) is CoroutineType or hasattr(answer, "__await__")
