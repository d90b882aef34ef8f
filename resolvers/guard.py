"""Who may look: enforces, on a whole schema, the rights its fields and types were declared with.

The guard of a type is asked once for every object of it, however the object was reached; the guard
of a field, of the object the field belongs to. Both are asked without waiting, because the rights
on all rows of an answer are read in one statement as soon as the rows are there. Where they were
not (the root, a single object), the guard waits for a batch.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, cast

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
)

from access.permissions import Decision, Permission, Principal, Scope
from operations.refusals import Denied
from resolvers.catalog import (
    declared_in,
    keep,
    metadata_of,
    names,
    own_right_of_field,
    right_of_type,
)
from resolvers.context import Context
from resolvers.declared import Asked, Right
from resolvers.references import Reference, references_in

Resolve = Callable[..., Any]
Info = GraphQLResolveInfo[Context]

COLUMN: Final = "column"
"""In a field's metadata: the attribute of the row that is its value."""

ANSWERED: Final = "answered"
"""In a field's metadata: true where a function answers, not a column."""


class Gate:
    """One declared right, at one coordinate."""

    def __init__(self, coordinate: str, right: Right) -> None:
        self.coordinate = coordinate
        self.right = right
        self._asks_parent = right.requirement is not None and right.asked is Asked.PARENT

    def ask(self, row: object, context: Context) -> Awaitable[None] | None:
        """Raise if the caller may not; None if they may; to be awaited, and asked again, if the
        rights were not read yet."""
        if context.caller is None:
            raise self._unauthenticated()
        if not self._asks_parent:
            return None
        standing = context.standing_to(row)
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
    prepared = _Prepared()
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not is_introspection_type(type_):
            _guard_type(type_, is_root=type_ in roots, prepared=prepared)


class _Prepared:
    """Which types need the rights on their rows read ahead."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def needs(self, output: GraphQLOutputType) -> bool:
        """Whether rows of this type, or what a page of it carries, are asked about."""
        type_ = get_named_type(output)
        if is_abstract_type(type_):
            return True
        if not isinstance(type_, GraphQLObjectType):
            return False
        if type_.name not in self._known:
            self._known[type_.name] = False
            self._known[type_.name] = self._asks(type_)
        return self._known[type_.name]

    def _asks(self, type_: GraphQLObjectType) -> bool:
        rights = [right_of_type(type_)]
        rights += [own_right_of_field(field) for field in type_.fields.values()]
        if any(each and each.requirement and each.asked is Asked.PARENT for each in rights):
            return True
        carried = [each for each in type_.fields.values() if not metadata_of(each).get(ANSWERED)]
        return any(self.needs(each.type) for each in carried)


def _guard_type(type_: GraphQLObjectType, *, is_root: bool, prepared: _Prepared) -> None:
    """The root is no object anybody reaches: its fields ask what the type says."""
    shared = right_of_type(type_)
    if shared is not None and not shared.is_public and not is_root:
        type_.is_type_of = _readable(Gate(type_.name, shared), type_.is_type_of)
    for name, field in type_.fields.items():
        coordinate = f"{type_.name}.{name}"
        right = own_right_of_field(field) or (shared if is_root else None)
        _answer_field(coordinate, field, reads_ahead=prepared.needs(field.type))
        if right is not None and not right.is_public:
            _gate_field(field, Gate(coordinate, right), is_root=is_root)


def _readable(gate: Gate, is_of_type: Callable[..., Any] | None) -> Callable[..., Any]:
    def is_readable(row: object, info: Info) -> bool | Awaitable[bool]:
        if is_of_type is not None and not is_of_type(row, info):
            return False
        waiting = gate.ask(row, info.context)
        if waiting is None:
            return True

        async def later() -> bool:
            await gate.settle(waiting, row, info.context)
            return True

        return later()

    return is_readable


def _answer_field(coordinate: str, field: GraphQLField, *, reads_ahead: bool) -> None:
    metadata = metadata_of(field)
    if COLUMN in metadata:
        field.resolve = _column(metadata[COLUMN])
    elif metadata.get(ANSWERED):
        resolve = cast("Resolve", field.resolve)
        field.resolve = _answering(coordinate, resolve, reads_ahead=reads_ahead)
        if field.subscribe is not None:
            field.subscribe = _answering(coordinate, field.subscribe, reads_ahead=False)


def _gate_field(field: GraphQLField, gate: Gate, *, is_root: bool) -> None:
    field.resolve = _gated(gate, cast("Resolve", field.resolve), is_root=is_root)
    if field.subscribe is not None:
        field.subscribe = _gated(gate, field.subscribe, is_root=is_root)


def _column(attribute: str) -> Resolve:
    def read(row: object, _info: Info) -> Any:
        return getattr(row, attribute)

    return read


def _gated(gate: Gate, resolve: Resolve, *, is_root: bool) -> Resolve:
    def ask_and_resolve(row: object, info: Info, **arguments: Any) -> Any:
        asked_of = row
        if is_root:
            asked_of, info.context.declared = None, gate.right
            info.context.arguments = arguments
        waiting = gate.ask(asked_of, info.context)
        if waiting is None:
            return resolve(row, info, **arguments)

        async def later() -> Any:
            await gate.settle(waiting, asked_of, info.context)
            answer = resolve(row, info, **arguments)
            return await answer if _waits(answer) else answer

        return later()

    return ask_and_resolve


def _answering(coordinate: str, resolve: Resolve, *, reads_ahead: bool) -> Resolve:
    """Say where an operation's refusal happened, and read the rights on all rows at once."""

    def answer(row: object, info: Info, **arguments: Any) -> Any:
        try:
            found = resolve(row, info, **arguments)
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal
        if _waits(found):
            return finish(found, info.context)
        missing = _unread(found, info.context) if reads_ahead else []
        return _after(missing, found, info.context) if missing else found

    async def finish(waiting: Awaitable[Any], context: Context) -> Any:
        try:
            found = await waiting
        except Denied as refusal:
            raise _at(coordinate, refusal) from refusal
        if reads_ahead and found is not None:
            await context.prepare(_unread(found, context))
        return found

    return answer


async def _after(missing: list[Reference], found: Any, context: Context) -> Any:
    await context.prepare(missing)
    return found


def _unread(found: object, context: Context) -> list[Reference]:
    caller, rights = context.caller, context.rights
    if caller is None or found is None:
        return []
    return [
        each for each in references_in(found, caller) if not rights.is_prepared(each.scope, each.id)
    ]


def _at(coordinate: str, refusal: Denied) -> GraphQLError:
    return denied(coordinate, ((refusal.permission,),), refusal.scope, refusal.held, refusal.reason)


def _waits(answer: object) -> bool:
    return isinstance(answer, Coroutine) or hasattr(answer, "__await__")
