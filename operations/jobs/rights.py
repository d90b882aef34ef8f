"""What long work asks of whoever wants it: when it is asked for, while it is done, and each time
somebody reads what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from access.permissions import Condition, Permission, Scope, scope_of
from models.jobs import Job, JobKind
from models.people import Member, MemberState
from operations import visible
from operations.refusals import Code, Denied, Refused, not_found
from operations.rights import Rights

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
    asks = ASKS[kind]
    scope, id = (Scope.COURSE, course_id or 0) if asks.is_of_course else _workspace(by)
    rights = Rights(by)
    await rights.prepare(db, courses=[id] if asks.is_of_course else ())
    if asks.is_of_course and not rights.decide(Permission.VIEW_COURSE_INFO, scope, id).allowed:
        raise not_found("course")
    decision = rights.decide(asks.permission, scope, id, **asks.facts)
    if decision.allowed and _reads_all(rights, by, shows.columns, course_id):
        reach = await _reach(db, rights, by, kind, (scope, id)) if shows.reach else frozenset()
        if EVERYTHING in reach or shows.reach <= reach:
            return
    if decision.condition is Condition.COURSE_IS_ACTIVE:
        raise Refused(
            Code.COURSE_NOT_ACTIVE, "Coordinators export this while the course is ACTIVE."
        )
    raise Denied(asks.permission, scope, rights.held(scope, id), decision.reason)


async def reach_of(
    db: AsyncSession, *, by: Caller, kind: JobKind, course_id: int | None
) -> frozenset[str]:
    """How far the permission of a kind reaches, in words that can be kept and compared."""
    place = (Scope.COURSE, course_id or 0) if ASKS[kind].is_of_course else _workspace(by)
    rights = Rights(by)
    await rights.prepare(db, courses=[place[1]] if ASKS[kind].is_of_course else ())
    return await _reach(db, rights, by, kind, place)


async def may_read(db: AsyncSession, *, by: Caller, job: Job) -> bool:
    """Whether one may read what was made, as things stand in this transaction."""
    if by.member_id != job.requested_by_id or by.workspace_id != job.workspace_id:
        return False
    try:
        await ask(db, by=by, kind=job.kind, course_id=job.course_id, shows=shown_in(job))
    except (Denied, Refused):
        return False
    return True


async def asker_of(db: AsyncSession, job: Job) -> Caller | None:
    """Who asked for it, with what was left to them then; None for who is not there any more."""
    name = await db.scalar(
        select(Member.display_name).where(
            Member.workspace_id == job.workspace_id,
            Member.id == job.requested_by_id,
            Member.state == MemberState.ACTIVE,
            Member.deleted_at.is_(None),
        )
    )
    if name is None:
        return None
    limits = job.parameters.get(LIMITED_TO)
    return Caller(
        job.workspace_id,
        name,
        Origin.GRAPHQL,
        member_id=job.requested_by_id,
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


async def _reach(
    db: AsyncSession, rights: Rights, by: Caller, kind: JobKind, place: tuple[Scope, int]
) -> frozenset[str]:
    asks = ASKS[kind]
    if rights.decide(asks.permission, *place).allowed:
        return frozenset({EVERYTHING})
    scope, id = place
    facts = {
        fact
        for fact in asks.facts
        if rights.decide(asks.permission, scope, id, **{fact: True}).allowed
    }
    if OWN_SCOPE not in facts:
        return frozenset(facts)
    _, *places = visible.reach(by, asks.permission, Condition.WITHIN_OWN_SCOPE)
    named = [
        f"{noun}:{id}"
        for noun, selects in zip(("department", "course"), places, strict=True)
        for each in selects
        for id in await db.scalars(each)
    ]
    return frozenset(facts - {OWN_SCOPE} | set(named))


def _reads_all(rights: Rights, by: Caller, shows: Columns, course_id: int | None) -> bool:
    def holds(permission: Permission) -> bool:
        of_course = scope_of(permission) is Scope.COURSE and course_id is not None
        scope, id = (Scope.COURSE, course_id or 0) if of_course else _workspace(by)
        return rights.decide(permission, scope, id).allowed

    return all(any(holds(each) for each in group) for group in shows)


def _workspace(by: Caller) -> tuple[Scope, int]:
    return Scope.WORKSPACE, by.workspace_id
