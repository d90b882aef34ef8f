"""Who is on the teams of departments, and who was given a right on what."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import strawberry
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Principal, Scope
from models.catalog import Course
from models.grants import Grant, TeamMember
from models.people import Member
from operations.team import ON_COURSE, ON_DEPARTMENT, CoursePermission, DepartmentPermission
from resolvers.context import Context
from resolvers.nested import Nested, paged
from resolvers.references import Reference, refer
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME: Final = (func.lower(Member.display_name), Member.id)
DEPARTMENT_PERMISSIONS: Final = {who.value: what for what, who in ON_DEPARTMENT.items()}
COURSE_PERMISSIONS: Final = {who.value: what for what, who in ON_COURSE.items()}


@dataclass(frozen=True, slots=True)
class OnTeam:
    """Somebody on the team of a department."""

    department_id: int
    member: Member
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class OnCourse:
    """Somebody with rights of their own on one course."""

    course_id: int
    member: Member
    since: dt.datetime
    pending_until: dt.datetime | None
    permissions: list[CoursePermission]


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody a right was given to."""

    member: Member
    since: dt.datetime
    pending_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class CourseRights:
    """Somebody's rights on one course."""

    course_id: int
    permissions: list[CoursePermission]


@dataclass(slots=True)
class TeamRights:
    """What one person was given on a department and on its courses."""

    permissions: list[DepartmentPermission] = field(default_factory=list)
    on_courses: dict[int, list[CoursePermission]] = field(default_factory=dict)
    pending_until: dt.datetime | None = None


refer(OnTeam, lambda row, _: Reference(Scope.DEPARTMENT, row.department_id))
refer(OnCourse, lambda row, _: Reference(Scope.COURSE, row.course_id))


def _team(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = (
        _people(TeamMember.since)
        .join(TeamMember, TeamMember.member_id == Member.id)
        .where(
            TeamMember.department_id == owner,
            TeamMember.workspace_id == context.signed_in.workspace_id,
        )
    )
    return _called(rows, search)


def _on_course(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = (
        _people(
            func.min(Grant.created_at).label("since"),
            func.min(Grant.pending_until).label("pending"),
            func.array_agg(Grant.principal).label("principals"),
        )
        .join(Grant, Grant.member_id == Member.id)
        .where(
            Grant.course_id == owner,
            Grant.workspace_id == context.signed_in.workspace_id,
            Grant.principal.in_(list(COURSE_PERMISSIONS)),
        )
        .group_by(Member.id)
    )
    return _called(rows, search)


def _people(*further: Any) -> Select[Any]:
    """People who are there: of those an identity provider has deleted only the rows are left."""
    return select(Member, *further).where(Member.deleted_at.is_(None))


def _called(rows: Select[Any], search: str | None) -> Select[Any]:
    return rows if search is None else rows.where(contains(Member.display_name, search))


def _show_on_course(course_id: int, row: tuple[Any, ...]) -> OnCourse:
    member, since, pending_until, principals = row[:4]
    return OnCourse(course_id, member, since, pending_until, course_permissions(principals))


TEAM: Final = Nested("team", Member, BY_NAME, _team, lambda id, row: OnTeam(id, row[0], row[1]))
COURSE_TEAM: Final = Nested("courseTeam", Member, BY_NAME, _on_course, _show_on_course)


def _holders(name: str, principal: Principal) -> Nested:
    """The list of those who hold one right on the workspace, or on a module."""

    def rows_of(context: Context, owner: Any, search: str | None) -> Select[Any]:
        on = (
            Grant.module_id == owner
            if principal is Principal.MODULE_EDIT
            else and_(
                Grant.workspace_id == owner,
                func.num_nonnulls(Grant.department_id, Grant.course_id, Grant.module_id) == 0,
            )
        )
        rows = (
            _people(Grant.created_at, Grant.pending_until)
            .join(Grant, Grant.member_id == Member.id)
            .where(
                on,
                Grant.workspace_id == context.signed_in.workspace_id,
                Grant.principal == principal.value,
            )
        )
        return _called(rows, search)

    return Nested(name, Member, BY_NAME, rows_of, lambda _, row: Holder(*row[:3]))


MANAGERS: Final = _holders("managers", Principal.WORKSPACE_MANAGER)
FINANCE_MANAGERS: Final = _holders("financeManagers", Principal.FINANCE_MANAGER)
INVITERS: Final = _holders("inviters", Principal.INVITE)
EDITORS: Final = _holders("editors", Principal.MODULE_EDIT)


team = paged(TEAM)
course_team = paged(COURSE_TEAM)
managers = paged(MANAGERS)
finance_managers = paged(FINANCE_MANAGERS)
inviters = paged(INVITERS)
editors = paged(EDITORS)


async def permissions(root: Parent, info: Info) -> list[DepartmentPermission]:
    return (await _rights(root, info)).permissions


async def on_courses(root: Parent, info: Info) -> list[CourseRights]:
    held = (await _rights(root, info)).on_courses
    return [CourseRights(id, what) for id, what in sorted(held.items())]


async def pending_until(root: Parent, info: Info) -> dt.datetime | None:
    return (await _rights(root, info)).pending_until


async def _rights(row: OnTeam, info: Info) -> TeamRights:
    return await info.context.load(rights_of, (row.department_id, row.member.id))


async def rights_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[TeamRights]:
    """For each (department, person) everything given there, in one statement."""
    owner = func.coalesce(Grant.department_id, Course.department_id)
    rows = await db.execute(
        select(owner, Grant.member_id, Grant.course_id, Grant.principal, Grant.pending_until)
        .outerjoin(Course, Course.id == Grant.course_id)
        .where(
            Grant.workspace_id == context.signed_in.workspace_id,
            Grant.member_id.in_({member_id for _, member_id in keys}),
            or_(
                and_(
                    Grant.department_id.is_not(None),
                    Grant.principal.in_(list(DEPARTMENT_PERMISSIONS)),
                ),
                and_(Grant.course_id.is_not(None), Grant.principal.in_(list(COURSE_PERMISSIONS))),
            ),
            owner.in_({department_id for department_id, _ in keys}),
        )
    )
    found = {key: TeamRights() for key in keys}
    for department_id, member_id, course_id, principal, until in rows:
        rights = found.get((department_id, member_id))
        if rights is None:
            continue
        if course_id is None:
            rights.permissions.append(DEPARTMENT_PERMISSIONS[principal])
        else:
            on_course = rights.on_courses.setdefault(course_id, [])
            on_course.append(COURSE_PERMISSIONS[principal])
        if until is not None:
            rights.pending_until = min(until, rights.pending_until or until)
    for rights in found.values():
        rights.permissions.sort(key=list(DepartmentPermission).index)
        for on_course in rights.on_courses.values():
            on_course.sort()
    return [found[key] for key in keys]


def course_permissions(principals: Collection[str]) -> list[CoursePermission]:
    """What these principals are called on a course."""
    return sorted(COURSE_PERMISSIONS[each] for each in principals)
