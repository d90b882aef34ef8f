"""Rights given to people: a principal of the matrix, on a workspace, department or course."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Principal
from models.grants import Grant
from models.journal import record
from models.people import MemberState
from operations import people
from operations.refusals import Code, Refused
from operations.rights import require

GIVEN_WITH: Final = {
    Principal.WORKSPACE_MANAGER: Permission.GRANT_WORKSPACE_MANAGER,
    Principal.FINANCE_MANAGER: Permission.GRANT_FINANCE_MANAGER,
    Principal.INVITE: Permission.GRANT_INVITE_PERMISSION,
    Principal.DEPARTMENT_MANAGER: Permission.MANAGE_DEPARTMENT_TEAM,
    Principal.DEPT_CREATE: Permission.MANAGE_DEPARTMENT_TEAM,
    Principal.DEPT_ENROLL: Permission.MANAGE_DEPARTMENT_TEAM,
    Principal.DEPT_TEACH: Permission.MANAGE_DEPARTMENT_TEAM,
    Principal.COURSE_EDIT: Permission.GRANT_COURSE_PERMISSION,
    Principal.COURSE_ENROLL: Permission.GRANT_COURSE_PERMISSION,
    Principal.COURSE_TEACH: Permission.GRANT_COURSE_PERMISSION,
}
"""What it takes to give each principal. What is not here is never granted: it follows."""


async def give(
    db: AsyncSession,
    *,
    by: Caller,
    member_id: int,
    principal: Principal,
    department_id: int | None = None,
    course_id: int | None = None,
) -> bool:
    """Give a right; false when the person has it already."""
    await _require(db, by, principal, department_id, course_id)
    return await insert_grant(
        db,
        by=by,
        member_id=member_id,
        principal=principal,
        department_id=department_id,
        course_id=course_id,
    )


async def insert_grant(
    db: AsyncSession,
    *,
    by: Caller,
    member_id: int,
    principal: Principal,
    department_id: int | None = None,
    course_id: int | None = None,
) -> bool:
    """The grant's row and record, for operations that have decided it follows from them."""
    made = await db.scalar(
        insert(Grant)
        .values(
            workspace_id=by.workspace_id,
            member_id=member_id,
            principal=principal,
            department_id=department_id,
            course_id=course_id,
            granted_by_id=by.member_id,
        )
        .on_conflict_do_nothing()
        .returning(Grant.id)
    )
    if made is None:
        return False
    record(
        db,
        by=by,
        verb="grant.given",
        department_id=department_id,
        member_id=member_id,
        course_id=course_id,
        after={"principal": principal, "departmentId": department_id},
    )
    return True


async def remove(
    db: AsyncSession,
    *,
    by: Caller,
    member_id: int,
    principal: Principal,
    department_id: int | None = None,
    course_id: int | None = None,
) -> bool:
    """Take a right back; false when the person did not have it."""
    await _require(db, by, principal, department_id, course_id)
    if principal is Principal.WORKSPACE_MANAGER:
        await keep_a_manager(db, by.workspace_id, [member_id])
    gone = await db.scalar(
        delete(Grant)
        .where(
            Grant.workspace_id == by.workspace_id,
            Grant.member_id == member_id,
            Grant.principal == principal,
            Grant.department_id.is_not_distinct_from(department_id),
            Grant.course_id.is_not_distinct_from(course_id),
        )
        .returning(Grant.id)
    )
    if gone is None:
        return False
    record(
        db,
        by=by,
        verb="grant.removed",
        department_id=department_id,
        member_id=member_id,
        course_id=course_id,
        before={"principal": principal, "departmentId": department_id},
    )
    return True


async def keep_a_manager(db: AsyncSession, workspace_id: int, leaving: Collection[int]) -> None:
    """Refuse that the last active workspace managers leave, one by one or all at once (C3).

    All managers are locked, and those who leave with them, in the order of their ids, so that
    two cannot leave at once, each counting on the other.
    """
    gone = set(leaving)
    managers = await _managers(db, workspace_id)
    if managers.isdisjoint(gone):
        return
    locked = await people.lock(db, workspace_id, managers | gone)
    managers = await _managers(db, workspace_id)
    active = {each.id for each in locked if each.state is MemberState.ACTIVE} & managers
    if active and active <= gone:
        raise Refused(
            Code.CONFLICT,
            "This is the last active workspace manager; make somebody else one first.",
            {"memberIds": sorted(active)},
        )


async def _managers(db: AsyncSession, workspace_id: int) -> set[int]:
    rows = await db.scalars(
        select(Grant.member_id).where(
            Grant.workspace_id == workspace_id,
            Grant.principal == Principal.WORKSPACE_MANAGER,
            Grant.department_id.is_(None),
            Grant.course_id.is_(None),
            Grant.module_id.is_(None),
        )
    )
    return set(rows)


async def _require(
    db: AsyncSession,
    by: Caller,
    principal: Principal,
    department_id: int | None,
    course_id: int | None,
) -> None:
    permission = GIVEN_WITH.get(principal)
    if permission is None:
        raise Refused(
            Code.BAD_USER_INPUT, f"{principal.name} follows from a role; it is not given."
        )
    await require(db, by, permission, department_id=department_id, course_id=course_id)


async def held_by(db: AsyncSession, workspace_id: int, member_id: int) -> list[Grant]:
    """Every stored right of one person."""
    rows = await db.scalars(
        select(Grant).where(Grant.workspace_id == workspace_id, Grant.member_id == member_id)
    )
    return list(rows)
