"""What follows when the settings of a course change: due dates are kept, scores found anew."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.catalog import Course, CourseKind
from operations import courses
from operations.learning import due_dates, progress
from operations.live_sessions.ahead import refuse_while_ahead


async def edit(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    changes: Mapping[str, Any],
    at: dt.datetime,
    allow_past: bool = False,
    reason: str | None = None,
) -> Course:
    """`courses.edit`, and what it means to those who learn there: a due date is kept in the
    history, and whoever has no other follows it; a score policy holds for everybody's score at
    once. Open attempts keep the date they began with. With live sessions ahead a course cannot
    become self-paced."""
    course = await courses.lock(db, by=by, course_id=course_id)
    due_before, policy_before, kind_before = course.due_at, course.score_policy, course.kind
    course = await courses.edit(db, by=by, course_id=course_id, changes=changes)
    if course.due_at != due_before:
        due_dates.refuse_past(course.due_at, at=at, allow_past=allow_past)
        await due_dates.note_course(
            db, by=by, course=course, before=due_before, at=at, reason=reason
        )
    if course.kind is not kind_before and course.kind is CourseKind.SELF_PACED:
        await refuse_while_ahead(db, workspace_id=by.workspace_id, course_id=course_id, at=at)
    if course.score_policy is not policy_before:
        await progress.refresh_course(db, course_id=course_id)
    return course
