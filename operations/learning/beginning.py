"""Beginning an attempt: what it takes along, and what the journal says of one."""

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.catalog import Course, CourseModule, Module, ModuleKind
from models.content import ModuleRevision
from models.journal import record
from models.progress import (
    Attempt,
    AttemptModule,
    AttemptOrigin,
    AttemptState,
    ModuleState,
    Progress,
    RoleAtStart,
)
from operations.content import revisions
from operations.content.questions import AssignmentContent, QuizContent


async def begin(
    db: AsyncSession,
    *,
    by: Caller,
    course: Course,
    progress: Progress,
    role: RoleAtStart,
    at: dt.datetime,
) -> Attempt:
    """The next attempt of somebody whose progress is locked and who has none open."""
    progress.attempts += 1
    attempt = Attempt(
        workspace_id=by.workspace_id,
        course_id=course.id,
        member_id=progress.member_id,
        number=progress.attempts,
        state=AttemptState.NOT_STARTED,
        origin=AttemptOrigin.SELF,
        role=role,
        due_at=progress.own_due_at or course.due_at,
        created_at=at,
    )
    db.add(attempt)
    await db.flush()
    if modules := await _modules(db, attempt):
        await db.execute(insert(AttemptModule), modules)
    tell(db, by=by, verb="attempt.started", attempt=attempt)
    return attempt


async def _modules(db: AsyncSession, attempt: Attempt) -> list[dict[str, Any]]:
    """What the course has published now: its modules for this attempt, for good (C22)."""
    published = await db.execute(
        select(Module.id, Module.revision, ModuleRevision)
        .select_from(CourseModule)
        .join(Module, Module.id == CourseModule.module_id)
        .outerjoin(
            ModuleRevision,
            (ModuleRevision.module_id == Module.id)
            & (ModuleRevision.number == Module.revision)
            & (Module.kind != ModuleKind.LESSON),
        )
        .where(CourseModule.course_id == attempt.course_id, Module.revision.is_not(None))
        .order_by(CourseModule.place)
    )
    return [
        {
            "attempt_id": attempt.id,
            "module_id": row.id,
            "workspace_id": attempt.workspace_id,
            "revision": row.revision,
            "place": place,
            "state": ModuleState.NOT_STARTED,
            "max_score": row.ModuleRevision and _points(row.ModuleRevision),
        }
        for place, row in enumerate(published, start=1)
    ]


def _points(revision: ModuleRevision) -> Decimal | None:
    match revisions.content_of(revision):
        case QuizContent() | AssignmentContent() as content:
            return content.points
        case _:
            return None


def tell(
    db: AsyncSession,
    *,
    by: Caller,
    verb: str,
    attempt: Attempt,
    before: AttemptState | None = None,
    reason: str | None = None,
) -> None:
    """Say in the journal what became of an attempt."""
    record(
        db,
        by=by,
        verb=verb,
        course_id=attempt.course_id,
        member_id=attempt.member_id,
        before=None if before is None else {"state": before},
        after={"number": attempt.number, "state": attempt.state, "role": attempt.role},
        reason=reason,
    )
