"""Which rows a caller may see, as statements the database filters by itself.

Every statement can be narrowed, ordered, paged and counted further. What it leaves out does not
exist for the caller: hidden and missing are the same.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from access.caller import Caller
from access.permissions import (
    GRANTED_ON,
    SHOW_A_MODULE,
    Condition,
    Permission,
    Principal,
    Scope,
    holders_of,
)
from models.catalog import Course, CourseModule, CourseState, Department, Module
from models.coordinators import CourseRole, CourseRoleKind
from models.enrolments import Enrolment
from models.grants import Grant, TeamMember
from models.people import Member, MemberState
from models.segments import Segment
from models.views import coordinator_source, course_coordinator
from models.workspaces import Workspace

Where = ColumnElement[bool]

ROLE_KINDS: Final = {
    Principal.INSTRUCTOR: CourseRoleKind.INSTRUCTOR,
    Principal.COORDINATOR_DIRECT: CourseRoleKind.COORDINATOR,
}


def courses(
    by: Caller,
    permission: Permission = Permission.VIEW_COURSE_INFO,
    *,
    given: Condition | None = None,
) -> Select[Course]:
    """The courses on which the caller holds a permission that is asked of courses.

    The same answer as `Rights.decide` for each of them; a condition that is not about the course
    itself (a group, a person) counts as unmet, but for the one `given`.
    """
    where = and_(_within_token(by, permission), _on_courses(by, permission, given))
    return select(Course).where(Course.workspace_id == by.workspace_id, _sees(by, where))


def courses_managed(by: Caller) -> Select[Course]:
    """The courses the caller coordinates, by hand or through a segment (M33)."""
    managed = select(course_coordinator.c.course_id).where(
        course_coordinator.c.member_id == by.member_id
    )
    return select(Course).where(
        Course.workspace_id == by.workspace_id,
        _within_token(by, Permission.LIST_COURSES_I_MANAGE),
        Course.id.in_(managed),
    )


def workspaces(by: Caller) -> Select[Workspace]:
    """The one the caller acts in."""
    return select(Workspace).where(Workspace.id == by.workspace_id, _sees(by, true()))


def departments(by: Caller) -> Select[Department]:
    """All for workspace managers; else those whose team one is on, those one holds a grant on, and
    those one sees a course of or may edit a module of."""
    everything = _granted_on_workspace(by, [Principal.WORKSPACE_MANAGER])
    team = select(TeamMember.department_id).where(
        TeamMember.workspace_id == by.workspace_id, TeamMember.member_id == by.member_id
    )
    granted = select(Grant.department_id).where(*_own_grants(by, Scope.DEPARTMENT, Principal))
    seen = courses(by).with_only_columns(Course.department_id)
    edited = select(Grant.module_id).where(*_own_grants(by, Scope.MODULE, Principal))
    written = select(Module.department_id).where(Module.id.in_(edited))
    where = or_(*everything, *(Department.id.in_(each) for each in (team, granted, seen, written)))
    return select(Department).where(
        Department.workspace_id == by.workspace_id,
        _sees(by, and_(_within_token(by, Permission.VIEW_COURSE_INFO), where)),
    )


def departments_allowing(by: Caller, permission: Permission) -> Select[Department]:
    """The departments on which the caller holds a permission that is asked of departments.

    The same answer as `Rights.decide` for each of them.
    """
    where = or_(
        false(),
        *(
            _held_on_department(by, principals, is_inside_enough=condition is None)
            for condition, principals in _by_condition(permission)
            if condition in {None, Condition.WITHIN_OWN_SCOPE}
        ),
    )
    return select(Department).where(
        Department.workspace_id == by.workspace_id,
        _sees(by, and_(_within_token(by, permission), where)),
    )


def modules(by: Caller, *any_of: Permission) -> Select[Module]:
    """The modules on which the caller holds one of these permissions; without any said, one of
    those that show a module.

    The same answer as `Rights.decide` for each of them.
    """
    asked = [each for each in any_of or SHOW_A_MODULE if _is_within_token(by, each)]
    held: dict[Condition | None, list[Principal]] = {}
    for permission in asked:
        for condition, principals in _by_condition(permission):
            held.setdefault(condition, []).extend(principals)
    where = or_(
        false(),
        *(
            and_(_of_module(by, condition), _held_on_module(by, dict.fromkeys(principals)))
            for condition, principals in held.items()
        ),
    )
    return select(Module).where(Module.workspace_id == by.workspace_id, _sees(by, where))


def segments(by: Caller) -> Select[Segment]:
    """All for workspace managers, those marked usable for department managers."""
    searching = Permission.SEARCH_SEGMENTS_TYPEAHEAD
    where = or_(
        false(),
        *(
            and_(_held_somewhere(by, principals), _of_segment(condition))
            for condition, principals in _by_condition(searching)
        ),
    )
    return select(Segment).where(
        Segment.workspace_id == by.workspace_id,
        Segment.deleted_at.is_(None),
        _sees(by, and_(_within_token(by, searching), where)),
    )


def members(by: Caller) -> Select[Member]:
    """Everyone, for those who may list or pick members; oneself for everybody."""
    looking = [
        who
        for permission in (Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER)
        if _is_within_token(by, permission)
        for who, condition in holders_of(permission)
        if condition is None
    ]
    where = or_(_held_somewhere(by, dict.fromkeys(looking)), Member.id == by.member_id)
    return select(Member).where(
        Member.workspace_id == by.workspace_id, Member.deleted_at.is_(None), _sees(by, where)
    )


def of_workspace(by: Caller, kind: Any, permission: Permission) -> Select[Any]:
    """All rows of a kind that belongs to the workspace as such, for whoever holds the permission
    there, on no condition."""
    holders = [who for who, condition in holders_of(permission) if condition is None]
    where = or_(false(), *_granted_on_workspace(by, holders))
    return select(kind).where(
        kind.workspace_id == by.workspace_id,
        _sees(by, and_(_within_token(by, permission), where)),
    )


def reach(
    by: Caller, permission: Permission, condition: Condition | None
) -> tuple[Where, list[Select[Any]], list[Select[Any]]]:
    """How far a permission reaches under one condition alone: whether over the whole workspace,
    the ids of departments and of courses themselves on which it is held."""
    who = [each for each, bound in holders_of(permission) if bound is condition]
    may = _sees(by, _within_token(by, permission))
    everywhere = or_(true() if by.is_system else false(), *_granted_on_workspace(by, who))
    given = _own_grants(by, Scope.DEPARTMENT, who)
    departments = [select(Grant.department_id).where(*given, may)] if given else []
    return and_(may, everywhere), departments, [each.where(may) for each in _courses_of(by, who)]


def count(rows: Select[Any]) -> Select[int]:
    """How many rows a statement gives."""
    return select(func.count()).select_from(rows.order_by(None).subquery())


def _sees(by: Caller, where: Where) -> Where:
    """The product itself sees the whole workspace; of people only ACTIVE members see anything."""
    if by.is_system:
        return true()
    if by.member_id is None:
        return false()
    is_active = exists().where(
        Member.workspace_id == by.workspace_id,
        Member.id == by.member_id,
        Member.state == MemberState.ACTIVE,
    )
    return and_(is_active.correlate(None), where)


def _within_token(by: Caller, permission: Permission) -> Where:
    """A scoped token leaves only the permissions it names."""
    return true() if _is_within_token(by, permission) else false()


def _is_within_token(by: Caller, permission: Permission) -> bool:
    return by.limited_to is None or permission in by.limited_to


def _by_condition(permission: Permission) -> Iterator[tuple[Condition | None, list[Principal]]]:
    """Who holds the permission, gathered by condition, the unbound first."""
    holders = holders_of(permission)
    for condition in dict.fromkeys(condition for _, condition in holders):
        yield condition, [who for who, bound in holders if bound is condition]


@lru_cache(maxsize=1024)
def _on_courses(by: Caller, permission: Permission, given: Condition | None) -> Where:
    return or_(
        false(),
        *(
            and_(
                true() if condition is given else _of_course(by, condition),
                _held_on_course(
                    by, principals, is_inside_enough=condition is not Condition.WITHIN_OWN_SCOPE
                ),
            )
            for condition, principals in _by_condition(permission)
        ),
    )


def _of_course(by: Caller, condition: Condition | None) -> Where:
    match condition:
        case None | Condition.WITHIN_OWN_SCOPE:
            return true()
        case Condition.COURSE_IS_ACTIVE:
            return Course.state == CourseState.ACTIVE
        case Condition.OWN_CONTENT:
            return Course.created_by_id == by.member_id
        case _:
            return false()


def _of_module(by: Caller, condition: Condition | None) -> Where:
    match condition:
        case None | Condition.WITHIN_OWN_SCOPE:
            return true()
        case Condition.OWN_CONTENT:
            return Module.created_by_id == by.member_id
        case _:
            return false()


def _of_segment(condition: Condition | None) -> Where:
    match condition:
        case None:
            return true()
        case Condition.SEGMENT_IS_USABLE:
            return Segment.is_usable_by_departments.is_(True)
        case _:
            return false()


def _held_on_course(
    by: Caller, principals: Iterable[Principal], *, is_inside_enough: bool = True
) -> Where:
    """The course of the row is one on which, or around which, a principal is held; or which uses
    a module on which it is."""
    who = list(principals)
    arms = [*_granted_on_workspace(by, who), *_granted_around(by, Course.department_id, who)]
    arms += [Course.id.in_(each) for each in _courses_of(by, who)]
    if is_inside_enough and (given := _own_grants(by, Scope.MODULE, who)):
        edited = CourseModule.module_id.in_(select(Grant.module_id).where(*given))
        arms.append(Course.id.in_(select(CourseModule.course_id).where(edited)))
    return or_(false(), *arms)


def _held_on_module(by: Caller, principals: Iterable[Principal]) -> Where:
    """The module of the row is one on which a principal is held, or around which: by its
    department, or by a course that uses it."""
    who = list(principals)
    arms = [*_granted_on_workspace(by, who), *_granted_around(by, Module.department_id, who)]
    if given := _own_grants(by, Scope.MODULE, who):
        arms.append(Module.id.in_(select(Grant.module_id).where(*given)))
    for each in _courses_of(by, who):
        used = select(CourseModule.module_id).where(CourseModule.course_id.in_(each))
        arms.append(Module.id.in_(used))
    return or_(false(), *arms)


def _held_on_department(
    by: Caller, principals: Iterable[Principal], *, is_inside_enough: bool
) -> Where:
    """The department of the row is one on which, or around which, a principal is held; or one of
    whose courses or modules it is held on."""
    who = list(principals)
    arms = [*_granted_on_workspace(by, who), *_granted_around(by, Department.id, who)]
    if is_inside_enough:
        held = [Course.id.in_(each) for each in _courses_of(by, who)]
        arms += [Department.id.in_(select(Course.department_id).where(each)) for each in held]
        if given := _own_grants(by, Scope.MODULE, who):
            edited = Module.id.in_(select(Grant.module_id).where(*given))
            arms.append(Department.id.in_(select(Module.department_id).where(edited)))
    return or_(false(), *arms)


def _granted_around(
    by: Caller, department_id: InstrumentedAttribute[int], principals: Iterable[Principal]
) -> Iterator[Where]:
    if given := _own_grants(by, Scope.DEPARTMENT, principals):
        yield department_id.in_(select(Grant.department_id).where(*given))


def _courses_of(by: Caller, principals: Iterable[Principal]) -> Iterator[Select[Any]]:
    """The ids of the courses themselves on which one of these is held, a statement per way."""
    who = list(principals)
    if given := _own_grants(by, Scope.COURSE, who):
        yield select(Grant.course_id).where(*given)
    if roles := _own_roles(by, who):
        yield select(CourseRole.course_id).where(*roles)
    if Principal.COORDINATOR_DERIVED in who:
        yield select(course_coordinator.c.course_id).where(
            course_coordinator.c.member_id == by.member_id, ~course_coordinator.c.is_direct
        )
    if Principal.LEARNER in who:
        yield select(Enrolment.course_id).where(
            Enrolment.workspace_id == by.workspace_id,
            Enrolment.member_id == by.member_id,
            Enrolment.ended_at.is_(None),
        )


def _held_somewhere(by: Caller, principals: Iterable[Principal]) -> Where:
    """A principal is held on the workspace or on anything in it."""
    who = list(principals)
    held = [_own_grants(by, scope, who) for scope in Scope] + [_own_roles(by, who)]
    arms: list[Where] = [exists().where(*each).correlate(None) for each in held if each]
    if Principal.COORDINATOR_DERIVED in who:
        source = coordinator_source
        has_role = exists().where(
            CourseRole.course_id == source.c.course_id, CourseRole.member_id == source.c.member_id
        )
        derived = exists().where(source.c.member_id == by.member_id, source.c.kind != "DIRECT")
        arms.append(derived.where(~has_role).correlate(None))
    return or_(false(), *arms)


def _granted_on_workspace(by: Caller, principals: Iterable[Principal]) -> Iterator[Where]:
    if given := _own_grants(by, Scope.WORKSPACE, principals):
        yield exists().where(*given).correlate(None)


def _own_roles(by: Caller, principals: Iterable[Principal]) -> list[Where]:
    """Roles by hand that are one of these principals; empty if none of them is such a role."""
    kinds = [ROLE_KINDS[each] for each in principals if each in ROLE_KINDS]
    mine = [CourseRole.workspace_id == by.workspace_id, CourseRole.member_id == by.member_id]
    return [*mine, CourseRole.role.in_(kinds)] if kinds else []


def _own_grants(by: Caller, scope: Scope, principals: Iterable[Principal]) -> list[Where]:
    """Grants of these principals, given on this kind of thing and in effect; empty if none is."""
    words = [each.value for each in principals if GRANTED_ON.get(each) is scope]
    if not words:
        return []
    columns = [Grant.department_id, Grant.course_id, Grant.module_id]
    place = {Scope.DEPARTMENT: columns[0], Scope.COURSE: columns[1], Scope.MODULE: columns[2]}
    given_on = [place[scope].is_not(None)] if scope in place else [c.is_(None) for c in columns]
    mine = [Grant.workspace_id == by.workspace_id, Grant.member_id == by.member_id]
    return [*mine, Grant.principal.in_(words), Grant.pending_until.is_(None), *given_on]
