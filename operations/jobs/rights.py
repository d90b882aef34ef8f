"""What long work asks of whoever wants it: when it is asked for, while it is done, and each time
somebody reads what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from access.permissions import Condition, Permission, Scope, scope_of
from models.jobs import Job, JobKind
from models.people import Member, MemberState
from operations import visible
from operations.refusals import Denied, Refused
from operations.rights import Rights, why_not

LIMITED_TO: Final = "limitedTo"
SHOWS: Final = "shows"
REACH: Final = "reach"
EVERYTHING: Final = "*"
OWN_SCOPE: Final = "is_within_own_scope"

Columns = tuple[tuple[Permission, ...], ...]
"""What one must hold to read every column of a file: one permission of each."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is in a file, beyond the permission of its kind. `reach` names the parts of which rows
    can be in it, or is EVERYTHING."""

    columns: Columns = ()
    reach: frozenset[str] = frozenset()

    def kept(self) -> dict[str, Any]:
        """As JSON, for the parameters of the job."""
        columns = [[each.value for each in group] for group in self.columns]
        return {SHOWS: columns, REACH: sorted(self.reach)}


NOTHING: Final = Shown()


@dataclass(frozen=True, slots=True)
class Asks:
    """The permission of a kind of work. `facts` are those under which somebody may have a part of
    it: what is in the file is only theirs."""

    permission: Permission
    is_of_course: bool = False
    facts: Mapping[str, bool] = field(default_factory=dict)


ASKS: Final[Mapping[JobKind, Asks]] = {
    JobKind.QUIZ_INSIGHTS: Asks(Permission.EXPORT_QUIZ_INSIGHTS, is_of_course=True),
    JobKind.LEARNERS: Asks(
        Permission.LIST_LEARNERS, is_of_course=True, facts={"is_self": True, "is_own_group": True}
    ),
    JobKind.MEMBERS: Asks(Permission.LIST_ALL_MEMBERS),
    JobKind.AUDIT: Asks(
        Permission.VIEW_AUDIT_LOG, facts={"is_billing_event": True, OWN_SCOPE: True}
    ),
    JobKind.IMPORT_MEMBERS: Asks(Permission.ADD_MEMBER),
    JobKind.IMPORT_ASSIGNMENTS: Asks(
        Permission.ASSIGN_LEARNER, is_of_course=True, facts={"is_own_group": True}
    ),
}


async def ask(
    db: AsyncSession,
    *,
    by: Caller,
    kind: JobKind,
    course_id: int | None,
    shows: Shown = NOTHING,
) -> None:
    """Raises Denied, COURSE_NOT_ACTIVE, and NOT_FOUND for a course that one may not see.

    `shows`: also for who may not read all of that any more, be it that it reached further than
    what they may do now.
    """
    reader = await _Reader.of(db, by, [course_id])
    refusal = await reader.refusal(kind, course_id, shows)
    if refusal is not None:
        raise refusal


async def reach_of(
    db: AsyncSession, *, by: Caller, kind: JobKind, course_id: int | None
) -> frozenset[str]:
    """How far the permission of a kind reaches, in words that can be kept and compared."""
    reader = await _Reader.of(db, by, [course_id])
    return await reader.reach(kind, course_id)


async def readable(db: AsyncSession, *, by: Caller, jobs: Sequence[Job]) -> list[bool]:
    """Of each of these, whether one may read what was made, as things stand in this transaction;
    in as many statements as for one."""
    reader = await _Reader.of(db, by, [each.course_id for each in jobs])
    return [await reader.may_read(each) for each in jobs]


async def may_read(db: AsyncSession, *, by: Caller, job: Job) -> bool:
    """The same of one."""
    return (await readable(db, by=by, jobs=[job]))[0]


async def asker_of(db: AsyncSession, job: Job) -> Caller | None:
    """Who asked for it, with what was left to them then; None for who is not there any more."""
    return await person(
        db,
        workspace_id=job.workspace_id,
        member_id=job.requested_by_id,
        limits=job.parameters.get(LIMITED_TO),
    )


async def person(
    db: AsyncSession, *, workspace_id: int, member_id: int, limits: Iterable[str] | None
) -> Caller | None:
    """Somebody as a caller, with what `limits_of` left to them; None for who is not there any
    more."""
    name = await db.scalar(
        select(Member.display_name).where(
            Member.workspace_id == workspace_id,
            Member.id == member_id,
            Member.state == MemberState.ACTIVE,
            Member.deleted_at.is_(None),
        )
    )
    if name is None:
        return None
    return Caller(
        workspace_id,
        name,
        Origin.GRAPHQL,
        member_id=member_id,
        limited_to=None if limits is None else frozenset(Permission(each) for each in limits),
    )


def limits_of(by: Caller) -> list[str] | None:
    """What a token leaves of a person's permissions, to be kept with what they ask for."""
    return None if by.limited_to is None else sorted(each.value for each in by.limited_to)


def shown_in(job: Job) -> Shown:
    """What a file shows beyond the permission of its kind."""
    groups: Iterable[Iterable[Any]] = job.parameters.get(SHOWS, ())
    columns = tuple(tuple(Permission(each) for each in group) for group in groups)
    return Shown(columns, frozenset(job.parameters.get(REACH, ())))


class _Reader:
    """What one caller may read, told by rights that were read at once."""

    def __init__(self, db: AsyncSession, by: Caller) -> None:
        self._db = db
        self._by = by
        self._rights = Rights(by)
        self._scopes: dict[Permission, frozenset[str]] = {}

    @classmethod
    async def of(cls, db: AsyncSession, by: Caller, courses: Iterable[int | None]) -> "_Reader":
        reader = cls(db, by)
        await reader._rights.prepare(db, courses=[each or 0 for each in courses])
        return reader

    async def may_read(self, job: Job) -> bool:
        is_own = (job.workspace_id, job.requested_by_id) == (
            self._by.workspace_id,
            self._by.member_id,
        )
        return is_own and await self.refusal(job.kind, job.course_id, shown_in(job)) is None

    async def refusal(
        self, kind: JobKind, course_id: int | None, shows: Shown
    ) -> Denied | Refused | None:
        asks, (scope, id) = ASKS[kind], self._place(kind, course_id)
        decision = self._rights.decide(asks.permission, scope, id, **asks.facts)
        if decision.allowed and await self._reads_all(kind, course_id, shows):
            return None
        if asks.is_of_course:
            message = "Coordinators export this while the course is ACTIVE."
            return why_not(self._rights, asks.permission, id, decision, while_active=message)
        return Denied(asks.permission, scope, self._rights.held(scope, id), decision.reason)

    async def reach(self, kind: JobKind, course_id: int | None) -> frozenset[str]:
        asks, (scope, id) = ASKS[kind], self._place(kind, course_id)
        if self._holds(asks.permission, scope, id):
            return frozenset({EVERYTHING})
        held = {
            each for each in asks.facts if self._holds(asks.permission, scope, id, **{each: True})
        }
        if OWN_SCOPE not in held:
            return frozenset(held)
        return frozenset(held - {OWN_SCOPE}) | await self._own_scope(asks.permission)

    async def _reads_all(self, kind: JobKind, course_id: int | None, shows: Shown) -> bool:
        if not all(any(self._reads(each, course_id) for each in one) for one in shows.columns):
            return False
        if not shows.reach:
            return True
        reach = await self.reach(kind, course_id)
        return EVERYTHING in reach or shows.reach <= reach

    async def _own_scope(self, permission: Permission) -> frozenset[str]:
        """The departments and courses in which it is held, read once."""
        if permission not in self._scopes:
            _, *places = visible.reach(self._by, permission, Condition.WITHIN_OWN_SCOPE)
            self._scopes[permission] = frozenset(
                [
                    f"{noun}:{id}"
                    for noun, selects in zip(("department", "course"), places, strict=True)
                    for each in selects
                    for id in await self._db.scalars(each)
                ]
            )
        return self._scopes[permission]

    def _reads(self, permission: Permission, course_id: int | None) -> bool:
        if scope_of(permission) is Scope.COURSE and course_id is not None:
            return self._holds(permission, Scope.COURSE, course_id)
        return self._holds(permission, Scope.WORKSPACE, self._by.workspace_id)

    def _holds(self, permission: Permission, scope: Scope, id: int, **facts: bool) -> bool:
        return self._rights.decide(permission, scope, id, **facts).allowed

    def _place(self, kind: JobKind, course_id: int | None) -> tuple[Scope, int]:
        if ASKS[kind].is_of_course:
            return Scope.COURSE, course_id or 0
        return Scope.WORKSPACE, self._by.workspace_id
