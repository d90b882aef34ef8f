"""What one may do, asked before doing it: the catalog of the schema, and `viewer.can`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLSchema

from access.caller import Caller
from access.permissions import Condition, Permission, Principal, Scope, scope_of
from operations.rights import Rights
from resolvers.catalog import kept
from resolvers.context import Context
from resolvers.ids import GlobalId, decode, encode
from resolvers.nodes import refuse_too_many, seen
from resolvers.references import Reference, reference_to

WORKSPACE: Final = "Workspace"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """What one field of the schema asks for. `any_of`: outer OR, inner AND; empty if public."""

    coordinate: str
    sentence: str
    is_public: bool
    allows_self: bool
    any_of: tuple[tuple[Permission, ...], ...]
    scope: Scope | None
    when: Condition | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether the caller may do one thing to one other, why, and by which role held where.

    `condition` SELF_ONLY on a granted one: only as far as it is about oneself. The source is None
    where nothing grants it; `source_on` also where any of several things would do.
    """

    operation: Permission
    on: str
    is_allowed: bool
    reason: str
    condition: Condition | None = None
    source_principal: Principal | None = None
    source_scope: Scope | None = None
    source_on: str | None = None


def catalog(schema: GraphQLSchema) -> list[CatalogEntry]:
    """Every field of a guarded schema, in order of coordinates (G2)."""
    entries = []
    for each in kept(schema):
        right, asked = each.right, each.right.requirement
        entries.append(
            CatalogEntry(
                coordinate=each.coordinate,
                sentence=right.sentence,
                is_public=right.is_public,
                allows_self=right.allows_self,
                any_of=() if right.is_public else right.any_of,
                scope=None if right.is_public else right.scope,
                when=asked.when if asked else None,
                conditions=asked.conditions if asked else (),
            )
        )
    return entries


async def can(
    context: Context, caller: Caller, operations: Sequence[Permission], on: Sequence[str] = ()
) -> list[Ability]:
    """Every operation on every thing (global ids; without any, the workspace) (G5).

    Costs one statement per kind of thing and one for the rights. What is hidden is answered as
    what is missing. Raises Refused(BAD_USER_INPUT) for more than 100 things.
    """
    refuse_too_many(len(on), "things")
    things = list(dict.fromkeys(on)) or [encode(WORKSPACE, caller.workspace_id)]
    named = {thing: decode(thing) for thing in things}
    async with context.read() as db:
        rows = await seen(db, caller, [id for id in named.values() if id])
        about = {id: reference_to(row, caller) for id, row in rows.items()}
        await context.prepare_in(db, list(about.values()))
    return [
        _ability(context.rights, operation, thing, about.get(id) if id else None, id)
        for thing, id in named.items()
        for operation in dict.fromkeys(operations)
    ]


def _ability(
    rights: Rights, operation: Permission, on: str, about: Reference | None, id: GlobalId | None
) -> Ability:
    if about is None or id is None:
        return Ability(operation, on, False, "There is no such thing.")
    if not scope_of(operation).contains(about.scope):
        reason = f"{operation.name} is asked of a {scope_of(operation)}."
        return Ability(operation, on, False, reason)
    facts = dict.fromkeys(about.facts, True)
    decision = rights.decide(operation, about.scope, about.id, **facts)
    if decision.condition is Condition.SELF_ONLY and id.type_name != "Member":
        # Asked of a course, one asks for oneself; asked of a person, about that person.
        decision = rights.decide(operation, about.scope, about.id, **facts | {"is_self": True})
    source = rights.source_of(decision, about.scope, about.id) if decision.allowed else None
    return Ability(
        operation,
        on,
        decision.allowed,
        decision.reason,
        decision.condition,
        source_principal=source.principal if source else None,
        source_scope=source.scope if source else None,
        source_on=encode(source.scope.name.title(), source.id) if source and source.id else None,
    )
