"""Taking a course: beginning an attempt, opening modules, finishing lessons, handing in."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.catalog import Module, ModuleKind
from models.content import ModuleRevision
from models.progress import Attempt, AttemptModule, AttemptState, ModuleState
from operations.content import revisions
from operations.learning import attempts, quizzes, retaking
from operations.learning import progress as progresses
from operations.refusals import Code, Refused, not_found


@dataclass(frozen=True, slots=True)
class Opened:
    """A module somebody takes, and what it says on the revision of their attempt."""

    attempt: Attempt
    module: AttemptModule
    revision: ModuleRevision


async def start(db: AsyncSession, *, by: Caller, course_id: int, at: dt.datetime) -> Attempt:
    """Begin the course, or begin it again; the open attempt, where there is one."""
    attempt, _ = await attempts.open_attempt(db, by=by, course_id=course_id, at=at)
    await progresses.refresh(db, course_id=course_id, member_ids=[attempt.member_id])
    return attempt


async def retake(db: AsyncSession, *, by: Caller, course_id: int, at: dt.datetime) -> Attempt:
    """Begin the course again, as `start` does; NOT_COMPLETED before any attempt has ended."""
    taker = await attempts.taking(db, by=by, course_id=course_id)
    role = attempts.role_of(taker.rights.held(Scope.COURSE, course_id))
    how = await retaking.retaking(
        db, course=taker.course, member_id=taker.progress.member_id, role=role
    )
    retaking.require(taker.rights, taker.course, role, how)
    if not how.is_retake:
        raise Refused(
            Code.NOT_COMPLETED,
            "Nothing has been finished yet that could be begun again.",
            {"instead": ["takeCourseTracked"]},
        )
    return await start(db, by=by, course_id=course_id, at=at)


async def open_module(
    db: AsyncSession, *, by: Caller, course_id: int, module_id: int, at: dt.datetime
) -> Opened:
    """Open a module of a course in the caller's attempt, which begins with it if need be (M16)."""
    attempt, module = await attempts.for_taking(
        db, by=by, course_id=course_id, module_id=module_id, at=at
    )
    revision = await revisions.published(
        db, workspace_id=by.workspace_id, module_id=module_id, number=module.revision
    )
    return Opened(attempt, module, revision)


async def complete_lesson(
    db: AsyncSession, *, by: Caller, course_id: int, module_id: int, at: dt.datetime
) -> Attempt:
    """The lesson has been read to its end. Said twice, even after the attempt ended with it, it
    changes nothing: no further attempt begins by that."""
    taker = await attempts.taking(db, by=by, course_id=course_id)
    if taker.attempt is None:
        done = await _last_with(db, course_id, taker.progress.member_id, module_id)
        if done is not None:
            return done
    attempt, module = await attempts.for_taking(
        db, by=by, course_id=course_id, module_id=module_id, at=at
    )
    kind = await db.scalar(select(Module.kind).where(Module.id == module_id))
    if kind is not ModuleKind.LESSON:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"This module is a {kind}; only a LESSON is completed by saying so.",
            {"kind": kind},
        )
    if module.state is ModuleState.IN_PROGRESS:
        module.state, module.finished_at = ModuleState.COMPLETED, at
        await attempts.settle(db, by=by, attempt=attempt, at=at)
    return attempt


async def submit(db: AsyncSession, *, by: Caller, course_id: int, at: dt.datetime) -> Attempt:
    """Hand in the open attempt as it is, with all answers that were saved: what is not done counts
    as failed, what waits to be graded is waited for."""
    taker = await attempts.taking(db, by=by, course_id=course_id)
    attempt = taker.attempt
    if attempt is None:
        raise not_found("open attempt")
    if attempt.state is AttemptState.NOT_STARTED:
        raise Refused(
            Code.BAD_USER_INPUT,
            "Nothing of this attempt has been opened yet, so there is nothing to hand in.",
            {"state": attempt.state},
        )
    await quizzes.hand_in_open(db, by=by, attempt=attempt, at=at)
    await db.execute(
        update(AttemptModule)
        .where(
            AttemptModule.attempt_id == attempt.id,
            AttemptModule.state.in_([ModuleState.NOT_STARTED, ModuleState.IN_PROGRESS]),
        )
        .values(state=ModuleState.FAILED, finished_at=at)
    )
    taker.progress.last_activity_at = at
    await attempts.settle(db, by=by, attempt=attempt, at=at)
    return attempt


async def _last_with(
    db: AsyncSession, course_id: int, member_id: int, module_id: int
) -> Attempt | None:
    """The last attempt, if it has ended and this module is completed in it."""
    last = await db.scalar(
        select(Attempt)
        .where(Attempt.course_id == course_id, Attempt.member_id == member_id)
        .order_by(Attempt.number.desc())
        .limit(1)
    )
    if last is None or last.state not in {AttemptState.COMPLETED, AttemptState.FAILED}:
        return None
    done = await db.scalar(
        select(AttemptModule.module_id).where(
            AttemptModule.attempt_id == last.id,
            AttemptModule.module_id == module_id,
            AttemptModule.state == ModuleState.COMPLETED,
        )
    )
    return None if done is None else last
