"""Rights given to people: principals of the matrix, on the workspace or on one thing in it.

Rights on departments are given here one department at a time; `operations.team` does it for
several, and knows what follows from what.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import GRANTED_ON, Permission, Principal, Scope
from models.catalog import Module
from models.grants import Grant
from models.people import Member, MemberState
from operations import courses, departments, people, visible
from operations.grant_rows import (
    OnTeam,
    Place,
    Right,
    delete_grants,
    insert_grants,
    insert_on_teams,
    on_team,
)
from operations.refusals import Code, Refused, not_found
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
    Principal.MODULE_EDIT: Permission.GRANT_MODULE_PERMISSION,
}
"""What it takes to give each principal. What is not here is never granted: it follows."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a call did: rights given, held before, and gone; who joined a team, and who left."""

    given: tuple[Right, ...] = ()
    already: tuple[Right, ...] = ()
    taken: tuple[Right, ...] = ()
    joined: tuple[OnTeam, ...] = ()
    left: tuple[OnTeam, ...] = ()


async def give(
    db: AsyncSession,
    *,
    by: Caller,
    member_ids: Collection[int],
    principals: Collection[Principal],
    department_id: int | None = None,
    course_id: int | None = None,
    module_id: int | None = None,
    at: dt.datetime,
) -> Changed:
    """Give people rights on one thing, exactly these; without a thing, on the workspace (C4).

    To people without an account they are promised for 30 days; giving again what is promised
    already does not prolong it, sending the invitation again does. Rights on a department put
    people on its team; rights on a course are only for those who are on it (C11).
    """
    on = _On(department_id, course_id, module_id)
    place = await _asked(db, by, principals, on)
    members = await named(db, by, member_ids)
    people.refuse_deactivated({each.id: each.state for each in members})
    joined: tuple[OnTeam, ...] = ()
    if place.scope is Scope.COURSE:
        await _refuse_strangers(db, by, place, members)
    elif place.scope is Scope.DEPARTMENT:
        joined = await insert_on_teams(
            db, by=by, member_ids=[each.id for each in members], department_ids=[place.id]
        )
    written = await insert_grants(
        db, by=by, members=members, principals=principals, places=[place], at=at
    )
    return Changed(given=written.given, already=written.already, joined=joined)


async def take(
    db: AsyncSession,
    *,
    by: Caller,
    member_ids: Collection[int],
    principals: Collection[Principal],
    department_id: int | None = None,
    course_id: int | None = None,
    module_id: int | None = None,
) -> Changed:
    """Take rights on one thing back, exactly these. What somebody did not have is left out.

    On the team of a department everybody stays who was on it. The last workspace manager cannot
    be made none (C3).
    """
    on = _On(department_id, course_id, module_id)
    place = await _asked(db, by, principals, on)
    people.at_most(set(member_ids))
    if Principal.WORKSPACE_MANAGER in principals:
        await keep_a_manager(db, by.workspace_id, member_ids)
    members = await named(db, by, member_ids)
    taken = await delete_grants(
        db,
        by=by,
        member_ids=[each.id for each in members],
        principals=principals,
        places=[place],
    )
    return Changed(taken=taken)


async def named(db: AsyncSession, by: Caller, member_ids: Collection[int]) -> list[Member]:
    """The people a call names, locked; raises Refused for nobody, too many, and unknown ones."""
    if not member_ids:
        raise Refused(Code.BAD_USER_INPUT, "Nobody is named; name at least one person.")
    people.at_most(set(member_ids))
    members = await people.lock(db, by.workspace_id, sorted(set(member_ids)))
    people.refuse_unknown(member_ids, {each.id for each in members})
    return members


async def keep_a_manager(db: AsyncSession, workspace_id: int, leaving: Collection[int]) -> None:
    """Refuse that the last active workspace managers leave (C3).

    All managers are locked, and those who leave with them, in the order of their ids, so that two
    cannot leave at once, each counting on the other. Whoever has no account yet does not count.
    """
    gone = set(leaving)
    managers = await _managers(db, workspace_id)
    if managers.isdisjoint(gone):
        return
    locked = await people.lock(db, workspace_id, managers | gone)
    managers = await _managers(db, workspace_id)
    active = {each.id for each in locked if each.state is MemberState.ACTIVE} & managers
    if active and active <= gone:
        last = "This is the last active workspace manager"
        all_ = f"These are the last {len(active)} active workspace managers"
        raise Refused(
            Code.CONFLICT,
            f"{last if len(active) == 1 else all_}; make somebody else one first.",
            {"memberIds": sorted(active)},
        )


async def held_by(db: AsyncSession, workspace_id: int, member_id: int) -> list[Grant]:
    """Every stored right of one person."""
    rows = await db.scalars(
        select(Grant).where(Grant.workspace_id == workspace_id, Grant.member_id == member_id)
    )
    return list(rows)


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


class _On(NamedTuple):
    """The one thing a call is about, or none: then it is the workspace."""

    department_id: int | None
    course_id: int | None
    module_id: int | None


async def _asked(db: AsyncSession, by: Caller, principals: Collection[Principal], on: _On) -> Place:
    """The one thing rights are given or taken on, by somebody who sees it and may do so."""
    place = await _place(db, by, on)
    for permission in sorted(_permissions(principals, place.scope)):
        await require(db, by, permission, **on._asdict())
    return place


async def _place(db: AsyncSession, by: Caller, on: _On) -> Place:
    if sum(each is not None for each in on) > 1:
        raise Refused(Code.BAD_USER_INPUT, "A right is on one thing; several are named.")
    if on.course_id is not None:
        course = await courses.lock(db, by=by, course_id=on.course_id)
        return Place(Scope.COURSE, course.id, course.department_id)
    if on.department_id is not None:
        department = await departments.seen(db, by, on.department_id)
        return Place(Scope.DEPARTMENT, department.id, department.id)
    if on.module_id is not None:
        module = await _seen_module(db, by, on.module_id)
        return Place(Scope.MODULE, module.id, module.department_id)
    return Place(Scope.WORKSPACE, by.workspace_id)


async def _seen_module(db: AsyncSession, by: Caller, module_id: int) -> Module:
    """The module; NOT_FOUND alike when it is missing and when it is hidden."""
    found: Module | None = await db.scalar(visible.modules(by).where(Module.id == module_id))
    if found is None:
        raise not_found("module")
    return found


def _permissions(principals: Collection[Principal], scope: Scope) -> set[Permission]:
    """What it takes to give or take these on such a thing; raises Refused where they are not."""
    if not principals:
        raise Refused(Code.BAD_USER_INPUT, "No right is named; name at least one.")
    follows = sorted(each for each in principals if each not in GIVEN_WITH)
    if follows:
        names = ", ".join(each.name for each in follows)
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{names} cannot be given or taken: it follows from something else.",
            {"principals": [each.name for each in follows]},
        )
    elsewhere = sorted(each for each in principals if GRANTED_ON[each] is not scope)
    if elsewhere:
        where = ", ".join(f"{each.name} on a {GRANTED_ON[each].value}" for each in elsewhere)
        raise Refused(
            Code.BAD_USER_INPUT,
            f"These are held on something else than a {scope.value}: {where}.",
            {"principals": [each.name for each in elsewhere]},
        )
    return {GIVEN_WITH[each] for each in principals}


async def _refuse_strangers(
    db: AsyncSession, by: Caller, place: Place, members: Collection[Member]
) -> None:
    """Raises NOT_ON_DEPARTMENT_TEAM naming everybody who is not (C11)."""
    department_id = place.department_id or 0
    wanted = {each.id for each in members}
    strangers = sorted(wanted - await on_team(db, by.workspace_id, department_id, wanted))
    if strangers:
        raise Refused(
            Code.NOT_ON_DEPARTMENT_TEAM,
            f"{len(strangers)} of these people are not on the team of the course's department;"
            " add them to the team first.",
            {"memberIds": strangers, "departmentIds": [department_id]},
        )
