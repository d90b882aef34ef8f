"""Attempts: one pass of one person through one course (H1).

    NOT_STARTED → IN_PROGRESS ⇄ SUBMITTED → COMPLETED | FAILED       RESET, ABANDONED: put aside

An attempt takes the course's published modules at their newest revisions when it begins, and
follows them: it is SUBMITTED when nothing is left to do and something waits to be graded,
COMPLETED when every module is, FAILED when all are done and one failed. Grading again may turn
COMPLETED into FAILED and back, unless somebody's word completed the attempt. One without modules
is completed by attendance, or by hand. All of it happens under the lock of the person's progress.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.catalog import Course, CourseState
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptState,
    ModuleState,
    Progress,
    RoleAtStart,
)
from operations.certificates import issuing
from operations.learning import beginning, retaking
from operations.learning import progress as progresses
from operations.learning.completing import Completion, complete
from operations.refusals import Code, Denied, Refused, not_found
from operations.rights import Rights

__all__ = [
    "OPEN",
    "Completion",
    "Taker",
    "complete",
    "find_open",
    "for_taking",
    "may_continue",
    "open_attempt",
    "put_aside",
    "role_of",
    "settle",
    "taking",
]

OPEN: Final = (AttemptState.NOT_STARTED, AttemptState.IN_PROGRESS, AttemptState.SUBMITTED)
ENDED_BY_MODULES: Final = (AttemptState.COMPLETED, AttemptState.FAILED)
COORDINATORS: Final = frozenset({Principal.COORDINATOR_DIRECT, Principal.COORDINATOR_DERIVED})
VERBS: Final = {
    AttemptState.SUBMITTED: "attempt.submitted",
    AttemptState.COMPLETED: "attempt.completed",
    AttemptState.FAILED: "attempt.failed",
    AttemptState.RESET: "attempt.reset",
    AttemptState.ABANDONED: "attempt.abandoned",
}

MODULES: Final = text("""
SELECT count(*) FILTER (WHERE state IN ('NOT_STARTED', 'IN_PROGRESS')) AS unfinished,
       count(*) FILTER (WHERE state = 'SUBMITTED') AS waiting,
       count(*) FILTER (WHERE state = 'FAILED') AS failed,
       count(*) AS modules,
       CASE WHEN sum(max_score) > 0 THEN sum(coalesce(score, 0)) FILTER (WHERE max_score > 0) END
         AS score,
       nullif(sum(max_score), 0) AS max_score
  FROM attempt_module WHERE attempt_id = :attempt_id
""")


@dataclass(frozen=True, slots=True)
class Taker:
    """Somebody who may take a course, and the attempt they have open."""

    rights: Rights
    course: Course
    progress: Progress
    attempt: Attempt | None


async def for_taking(
    db: AsyncSession, *, by: Caller, course_id: int, module_id: int, at: dt.datetime
) -> tuple[Attempt, AttemptModule]:
    """The caller's open attempt and one of its modules, opened and locked.

    There is no way to content but this: where no attempt is open, one begins (M16). A module the
    attempt did not begin with is NOT_FOUND.
    """
    attempt, progress = await open_attempt(db, by=by, course_id=course_id, at=at)
    module = await db.get(AttemptModule, (attempt.id, module_id), populate_existing=True)
    if module is None:
        raise not_found("module")
    if module.state is ModuleState.NOT_STARTED:
        module.state, module.opened_at = ModuleState.IN_PROGRESS, at
    if attempt.state is AttemptState.NOT_STARTED:
        attempt.state, attempt.started_at = AttemptState.IN_PROGRESS, at
        await progresses.refresh(db, course_id=course_id, member_ids=[attempt.member_id])
    progress.last_activity_at = at
    return attempt, module


async def open_attempt(
    db: AsyncSession, *, by: Caller, course_id: int, at: dt.datetime
) -> tuple[Attempt, Progress]:
    """The caller's open attempt on a course, begun where there is none; and the locked progress.

    One begun under a role that has ended is put aside here, if it was not before (M39).
    """
    taker = await taking(db, by=by, course_id=course_id)
    attempt, course, progress = taker.attempt, taker.course, taker.progress
    held = taker.rights.held(Scope.COURSE, course_id)
    if attempt is not None and not may_continue(attempt.role, held):
        put_aside(db, by=by, attempt=attempt, state=AttemptState.ABANDONED, at=at)
        attempt = None
    if attempt is None:
        role = role_of(held)
        how = await retaking.retaking(db, course=course, member_id=progress.member_id, role=role)
        retaking.refuse(taker.rights, course, role, how)
        attempt = await beginning.begin(
            db, by=by, course=course, progress=progress, role=role, at=at
        )
    return attempt, progress


async def taking(db: AsyncSession, *, by: Caller, course_id: int) -> Taker:
    """The caller on a course they may take now, their progress locked.

    Raises NOT_FOUND, Denied, COURSE_NOT_ACTIVE.
    """
    if by.member_id is None:
        raise Denied(Permission.TAKE_COURSE_TRACKED, Scope.COURSE)
    found = await progresses.lock(
        db, workspace_id=by.workspace_id, course_id=course_id, member_ids=[by.member_id]
    )
    rights = Rights(by)
    await rights.prepare(db, courses=[course_id])
    _require(rights, course_id)
    course = await db.get_one(Course, course_id, populate_existing=True)
    if course.state is not CourseState.ACTIVE:
        raise Refused(
            Code.COURSE_NOT_ACTIVE,
            f"“{course.title}” is {course.state}; it can be taken while it is ACTIVE.",
            {"state": course.state},
        )
    attempt = await find_open(db, course_id=course_id, member_id=by.member_id)
    return Taker(rights, course, found[by.member_id], attempt)


async def settle(db: AsyncSession, *, by: Caller, attempt: Attempt, at: dt.datetime) -> None:
    """Let an attempt follow its modules, and the person's progress the attempt.

    Called after every change of one of them, under the lock of the progress. `by` is who changed
    it: the person, or whoever graded.
    """
    await db.flush()
    row = (await db.execute(MODULES, {"attempt_id": attempt.id})).one()
    before, after = attempt.state, _followed(attempt, row)
    if after not in {AttemptState.RESET, AttemptState.ABANDONED}:
        is_whole = after in ENDED_BY_MODULES and not row.unfinished and not row.waiting
        attempt.score = row.score if is_whole else None
        attempt.max_score = row.max_score if is_whole else None
    if after is not before:
        _enter(attempt, after, at)
        if after in VERBS:
            beginning.tell(db, by=by, verb=VERBS[after], attempt=attempt, before=before)
    who = [attempt.member_id]
    await progresses.refresh(db, course_id=attempt.course_id, member_ids=who)
    if after is AttemptState.COMPLETED and after is not before:
        await issuing.issue_on_completion(
            db, by=by, course_id=attempt.course_id, member_ids=who, at=at
        )


def _followed(attempt: Attempt, row: Row[Any]) -> AttemptState:
    """The state these modules make of the attempt."""
    if not row.modules or attempt.state in {AttemptState.RESET, AttemptState.ABANDONED}:
        return attempt.state
    if attempt.state in ENDED_BY_MODULES and (
        attempt.ended_by_id is not None or row.unfinished or row.waiting
    ):
        return attempt.state
    if row.unfinished:
        has_begun = attempt.state is not AttemptState.NOT_STARTED
        return AttemptState.IN_PROGRESS if has_begun else AttemptState.NOT_STARTED
    if row.waiting:
        return AttemptState.SUBMITTED
    return AttemptState.FAILED if row.failed else AttemptState.COMPLETED


def _enter(attempt: Attempt, state: AttemptState, at: dt.datetime) -> None:
    attempt.state = state
    attempt.ended_at = at if state in ENDED_BY_MODULES else None
    if state is not AttemptState.IN_PROGRESS:
        attempt.submitted_at = attempt.submitted_at or at


def put_aside(
    db: AsyncSession,
    *,
    by: Caller,
    attempt: Attempt,
    state: AttemptState,
    at: dt.datetime,
    reason: str | None = None,
) -> None:
    """End an open attempt that will count no longer, and keep it."""
    before = attempt.state
    attempt.state, attempt.ended_at = state, at
    attempt.ended_by_id, attempt.reason = by.member_id, reason
    beginning.tell(db, by=by, verb=VERBS[state], attempt=attempt, before=before, reason=reason)


async def find_open(db: AsyncSession, *, course_id: int, member_id: int) -> Attempt | None:
    """The open attempt of somebody whose progress is locked."""
    found: Attempt | None = await db.scalar(
        select(Attempt)
        .where(
            Attempt.course_id == course_id,
            Attempt.member_id == member_id,
            Attempt.state.in_(OPEN),
        )
        .execution_options(populate_existing=True)
    )
    return found


def role_of(held: frozenset[Principal]) -> RoleAtStart:
    """As what somebody who holds these roles on a course begins an attempt."""
    if Principal.INSTRUCTOR in held:
        return RoleAtStart.INSTRUCTOR
    return RoleAtStart.COORDINATOR if held & COORDINATORS else RoleAtStart.LEARNER


def may_continue(role: RoleAtStart, held: frozenset[Principal]) -> bool:
    """Whether an attempt begun under this role goes on: the role holds, or the person learns here
    (M39). That of a learner always does."""
    return role is RoleAtStart.LEARNER or Principal.LEARNER in held or role is role_of(held)


def _require(rights: Rights, course_id: int) -> None:
    if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course_id).allowed:
        raise not_found("course")
    asked = Permission.TAKE_COURSE_TRACKED
    decision = rights.decide(asked, Scope.COURSE, course_id, is_self=True)
    if not decision.allowed:
        held = rights.held(Scope.COURSE, course_id)
        raise Denied(asked, Scope.COURSE, held, decision.reason)
