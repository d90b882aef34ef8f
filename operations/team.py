"""The teams of departments: who is on them, and what they may do there (C7, C11, C15).

Whoever holds a right on a department, or on a course of it, is on its team; being on it alone
gives nothing.
"""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.catalog import Department
from models.people import Member
from operations import departments, people, visible
from operations.grant_rows import (
    Place,
    Written,
    delete_from_team,
    delete_grants,
    insert_grants,
    insert_on_teams,
)
from operations.grants import Changed, named
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights, require

PLACES_A_CALL: Final = 1_000
"""How many places on teams one call may touch: people times departments."""


class DepartmentPermission(StrEnum):
    """What can be given on a department; MANAGE comprises the others."""

    MANAGE = "MANAGE"
    CREATE = "CREATE"
    ENROLL = "ENROLL"
    TEACH = "TEACH"


class CoursePermission(StrEnum):
    """What can be given on a course to people on the team of its department."""

    EDIT = "EDIT"
    ENROLL = "ENROLL"
    TEACH = "TEACH"


ON_DEPARTMENT: Final = {
    DepartmentPermission.MANAGE: Principal.DEPARTMENT_MANAGER,
    DepartmentPermission.CREATE: Principal.DEPT_CREATE,
    DepartmentPermission.ENROLL: Principal.DEPT_ENROLL,
    DepartmentPermission.TEACH: Principal.DEPT_TEACH,
}
ON_COURSE: Final = {
    CoursePermission.EDIT: Principal.COURSE_EDIT,
    CoursePermission.ENROLL: Principal.COURSE_ENROLL,
    CoursePermission.TEACH: Principal.COURSE_TEACH,
}
IMPLIED: Final = frozenset({DepartmentPermission.CREATE, DepartmentPermission.ENROLL})
"""What is stored along with MANAGE unless it is deselected (C7)."""


async def add(
    db: AsyncSession, *, by: Caller, department_id: int, member_ids: Collection[int]
) -> Changed:
    """Put people on a team, without any right."""
    members = await _named_in(db, by, department_id, member_ids)
    people.refuse_deactivated({each.id: each.state for each in members})
    joined = await insert_on_teams(
        db, by=by, member_ids=[each.id for each in members], department_ids=[department_id]
    )
    return Changed(joined=joined)


async def remove(
    db: AsyncSession, *, by: Caller, department_id: int, member_ids: Collection[int]
) -> Changed:
    """Take people off a team. Their rights on the department and on its courses go along, and
    are the answer (C11); roles as instructor or coordinator, and rights on modules, stay."""
    members = await _named_in(db, by, department_id, member_ids)
    left, taken = await delete_from_team(
        db, by=by, member_ids=[each.id for each in members], department_id=department_id
    )
    return Changed(taken=taken, left=left)


async def manage(
    db: AsyncSession,
    *,
    by: Caller,
    department_ids: Collection[int],
    member_ids: Collection[int],
    give: Collection[DepartmentPermission] = (),
    take: Collection[DepartmentPermission] = (),
    without_implied: Collection[DepartmentPermission] = (),
    revoke_implied: bool = False,
    at: dt.datetime,
) -> Changed:
    """Give and take rights on whole departments, to and from several people at once (C15).

    MANAGE stores CREATE and ENROLL with it, except those in `without_implied`; taking MANAGE
    leaves them, unless `revoke_implied` (C7). What is named itself counts before what is implied.
    """
    places = await _managed(db, by, department_ids)
    giving, taking = _meant(give, take, without_implied, revoke_implied=revoke_implied)
    _refuse_too_many(department_ids, member_ids)
    members = await named(db, by, member_ids)
    ids = [each.id for each in members]
    taken = await delete_grants(db, by=by, member_ids=ids, principals=taking, places=places)
    if not giving:
        return Changed(taken=taken)
    people.refuse_deactivated({each.id: each.state for each in members})
    joined = await insert_on_teams(
        db, by=by, member_ids=ids, department_ids=[place.id for place in places]
    )
    written: Written = await insert_grants(
        db, by=by, members=members, principals=giving, places=places, at=at
    )
    return Changed(written.given, written.already, taken, joined)


async def _named_in(
    db: AsyncSession, by: Caller, department_id: int, member_ids: Collection[int]
) -> list[Member]:
    """The people named, locked, for somebody who manages the team."""
    await departments.seen(db, by, department_id)
    await require(db, by, Permission.MANAGE_DEPARTMENT_TEAM, department_id=department_id)
    return await named(db, by, member_ids)


async def _managed(db: AsyncSession, by: Caller, department_ids: Collection[int]) -> list[Place]:
    """The departments, all seen and managed by the caller; read in two statements."""
    if not department_ids:
        raise Refused(Code.BAD_USER_INPUT, "No department is named; name at least one.")
    _refuse_too_many(department_ids, (0,))
    wanted = sorted(set(department_ids))
    rows = await db.scalars(visible.departments(by).where(Department.id.in_(wanted)))
    hidden = sorted(set(wanted) - {row.id for row in rows})
    if hidden:
        raise Refused(
            Code.NOT_FOUND,
            f"{len(hidden)} of these departments do not exist.",
            {"departmentIds": hidden},
        )
    rights, managing = Rights(by), Permission.MANAGE_DEPARTMENT_TEAM
    await rights.prepare(db, departments=wanted)
    for id in wanted:
        decision = rights.decide(managing, Scope.DEPARTMENT, id)
        if not decision.allowed:
            held = rights.held(Scope.DEPARTMENT, id)
            raise Denied(managing, Scope.DEPARTMENT, held, decision.reason)
    return [Place(Scope.DEPARTMENT, id, id) for id in wanted]


def _meant(
    give: Collection[DepartmentPermission],
    take: Collection[DepartmentPermission],
    without_implied: Collection[DepartmentPermission],
    *,
    revoke_implied: bool,
) -> tuple[set[Principal], set[Principal]]:
    """The rights to give and to take, those implied included."""
    both = sorted(set(give) & set(take))
    if both:
        raise Refused(Code.BAD_USER_INPUT, f"{', '.join(both)} stands in both give and take.")
    if not give and not take:
        raise Refused(Code.BAD_USER_INPUT, "No right is named; name one to give or to take.")
    strange = sorted(set(without_implied) - IMPLIED)
    if strange:
        raise Refused(Code.BAD_USER_INPUT, f"{', '.join(strange)} is not implied by MANAGE.")
    giving, taking = set(give), set(take)
    if DepartmentPermission.MANAGE in give:
        giving |= IMPLIED - set(without_implied) - set(take)
    if DepartmentPermission.MANAGE in take and revoke_implied:
        taking |= IMPLIED - set(give)
    return {ON_DEPARTMENT[each] for each in giving}, {ON_DEPARTMENT[each] for each in taking}


def _refuse_too_many(department_ids: Collection[int], member_ids: Collection[int]) -> None:
    count = len(set(department_ids)) * len(set(member_ids))
    if count > PLACES_A_CALL:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One call can touch {PLACES_A_CALL} places on teams; these are {count}: name fewer"
            " people or departments.",
            {"limit": PLACES_A_CALL, "count": count},
        )
