"""What one may do, asked before doing it: the catalog of the schema, `viewer.can`, and
`allowedActions` of things."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from graphql import GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Condition, Decision, Permission, Principal, Scope, scope_of
from models.catalog import Course, Department, Module
from models.groups import LearnerGroup
from models.people import Member
from models.workspaces import Workspace
from operations.refusals import Code, Refused
from operations.rights import Rights
from resolvers.catalog import kept
from resolvers.context import Context
from resolvers.ids import GlobalId, decode, encode, encode_place
from resolvers.learning.attempts import retakes_open
from resolvers.nodes import refuse_too_many, seen
from resolvers.reading_ahead import asking_of_row
from resolvers.references import Reference, reference_to

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

WORKSPACE: Final = "Workspace"

RETAKE: Final = Permission.RETAKE_AFTER_COMPLETION

ABOUT_A_PERSON: Final = (
    Permission.DEACTIVATE_MEMBER,
    Permission.RESEND_INVITATION,
    Permission.GRANT_WORKSPACE_MANAGER,
    Permission.GRANT_FINANCE_MANAGER,
    Permission.GRANT_INVITE_PERMISSION,
    Permission.EDIT_ATTRIBUTE_SCHEMA,
)
"""What is asked of the workspace, and done to one person. Attributes by hand need the last."""

ON_A_GROUP: Final = (
    Permission.ASSIGN_LEARNER,
    Permission.UNASSIGN_LEARNER,
    Permission.MODIFY_EXISTING_GROUP,
    Permission.ENROLL_FACILITATOR,
    Permission.LIST_LEARNERS,
)
"""What is asked of a course, and done inside one of its groups."""


def _asked_of(scope: Scope) -> tuple[Permission, ...]:
    return tuple(each for each in Permission if scope_of(each) is scope)


ACTIONS: Final[Mapping[type, tuple[Permission, ...]]] = {
    Workspace: _asked_of(Scope.WORKSPACE),
    Department: _asked_of(Scope.DEPARTMENT),
    Course: _asked_of(Scope.COURSE),
    Module: _asked_of(Scope.MODULE),
    Member: ABOUT_A_PERSON,
    LearnerGroup: ON_A_GROUP,
}
"""The operations a thing can be asked for, as the matrix says."""


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
        courses = {id: row for id, row in rows.items() if isinstance(row, Course)}
        asked = [
            id for id in courses if RETAKE in operations and _hangs_on_retakes(context, about[id])
        ]
        if asked:
            found = await retakes_open(db, context, [courses[id] for id in asked])
            for id, is_open in zip(asked, found, strict=True):
                about[id] = _knowing(about[id], is_open=is_open)
    return [
        _ability(context.rights, operation, thing, about.get(id) if id else None, id)
        for thing, id in named.items()
        for operation in dict.fromkeys(operations)
    ]


@asking_of_row
async def allowed_actions(root: Parent, info: Info) -> list[Ability]:
    """Every operation on this one thing."""
    context = info.context
    about = reference_to(root, context.signed_in)
    if isinstance(root, Course):
        about = _knowing(about, is_open=await context.load(_retakes, root))
    elif not context.rights.is_prepared(about.scope, about.id):
        await context.load(_prepared, about)
    id = GlobalId(type(root).__name__, root.id)
    on = encode(*id)
    return [_ability(context.rights, each, on, about, id) for each in ACTIONS[type(root)]]


def refuse_unasked_of(operation: Permission, scope: Scope) -> None:
    """Raises Refused where an operation cannot be asked of such a thing."""
    if not scope_of(operation).contains(scope):
        needed = scope_of(operation)
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{operation.name} is asked of a {needed}, not of a {scope}.",
            {"operation": operation.name, "scope": needed.name},
        )


async def source_name(root: Parent, info: Info) -> str | None:
    """What the thing is called on which the role behind an ability is held."""
    return None if root.source_on is None else await info.context.load(name_of, root.source_on)


async def name_of(db: AsyncSession, context: Context, ids: Sequence[str]) -> list[str | None]:
    """What things are called, as far as the caller may see them."""
    named = [decode(each) for each in ids]
    rows = await seen(db, context.signed_in, [each for each in named if each])
    return [_called(rows.get(each)) if each else None for each in named]


def _called(row: Any) -> str | None:
    names = (getattr(row, each, None) for each in ("title", "name", "display_name"))
    return next((each for each in names if each is not None), None)


def _hangs_on_retakes(context: Context, about: Reference) -> bool:
    """Whether it depends on what the caller did on the course so far if it may be begun again:
    nothing is read for anybody else."""
    if about.scope is not Scope.COURSE:
        return False
    decision = context.rights.decide(RETAKE, about.scope, about.id, is_self=True)
    return not decision.allowed and decision.condition is Condition.RETAKE_POLICY


def _knowing(about: Reference, *, is_open: bool) -> Reference:
    return about._replace(facts=about.facts | {"retake_is_open"}) if is_open else about


async def _retakes(db: AsyncSession, context: Context, courses: Sequence[Course]) -> list[bool]:
    """Whether what the caller did on courses lets them begin again, where it hangs on that; their
    rights are read on the way."""
    about = {each: reference_to(each, context.signed_in) for each in courses}
    await context.prepare_in(db, list(about.values()))
    asked = [each for each in courses if _hangs_on_retakes(context, about[each])]
    found = await retakes_open(db, context, asked) if asked else []
    is_open = dict(zip(asked, found, strict=True))
    return [is_open.get(each, False) for each in courses]


async def _prepared(db: AsyncSession, context: Context, about: Sequence[Reference]) -> list[bool]:
    await context.prepare_in(db, about)
    return [True] * len(about)


def _ability(
    rights: Rights, operation: Permission, on: str, about: Reference | None, id: GlobalId | None
) -> Ability:
    if about is None or id is None:
        return Ability(operation, on, False, "There is no such thing.")
    if not scope_of(operation).contains(about.scope):
        reason = f"{operation.name} is asked of a {scope_of(operation)}."
        return Ability(operation, on, False, reason)
    decision = _decision(rights, operation, about, is_person=id.type_name == "Member")
    source = rights.source_of(decision, about.scope, about.id) if decision.allowed else None
    return Ability(
        operation,
        on,
        decision.allowed,
        decision.reason,
        decision.condition,
        source_principal=source.principal if source else None,
        source_scope=source.scope if source else None,
        source_on=encode_place(source.scope, source.id) if source and source.id else None,
    )


def _decision(
    rights: Rights, operation: Permission, about: Reference, *, is_person: bool
) -> Decision:
    """Asked of a person, it is about that person; asked of anything else, one asks for oneself."""
    facts = dict.fromkeys(about.facts, True)
    decision = rights.decide(operation, about.scope, about.id, **facts)
    if decision.allowed or is_person:
        return decision
    facts["is_self"] = True
    for_oneself = rights.decide(operation, about.scope, about.id, **facts)
    return for_oneself if for_oneself.allowed else decision
