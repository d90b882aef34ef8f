"""What one may do, asked before doing it: the catalog of the schema, and `viewer.can`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLSchema
from sqlalchemy import BigInteger
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Condition, Permission, Principal, Scope, scope_of
from models.catalog import Course, Department
from models.people import Member
from models.segments import Segment
from operations import visible
from operations.refusals import Code, Refused
from operations.rights import Rights
from resolvers.catalog import kept
from resolvers.context import Context
from resolvers.ids import GlobalId, decode, encode
from resolvers.references import Reference, reference_to

MOST_AT_ONCE: Final = 100
LARGEST_INTEGER: Final = 2**31 - 1
LARGEST_BIGINT: Final = 2**63 - 1

SEEN: Final[Mapping[str, Any]] = {
    Course.__name__: visible.courses,
    Department.__name__: visible.departments,
    Segment.__name__: visible.segments,
    Member.__name__: visible.members,
}
"""The kinds of things that can be asked about, by the type name in their global ids."""

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
    if len(on) > MOST_AT_ONCE:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"At most {MOST_AT_ONCE} things can be asked about at once; these are {len(on)}.",
            {"limit": MOST_AT_ONCE, "actual": len(on)},
        )
    things = list(dict.fromkeys(on)) or [encode(WORKSPACE, caller.workspace_id)]
    named = {thing: decode(thing) for thing in things}
    async with context.read() as db:
        seen = await _seen(db, caller, [id for id in named.values() if id])
        await context.prepare_in(db, list(seen.values()))
    return [
        _ability(context.rights, operation, thing, seen.get(id) if id else None, id)
        for thing, id in named.items()
        for operation in dict.fromkeys(operations)
    ]


async def _seen(
    db: AsyncSession, caller: Caller, ids: Sequence[GlobalId]
) -> dict[GlobalId, Reference]:
    """What each id is about, of those the caller may see."""
    found = {}
    if GlobalId(WORKSPACE, caller.workspace_id) in ids:
        found[GlobalId(WORKSPACE, caller.workspace_id)] = reference_to(None, caller)
    for type_name, rows_of in SEEN.items():
        rows = rows_of(caller)
        column = rows.column_descriptions[0]["entity"].id
        largest = LARGEST_BIGINT if isinstance(column.type, BigInteger) else LARGEST_INTEGER
        numbers = [id.number for id in ids if id.type_name == type_name and id.number <= largest]
        if numbers:
            for row in await db.scalars(rows.where(column.in_(numbers))):
                found[GlobalId(type_name, row.id)] = reference_to(row, caller)
    return found


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
    if decision.condition is Condition.SELF_ONLY and id.type_name != Member.__name__:
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
