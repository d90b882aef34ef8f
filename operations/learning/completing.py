"""Completing a course on somebody's word, or because a live session was attended (M4)."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course, CourseState
from models.journal import record
from models.progress import AttemptOrigin, Progress, ProgressState
from operations.certificates import issuing
from operations.learning import progress as progresses
from operations.learning.named import Hindrance, named
from operations.refusals import Code, Refused

ASKED: Final = {
    AttemptOrigin.MANUAL: Permission.MARK_COMPLETE,
    AttemptOrigin.ATTENDANCE: Permission.MARK_ATTENDANCE,
}

END_OPEN: Final = text("""
UPDATE attempt SET state = 'COMPLETED', submitted_at = coalesce(submitted_at, :at), ended_at = :at,
       ended_by_id = CAST(:by_id AS bigint)
 WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
   AND state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')
RETURNING member_id, number, role
""")

MAKE: Final = text("""
WITH numbered AS (
    UPDATE progress SET attempts = attempts + 1
     WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
    RETURNING workspace_id, course_id, member_id, attempts, own_due_at
), coordinators AS MATERIALIZED (
    SELECT member_id FROM course_coordinator
     WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
)
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, due_at,
                     created_at, submitted_at, ended_at, ended_by_id)
SELECT n.workspace_id, n.course_id, n.member_id, n.attempts, 'COMPLETED', :origin,
       CASE WHEN r.role = 'INSTRUCTOR' THEN 'INSTRUCTOR'
            WHEN n.member_id IN (SELECT member_id FROM coordinators) THEN 'COORDINATOR'
            ELSE 'LEARNER' END,
       coalesce(n.own_due_at, c.due_at), :at, :at, :at, CAST(:by_id AS bigint)
  FROM numbered n
  JOIN course c ON c.id = n.course_id
  LEFT JOIN course_role r ON r.course_id = n.course_id AND r.member_id = n.member_id
 ORDER BY n.member_id
RETURNING member_id, number, role
""")


class Completion(StrEnum):
    """What became of one person when a course was marked complete."""

    COMPLETED = "COMPLETED"
    ALREADY_COMPLETED = "ALREADY_COMPLETED"
    NOT_LEARNER = "NOT_LEARNER"
    SELF_ACTION = "SELF_ACTION"
    NOT_FOUND = "NOT_FOUND"


async def complete(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    origin: AttemptOrigin,
    at: dt.datetime,
) -> dict[int, Completion]:
    """Complete the course for each of these learners who has not completed it.

    An open attempt becomes COMPLETED; where there is none, one is made, with that origin. The
    result of everybody is said, in the order asked; a fixed number of statements serves them all.

    Nobody's word completes a DRAFT (COURSE_NOT_ACTIVE): there has been nothing to complete yet.
    An ARCHIVED course can be completed by word and by grading, while it is being wound up;
    attendance is a fact whatever the course is.
    """
    if not member_ids and origin is AttemptOrigin.ATTENDANCE:
        return {}
    asked = await named(db, by=by, course_id=course_id, member_ids=member_ids, asking=ASKED[origin])
    if origin is AttemptOrigin.MANUAL:
        _refuse_draft(await db.get_one(Course, course_id))
    results = {id: _judged(row) for id, row in asked.items()}
    due = sorted(id for id, result in results.items() if result is Completion.COMPLETED)
    if not due:
        return results
    told = {"course_id": course_id, "at": at, "by_id": by.member_id, "origin": origin}
    ended = (await db.execute(END_OPEN, told | {"members": due})).all()
    without = sorted(set(due) - {row.member_id for row in ended})
    made = (await db.execute(MAKE, told | {"members": without})).all() if without else []
    for row in sorted([*ended, *made], key=lambda row: row.member_id):
        record(
            db,
            by=by,
            verb="attempt.completed",
            course_id=course_id,
            member_id=row.member_id,
            after={
                "number": row.number,
                "state": "COMPLETED",
                "role": row.role,
                "origin": origin,
            },
        )
    await progresses.refresh(db, course_id=course_id, member_ids=due)
    await issuing.issue_on_completion(db, by=by, course_id=course_id, member_ids=due, at=at)
    return results


def _refuse_draft(course: Course) -> None:
    if course.state is CourseState.DRAFT:
        raise Refused(
            Code.COURSE_NOT_ACTIVE,
            f"“{course.title}” is a draft; it can be completed once it has been made ACTIVE.",
            {"state": course.state, "instead": ["changeCourseState"]},
        )


def _judged(row: Progress | Hindrance) -> Completion:
    if isinstance(row, Hindrance):
        return Completion(row.value)
    is_completed = row.state is ProgressState.COMPLETED
    return Completion.ALREADY_COMPLETED if is_completed else Completion.COMPLETED
