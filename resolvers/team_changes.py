"""Mutations of teams and of rights that are given to people."""

import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Principal, Scope
from models.catalog import Department
from operations import departments, grants, team
from operations.grants import Changed
from operations.team import ON_COURSE, CoursePermission, DepartmentPermission
from resolvers.answers import Answer, Operation, Values, answer
from resolvers.context import Context
from resolvers.ids import encode_place, number_of
from resolvers.rows import visible_departments_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]
Ids = list[strawberry.ID]

ON: Final = {"Department": "department_id", "Course": "course_id", "Module": "module_id"}


@dataclass(frozen=True, slots=True)
class PersonalRight:
    """One person's one right, and the global id of what it is on."""

    member_id: int
    principal: Principal
    scope: Scope
    on: str


class Place(NamedTuple):
    """One person and one department's team."""

    department_id: int
    member_id: int


Change = Callable[..., Awaitable[Changed]]
"""Gives people rights or places on teams, or takes them back."""


async def _give(db: AsyncSession, **asked: Any) -> Changed:
    return await grants.give(db, at=dt.datetime.now(dt.UTC), **asked)


def _changing(
    change: Change,
    member_ids: Ids,
    principals: Sequence[Principal],
    noun: str = "",
    id: str = "",
) -> Operation:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        on = {ON[noun]: number_of(id, noun)} if noun else {}
        changed = await change(
            db, by=caller, member_ids=_members(member_ids), principals=principals, **on
        )
        return {**(on or {"workspace_id": caller.workspace_id}), **_said(changed)}

    return operation


def _on_workspace(change: Change, principal: Principal) -> Callable[..., Awaitable[Answer]]:
    """The mutation that does this with one right on the workspace."""

    async def mutation(
        info: Info,
        *,
        member_ids: Ids,
        client_mutation_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        return await answer(info, _changing(change, member_ids, [principal]))

    return mutation


grant_workspace_manager = _on_workspace(_give, Principal.WORKSPACE_MANAGER)
revoke_workspace_manager = _on_workspace(grants.take, Principal.WORKSPACE_MANAGER)
grant_finance_manager = _on_workspace(_give, Principal.FINANCE_MANAGER)
revoke_finance_manager = _on_workspace(grants.take, Principal.FINANCE_MANAGER)
grant_invite_permission = _on_workspace(_give, Principal.INVITE)
revoke_invite_permission = _on_workspace(grants.take, Principal.INVITE)


async def grant_course_permission(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    permissions: list[CoursePermission],
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    principals = [ON_COURSE[each] for each in permissions]
    return await answer(info, _changing(_give, member_ids, principals, "Course", course_id))


async def revoke_course_permission(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    permissions: list[CoursePermission],
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    principals = [ON_COURSE[each] for each in permissions]
    return await answer(info, _changing(grants.take, member_ids, principals, "Course", course_id))


async def grant_module_permission(
    info: Info,
    *,
    module_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _changing(_give, member_ids, [Principal.MODULE_EDIT], "Module", module_id)
    return await answer(info, operation)


async def revoke_module_permission(
    info: Info,
    *,
    module_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _changing(grants.take, member_ids, [Principal.MODULE_EDIT], "Module", module_id)
    return await answer(info, operation)


async def manage_department_team(
    info: Info,
    *,
    department_ids: Ids,
    member_ids: Ids,
    give: list[DepartmentPermission] | None = None,
    take: list[DepartmentPermission] | None = None,
    without_implied: list[DepartmentPermission] | None = None,
    revoke_implied: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        numbers = [number_of(id, "Department") for id in department_ids]
        changed = await team.manage(
            db,
            by=caller,
            department_ids=numbers,
            member_ids=_members(member_ids),
            give=give or (),
            take=take or (),
            without_implied=without_implied or (),
            revoke_implied=revoke_implied,
            at=dt.datetime.now(dt.UTC),
        )
        return {"department_ids": list(dict.fromkeys(numbers)), **_said(changed)}

    return await answer(info, operation)


def _on_team(change: Change) -> Callable[..., Awaitable[Answer]]:
    """The mutation that does this with the places of people on one team."""

    async def mutation(
        info: Info,
        *,
        department_id: strawberry.ID,
        member_ids: Ids,
        client_mutation_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        async def operation(db: AsyncSession, caller: Caller) -> Values:
            number = number_of(department_id, "Department")
            changed = await change(
                db, by=caller, department_id=number, member_ids=_members(member_ids)
            )
            return {"department_ids": [number], **_said(changed)}

        return await answer(info, operation)

    return mutation


add_to_department_team = _on_team(team.add)
remove_from_department_team = _on_team(team.remove)


async def create_department(
    info: Info,
    *,
    name: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        made = await departments.create(db, by=caller, name=name)
        return {"department_ids": [made.id]}

    return await answer(info, operation)


async def rename_department(
    info: Info,
    *,
    department_id: strawberry.ID,
    name: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(department_id, "Department")
        await departments.rename(db, by=caller, department_id=number, name=name)
        return {"department_ids": [number]}

    return await answer(info, operation)


def given(root: Parent) -> list[PersonalRight]:
    return _rights(root.rights_given)


def held_already(root: Parent) -> list[PersonalRight]:
    return _rights(root.rights_held)


def taken(root: Parent) -> list[PersonalRight]:
    return _rights(root.rights_taken)


def joined(root: Parent) -> list[Place]:
    return [Place(*each) for each in root.joined]


def left(root: Parent) -> list[Place]:
    return [Place(*each) for each in root.left]


async def department(root: Parent, info: Info) -> Department | None:
    found = [await info.context.load(visible_departments_by_id, id) for id in root.department_ids]
    return found[0] if found else None


def _members(ids: Collection[strawberry.ID]) -> list[int]:
    return [number_of(id, "Member") for id in ids]


def _said(changed: Changed) -> Values:
    """What was done, in words that can be stored and told again."""
    return {
        "rights_given": [list(each) for each in changed.given],
        "rights_held": [list(each) for each in changed.already],
        "rights_taken": [list(each) for each in changed.taken],
        "joined": [list(each) for each in changed.joined],
        "left": [list(each) for each in changed.left],
    }


def _rights(rows: Sequence[Sequence[Any]]) -> list[PersonalRight]:
    return [
        PersonalRight(member_id, Principal(principal), Scope(scope), encode_place(Scope(scope), id))
        for member_id, principal, scope, id in rows
    ]
