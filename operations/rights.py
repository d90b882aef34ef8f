"""What one caller holds, read in one statement for many things at once and kept for one request.

A role counts for a thing when it is held on it or on something around it (`here`), or on
something inside it (`inside`): an instructor may search the members of the workspace. Only a role
held `here` satisfies "within own scope".
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import (
    ANYONE,
    GRANTED_ON,
    Decision,
    Facts,
    Permission,
    Principal,
    Scope,
    decide,
    scope_of,
)
from models.catalog import CourseState
from models.people import MemberState
from operations.refusals import Denied
from operations.standing import HOLDINGS, NO_STANDING, NOBODY, Source, Sources, Standing, roles_of

LARGEST_ID: Final = 2**63 - 1
THE_PRODUCT: Final = Decision(True, None, None, "The product itself stands above the matrix.")


def asked_in(db: AsyncSession) -> set[Permission]:
    """The permissions that were asked for so far with rights read through this session."""
    asked: set[Permission] = db.info.setdefault("rights.asked", set())
    return asked


class NotPrepared(Exception):
    """Something was asked about that had not been read: `prepare` it first."""


class AskedTooWide(Exception):
    """A permission was asked of something larger than it is about: a mistake in the program."""


@dataclass(frozen=True, slots=True)
class _Course:
    department_id: int
    is_active: bool
    is_own: bool
    roles: frozenset[Principal]


class Rights:
    """What one caller holds in the caller's workspace. No caller is a stranger.

    Read what is needed with `prepare`, then ask without waiting. What is not in the workspace, and
    a caller who is not an ACTIVE member, gives an empty standing: nothing is allowed.
    """

    def __init__(self, caller: Caller | None) -> None:
        self.caller = caller
        self._is_read = False
        self._is_active = False
        self._grants: dict[tuple[Scope, int], set[Principal]] = defaultdict(set)
        self._somewhere: set[Principal] = set()
        self._courses: dict[int, _Course | None] = {}
        self._departments: dict[int, bool | None] = {}
        self._segments: dict[int, bool | None] = {}
        self._standings: dict[tuple[Scope, int], Standing] = {}
        self._asked: set[Permission] = set()

    async def prepare(
        self,
        db: AsyncSession,
        *,
        courses: Iterable[int] = (),
        departments: Iterable[int] = (),
        segments: Iterable[int] = (),
    ) -> None:
        """Read whatever of this is not known yet, in at most one statement."""
        self._asked = asked_in(db)
        caller = self.caller
        if caller is None or caller.member_id is None:
            return
        new_courses = set(courses) - self._courses.keys()
        new_departments = set(departments) - self._departments.keys()
        new_segments = set(segments) - self._segments.keys()
        if self._is_read and not (new_courses or new_departments or new_segments):
            return
        asked = {
            "workspace_id": caller.workspace_id,
            "member_id": caller.member_id,
            "first": not self._is_read,
            "courses": _storable(new_courses),
            "departments": _storable(new_departments),
            "segments": _storable(new_segments),
        }
        rows = (await db.execute(HOLDINGS, asked)).all()
        self._courses.update(dict.fromkeys(new_courses))
        self._departments.update(dict.fromkeys(new_departments))
        self._segments.update(dict.fromkeys(new_segments))
        for row in rows:
            self._take(row)
        self._is_read = True

    def is_prepared(self, scope: Scope, id: int) -> bool:
        """Whether `held` and `decide` can answer about this."""
        if self.caller is None or self.caller.member_id is None:
            return True
        match scope:
            case Scope.WORKSPACE:
                return self._is_read
            case Scope.DEPARTMENT:
                return id in self._departments
            case Scope.COURSE:
                return id in self._courses
            case Scope.MODULE:
                return False

    def held(self, scope: Scope, id: int) -> frozenset[Principal]:
        """Every role that counts for this thing. Raises NotPrepared."""
        return self._standing(scope, id).held

    def decide(self, permission: Permission, scope: Scope, id: int, **facts: bool) -> Decision:
        """Whether the caller may do this to this thing; `facts` are fields of `Facts`.

        What was read with a course need not be said. Raises NotPrepared, AskedTooWide.
        """
        if not scope_of(permission).contains(scope):
            raise AskedTooWide(
                f"{permission.name} is asked of a {scope_of(permission)}, not of a {scope}."
            )
        self._asked.add(permission)
        if self.caller is not None and self.caller.is_system:
            return THE_PRODUCT
        if self._is_beyond_token(permission):
            reason = f"The token used is limited to other permissions than {permission.name}."
            return Decision(False, None, None, reason)
        standing = self._standing(scope, id)
        known = replace(standing.facts_here, **facts) if facts else standing.facts_here
        outer = decide(standing.here, permission, known)
        if outer.allowed or not standing.inside:
            return outer
        inner = decide(standing.inside, permission, replace(standing.facts, **facts))
        return inner if inner.allowed or outer.principal is None else outer

    def _is_beyond_token(self, permission: Permission) -> bool:
        limits = None if self.caller is None else self.caller.limited_to
        return limits is not None and permission not in limits

    def source_of(self, decision: Decision, scope: Scope, id: int) -> Source | None:
        """Where the role behind a decision about this thing is held; None if no role is."""
        if decision.principal is None:
            return None
        standing = self._standing(scope, id)
        return standing.here.get(decision.principal) or standing.inside.get(decision.principal)

    def segment_is_usable(self, segment_id: int) -> bool:
        """Whether department managers may use the segment; False if there is none such."""
        if segment_id not in self._segments:
            raise NotPrepared(f"Segment {segment_id} was not prepared.")
        return bool(self._segments[segment_id])

    def _take(self, row: Row[Any]) -> None:
        match row.kind:
            case "member":
                self._is_active = row.word == MemberState.ACTIVE
            case "grant":
                self._take_grant(row)
            case "somewhere":
                self._somewhere |= roles_of(row)
            case "course":
                is_active = row.word == CourseState.ACTIVE
                self._courses[row.place] = _Course(
                    row.department_id, is_active, bool(row.is_so), roles_of(row)
                )
            case "department":
                self._departments[row.place] = row.is_so
            case "segment":
                self._segments[row.place] = row.is_so

    def _take_grant(self, row: Row[Any]) -> None:
        """A grant counts only on the kind of thing it can be given on; other rows give nothing."""
        scope = Scope(row.scope)
        if GRANTED_ON.get(row.word) is scope:
            self._grants[scope, row.place].add(Principal(row.word))

    def _standing(self, scope: Scope, id: int) -> Standing:
        known = self._standings.get((scope, id))
        if known is None:
            if not self.is_prepared(scope, id):
                raise NotPrepared(f"The rights on {scope} {id} were not prepared.")
            known = self._standings[scope, id] = self._stand(scope, id)
        return known

    def _stand(self, scope: Scope, id: int) -> Standing:
        caller = self.caller
        if caller is None:
            return Standing(_sources(ANYONE, scope, id))
        if caller.connection_id is not None:
            return Standing(_sources({Principal.IDP_SERVICE}, scope, id))
        if not self._is_active:
            return NO_STANDING
        around = self._granted(Scope.WORKSPACE, caller.workspace_id)
        match scope:
            case Scope.WORKSPACE if id == caller.workspace_id:
                return self._on_workspace(id, around)
            case Scope.DEPARTMENT if self._departments[id] is not None:
                return self._on_department(id, around)
            case Scope.COURSE if course := self._courses[id]:
                return self._on_course(id, around, course)
            case _:
                return NO_STANDING

    def _on_workspace(self, id: int, around: Sources) -> Standing:
        inside = _sources(self._somewhere, Scope.COURSE, None)
        for (scope, place), principals in self._grants.items():
            if scope is not Scope.WORKSPACE:
                inside |= _sources(principals, scope, place)
        return Standing(around | _sources({Principal.LEARNER}, Scope.WORKSPACE, id), inside)

    def _on_department(self, id: int, around: Sources) -> Standing:
        inside = {Principal.INSTRUCTOR} if self._departments[id] else NOBODY
        here = around | self._granted(Scope.DEPARTMENT, id)
        return Standing(here, _sources(inside, Scope.COURSE, None))

    def _on_course(self, id: int, around: Sources, course: _Course) -> Standing:
        in_department = self._granted(Scope.DEPARTMENT, course.department_id)
        on_course = self._granted(Scope.COURSE, id) | _sources(course.roles, Scope.COURSE, id)
        facts = Facts(course_is_active=course.is_active, is_own_content=course.is_own)
        return Standing(around | in_department | on_course, facts=facts)

    def _granted(self, scope: Scope, id: int) -> Sources:
        return _sources(self._grants.get((scope, id), NOBODY), scope, id)


def _storable(ids: Iterable[int]) -> list[int]:
    """Without the ids no row can have."""
    return sorted(id for id in ids if 0 < id <= LARGEST_ID)


def _sources(principals: Iterable[Principal], scope: Scope, id: int | None) -> Sources:
    return {principal: Source(principal, scope, id) for principal in principals}


async def require(
    db: AsyncSession,
    by: Caller,
    permission: Permission,
    *,
    course_id: int | None = None,
    department_id: int | None = None,
    segment_id: int | None = None,
    **facts: bool,
) -> Decision:
    """Ask, inside an operation, as things stand in this transaction; raises Denied.

    Asked of the course, else of the department, else of the workspace. A segment adds the fact
    whether it is usable. Other facts (`is_self=...`) are said by the operation.
    """
    rights = Rights(by)
    await rights.prepare(
        db,
        courses=_given(course_id),
        departments=_given(department_id) if course_id is None else (),
        segments=_given(segment_id),
    )
    if segment_id is not None and by.member_id is not None:
        facts = {"segment_is_usable": rights.segment_is_usable(segment_id)} | facts
    scope, id = _asked_of(by, course_id, department_id)
    decision = rights.decide(permission, scope, id, **facts)
    if not decision.allowed:
        raise Denied(permission, scope, rights.held(scope, id), decision.reason)
    return decision


def _given(id: int | None) -> tuple[int, ...]:
    return () if id is None else (id,)


def _asked_of(by: Caller, course_id: int | None, department_id: int | None) -> tuple[Scope, int]:
    if course_id is not None:
        return Scope.COURSE, course_id
    if department_id is not None:
        return Scope.DEPARTMENT, department_id
    return Scope.WORKSPACE, by.workspace_id
