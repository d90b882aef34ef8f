"""An office with teams, and giving and taking rights in it."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from access.permissions import Permission, Principal, Scope
from models.grants import Grant, TeamMember
from models.people import MemberState
from operations import grants, team
from operations.grant_rows import Right
from operations.grants import Changed
from operations.rights import Rights
from operations.team import DepartmentPermission
from tests.world import MONDAY, World

IN_30_DAYS = MONDAY + dt.timedelta(days=30)


async def open_office(world: World) -> None:
    """Mona manages the workspace and Dora Training, on whose team Tom and Tim are without any
    right; Lea is nobody, Pia has no account yet, Gus is gone. Safety and Hygiene are courses of
    Training, Law is one of Legal, which Lars manages."""
    for name in ("Mona", "Dora", "Tom", "Tim", "Lea", "Lars"):
        await world.member(name)
    await world.member("Pia", state=MemberState.PENDING)
    await world.member("Gus")
    await world.set_state("Gus", MemberState.DEACTIVATED)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dora", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Lars", Principal.DEPARTMENT_MANAGER, department="Legal")
    for course, department in (("Safety", "Training"), ("Hygiene", "Training"), ("Law", "Legal")):
        await world.course(course, department=department)
    await join(world, "Tom", "Tim")


def on(
    world: World,
    department: str | None = None,
    course: str | None = None,
    module: str | None = None,
) -> dict[str, int]:
    """One thing, by name, as operations take it."""
    named = {
        "department_id": world.departments.get(department or ""),
        "course_id": world.courses.get(course or ""),
        "module_id": world.modules.get(module or ""),
    }
    return {name: id for name, id in named.items() if id is not None}


async def give(
    world: World,
    *names: str,
    what: Sequence[Principal],
    by: str = "Mona",
    at: dt.datetime = MONDAY,
    department: str | None = None,
    course: str | None = None,
    module: str | None = None,
) -> Changed:
    async with world.edge.transaction() as db:
        return await grants.give(
            db,
            by=world.caller(by),
            member_ids=ids(world, names),
            principals=what,
            at=at,
            **on(world, department, course, module),
        )


async def take(
    world: World,
    *names: str,
    what: Sequence[Principal],
    by: str = "Mona",
    department: str | None = None,
    course: str | None = None,
    module: str | None = None,
) -> Changed:
    async with world.edge.transaction() as db:
        return await grants.take(
            db,
            by=world.caller(by),
            member_ids=ids(world, names),
            principals=what,
            **on(world, department, course, module),
        )


async def manage(
    world: World,
    *names: str,
    departments: Sequence[str] = ("Training",),
    give: Sequence[DepartmentPermission] = (),
    take: Sequence[DepartmentPermission] = (),
    without_implied: Sequence[DepartmentPermission] = (),
    revoke_implied: bool = False,
    by: str = "Mona",
) -> Changed:
    async with world.edge.transaction() as db:
        return await team.manage(
            db,
            by=world.caller(by),
            department_ids=[world.departments[each] for each in departments],
            member_ids=ids(world, names),
            give=give,
            take=take,
            without_implied=without_implied,
            revoke_implied=revoke_implied,
            at=MONDAY,
        )


async def join(world: World, *names: str, department: str = "Training", by: str = "") -> Changed:
    async with world.edge.transaction() as db:
        return await team.add(
            db,
            by=world.caller(by) if by else world.system,
            department_id=world.departments[department],
            member_ids=ids(world, names),
        )


async def leave(
    world: World, *names: str, department: str = "Training", by: str = "Mona"
) -> Changed:
    async with world.edge.transaction() as db:
        return await team.remove(
            db,
            by=world.caller(by),
            department_id=world.departments[department],
            member_ids=ids(world, names),
        )


def ids(world: World, names: Sequence[str]) -> list[int]:
    return [world.members[name] for name in names]


def told(world: World, rights: Sequence[Right]) -> set[tuple[str, Principal]]:
    """Who got, had or lost what."""
    names = {id: name for name, id in world.members.items()}
    return {(names[right.member_id], right.principal) for right in rights}


async def stored(world: World, *names: str) -> set[tuple[str, str]]:
    """Every right of these people as it is stored, waiting or not."""
    called = {id: name for name, id in world.members.items()}
    async with world.edge.read() as db:
        rows = await db.execute(
            select(Grant.member_id, Grant.principal).where(
                Grant.workspace_id == world.workspace_id,
                Grant.member_id.in_(ids(world, names)),
            )
        )
        return {(called[id], principal) for id, principal in rows}


async def waiting_until(world: World, name: str) -> list[dt.datetime | None]:
    """Until when each right of somebody waits for the account."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Grant.pending_until)
            .where(Grant.member_id == world.members[name])
            .order_by(Grant.pending_until)
        )
        return list(rows)


async def team_of(world: World, department: str = "Training") -> set[str]:
    called = {id: name for name, id in world.members.items()}
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(TeamMember.member_id).where(
                TeamMember.department_id == world.departments[department]
            )
        )
        return {called[id] for id in rows}


async def may(
    world: World,
    name: str,
    permission: Permission,
    *,
    department: str = "",
    course: str = "",
    module: str = "",
    **facts: bool,
) -> bool:
    """Whether somebody may do this to a thing, as the rights of an operation say."""
    rights = Rights(world.caller(name))
    scope, id = next(
        (scope, known[asked])
        for scope, known, asked in (
            (Scope.MODULE, world.modules, module),
            (Scope.COURSE, world.courses, course),
            (Scope.DEPARTMENT, world.departments, department),
            (Scope.WORKSPACE, {"": world.workspace_id}, ""),
        )
        if asked in known
    )
    async with world.edge.read() as db:
        await rights.prepare(
            db,
            courses=[id] if scope is Scope.COURSE else (),
            departments=[id] if scope is Scope.DEPARTMENT else (),
            modules=[id] if scope is Scope.MODULE else (),
        )
    return rights.decide(permission, scope, id, **facts).allowed
