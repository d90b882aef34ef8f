"""What one caller holds, read in one statement for many things at once and kept for one request.

A role counts for a thing when it is held on it or on something around it (`here`), or on
something inside it (`inside`): an instructor may search the members of the workspace. Only a role
held `here` satisfies "within own scope". Around a module are the workspace, its department, and
every course which uses it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import (
    ANYONE,
    GRANTED_ON,
    Condition,
    Decision,
    Facts,
    Permission,
    Principal,
    Scope,
    scope_of,
)
from models.catalog import CourseState
from models.people import MemberState
from operations.holdings import Need, holdings
from operations.refusals import Code, Denied, Refused, not_found
from operations.standing import NO_STANDING, NOBODY, Source, Sources, Standing

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


def refuse_wider(permission: Permission, scope: Scope) -> None:
    """Raises AskedTooWide unless the permission can be asked of such a thing."""
    if not scope_of(permission).contains(scope):
        raise AskedTooWide(
            f"{permission.name} is asked of a {scope_of(permission)}, not of a {scope}."
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A course or module: the department it belongs to, and what holds for it."""

    department_id: int
    is_own: bool
    is_active: bool = False


class Rights:
    """What one caller holds in the caller's workspace. No caller is a stranger.

    Read what is needed with `prepare`, then ask without waiting. What is not in the workspace, and
    a caller who is not an ACTIVE member, gives an empty standing: nothing is allowed.
    """

    def __init__(self, caller: Caller | None) -> None:
        self.caller = caller
        self._is_read = False
        self._is_active = False
        self._finance_manager_is_absent = False
        self._grants: dict[tuple[Scope, int], set[Principal]] = defaultdict(set)
        self._somewhere: set[Principal] = set()
        self._roles: dict[int, set[Principal]] = defaultdict(set)
        self._inside: dict[tuple[Scope, int], Sources] = defaultdict(dict)
        self._uses: dict[int, list[int]] = defaultdict(list)
        self._courses: dict[int, _Place | None] = {}
        self._modules: dict[int, _Place | None] = {}
        self._departments: dict[int, bool] = {}
        self._segments: dict[int, bool | None] = {}
        self._standings: dict[tuple[Scope, int], Standing] = {}
        self._asked: set[Permission] = set()

    async def prepare(
        self,
        db: AsyncSession,
        *,
        courses: Iterable[int] = (),
        departments: Iterable[int] = (),
        modules: Iterable[int] = (),
        segments: Iterable[int] = (),
    ) -> None:
        """Read whatever of this is not known yet, in at most one statement."""
        self._asked = asked_in(db)
        caller = self.caller
        if caller is None or caller.member_id is None:
            return
        new = {
            Need.COURSES: set(courses) - self._courses.keys(),
            Need.DEPARTMENTS: set(departments) - self._departments.keys(),
            Need.MODULES: set(modules) - self._modules.keys(),
            Need.SEGMENTS: set(segments) - self._segments.keys(),
        }
        asked = {need: _storable(ids) for need, ids in new.items() if ids}
        if asked or not self._is_read:
            needs = [*asked] if self._is_read else [Need.PERSON, *asked]
            mine = {"workspace_id": caller.workspace_id, "member_id": caller.member_id}
            rows = (await db.execute(holdings(needs), mine | asked)).all()
            self._courses.update(dict.fromkeys(new[Need.COURSES]))
            self._departments.update(dict.fromkeys(new[Need.DEPARTMENTS], False))
            self._modules.update(dict.fromkeys(new[Need.MODULES]))
            self._segments.update(dict.fromkeys(new[Need.SEGMENTS]))
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
                return id in self._modules

    def held(self, scope: Scope, id: int) -> frozenset[Principal]:
        """Every role that counts for this thing. Raises NotPrepared."""
        return self._standing(scope, id).held

    def decide(self, permission: Permission, scope: Scope, id: int, **facts: bool) -> Decision:
        """Whether the caller may do this to this thing; `facts` are fields of `Facts`.

        What was read with a course need not be said. Raises NotPrepared, AskedTooWide.
        """
        refuse_wider(permission, scope)
        self._asked.add(permission)
        if self.caller is not None and self.caller.is_system:
            return THE_PRODUCT
        if self._is_beyond_token(permission):
            reason = f"The token used is limited to other permissions than {permission.name}."
            return Decision(False, None, None, reason)
        return self._standing(scope, id).decide(permission, **facts)

    def _is_beyond_token(self, permission: Permission) -> bool:
        limits = None if self.caller is None else self.caller.limited_to
        return limits is not None and permission not in limits

    def source_of(self, decision: Decision, scope: Scope, id: int) -> Source | None:
        """Where the role behind a decision about this thing is held; None if no role is."""
        return self._standing(scope, id).source_of(decision)

    def segment_is_usable(self, segment_id: int) -> bool:
        """Whether department managers may use the segment; False if there is none such."""
        if segment_id not in self._segments:
            raise NotPrepared(f"Segment {segment_id} was not prepared.")
        return bool(self._segments[segment_id])

    def _take(self, row: Row[Any]) -> None:
        match row.kind:
            case "somewhere" | "role" | "holds":
                self._take_role(row)
            case "grant" | "edits" | "given":
                self._take_grant(row)
            case "member":
                self._is_active = row.word == MemberState.ACTIVE
            case "finance":
                self._finance_manager_is_absent = row.is_so
            case _:
                self._take_thing(row)

    def _take_thing(self, row: Row[Any]) -> None:
        match row.kind:
            case "course":
                is_active = row.word == CourseState.ACTIVE
                self._courses[row.place] = _Place(row.held_on, bool(row.is_so), is_active)
            case "department":
                self._departments[row.place] = True
            case "module":
                self._modules[row.place] = _Place(row.held_on, bool(row.is_so))
            case "use":
                self._uses[row.place].append(row.held_on)
            case "segment":
                self._segments[row.place] = row.is_so

    def _take_role(self, row: Row[Any]) -> None:
        principal = Principal(row.word)
        match row.kind:
            case "somewhere":
                self._somewhere.add(principal)
            case "role":
                self._roles[row.place].add(principal)
            case "holds":
                held = _sources({principal}, Scope.COURSE, None)
                self._inside[Scope.DEPARTMENT, row.place] |= held

    def _take_grant(self, row: Row[Any]) -> None:
        """A grant counts only on the kind of thing it can be given on; other rows give nothing."""
        scope = Scope(row.scope)
        if GRANTED_ON.get(row.word) is not scope:
            return
        principal = Principal(row.word)
        given = _sources({principal}, scope, row.held_on)
        match row.kind:
            case "grant":
                self._grants[scope, row.held_on].add(principal)
            case "edits":
                self._inside[Scope.COURSE, row.place] |= given
            case "given":
                self._inside[Scope.DEPARTMENT, row.place] |= given

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
            case Scope.DEPARTMENT if self._departments[id]:
                here = around | self._granted(Scope.DEPARTMENT, id)
                return Standing(here, self._inside[Scope.DEPARTMENT, id])
            case Scope.COURSE if course := self._courses[id]:
                return self._on_course(id, around, course)
            case Scope.MODULE if module := self._modules[id]:
                return self._on_module(id, around, module)
            case _:
                return NO_STANDING

    def _on_workspace(self, id: int, around: Sources) -> Standing:
        inside = _sources(self._somewhere, Scope.COURSE, None)
        for (scope, place), principals in self._grants.items():
            if scope is not Scope.WORKSPACE:
                inside |= _sources(principals, scope, place)
        here = around | _sources({Principal.LEARNER}, Scope.WORKSPACE, id)
        facts = Facts(finance_manager_is_absent=self._finance_manager_is_absent)
        return Standing(here, inside, facts)

    def _on_course(self, id: int, around: Sources, course: _Place) -> Standing:
        in_department = self._granted(Scope.DEPARTMENT, course.department_id)
        facts = Facts(course_is_active=course.is_active, is_own_content=course.is_own)
        here = around | in_department | self._held_on_course(id)
        return Standing(here, self._inside[Scope.COURSE, id], facts)

    def _on_module(self, id: int, around: Sources, module: _Place) -> Standing:
        here = around | self._granted(Scope.DEPARTMENT, module.department_id)
        for course_id in self._uses[id]:
            here |= self._held_on_course(course_id)
        here |= self._granted(Scope.MODULE, id)
        return Standing(here, facts=Facts(is_own_content=module.is_own))

    def _held_on_course(self, id: int) -> Sources:
        return self._granted(Scope.COURSE, id) | _sources(self._roles[id], Scope.COURSE, id)

    def _granted(self, scope: Scope, id: int) -> Sources:
        return _sources(self._grants.get((scope, id), NOBODY), scope, id)


def _storable(ids: Iterable[int]) -> list[int]:
    """Without the ids no row can have."""
    return sorted(id for id in ids if 0 < id <= LARGEST_ID)


def _sources(principals: Iterable[Principal], scope: Scope, id: int | None) -> Sources:
    return {principal: Source(principal, scope, id) for principal in principals}


def why_not(
    rights: Rights, asked: Permission, course_id: int, decision: Decision, *, while_active: str
) -> Denied | Refused:
    """What is said to who may not do something on a course that was prepared: NOT_FOUND where they
    may not see it, COURSE_NOT_ACTIVE with a sentence where that is all, else Denied."""
    if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course_id).allowed:
        return not_found("course")
    if decision.condition is Condition.COURSE_IS_ACTIVE:
        return Refused(Code.COURSE_NOT_ACTIVE, while_active)
    held = rights.held(Scope.COURSE, course_id)
    return Denied(asked, Scope.COURSE, held, decision.reason)


async def require(
    db: AsyncSession,
    by: Caller,
    permission: Permission,
    *,
    course_id: int | None = None,
    department_id: int | None = None,
    module_id: int | None = None,
    segment_id: int | None = None,
    **facts: bool,
) -> Decision:
    """Ask, inside an operation, as things stand in this transaction; raises Denied.

    Asked of the module, else of the course, else of the department, else of the workspace. A
    segment adds the fact whether it is usable. Other facts (`is_self=...`) are said by the
    operation.
    """
    scope, id = _asked_of(by, module_id, course_id, department_id)
    rights = Rights(by)
    await rights.prepare(
        db,
        courses=[id] if scope is Scope.COURSE else (),
        departments=[id] if scope is Scope.DEPARTMENT else (),
        modules=[id] if scope is Scope.MODULE else (),
        segments=() if segment_id is None else [segment_id],
    )
    if segment_id is not None and by.member_id is not None:
        facts = {"segment_is_usable": rights.segment_is_usable(segment_id)} | facts
    decision = rights.decide(permission, scope, id, **facts)
    if not decision.allowed:
        raise Denied(permission, scope, rights.held(scope, id), decision.reason)
    return decision


def _asked_of(
    by: Caller, module_id: int | None, course_id: int | None, department_id: int | None
) -> tuple[Scope, int]:
    narrowest = (
        (Scope.MODULE, module_id),
        (Scope.COURSE, course_id),
        (Scope.DEPARTMENT, department_id),
    )
    named = ((scope, id) for scope, id in narrowest if id is not None)
    return next(named, (Scope.WORKSPACE, by.workspace_id))
