"""Resetting progress: what was done stays readable, and counts no longer (M5)."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import record
from models.progress import Progress
from operations.certificates import issuing
from operations.learning import progress as progresses
from operations.learning.named import Hindrance, named
from operations.wording import reason_of

NO_REASON: Final = "The progress was reset."

ARCHIVE: Final = text("""
UPDATE attempt SET state = 'RESET', ended_at = :at, ended_by_id = CAST(:by_id AS bigint),
       reason = :reason
 WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
   AND state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED')
RETURNING member_id, number
""")

COUNT_NO_LONGER: Final = text("""
UPDATE progress SET attempts_before = attempts
 WHERE course_id = :course_id AND member_id = ANY (CAST(:members AS bigint[]))
""")


class Reset(StrEnum):
    """What became of one person whose progress was to be reset."""

    RESET = "RESET"
    NOTHING_TO_RESET = "NOTHING_TO_RESET"
    NOT_LEARNER = "NOT_LEARNER"
    SELF_ACTION = "SELF_ACTION"
    NOT_FOUND = "NOT_FOUND"


async def reset(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    reason: str | None = None,
    remove_certificate: bool = False,
    at: dt.datetime,
) -> dict[int, Reset]:
    """Let these learners begin anew: the open attempt is archived as RESET, completed ones stop
    counting. Certificates stay unless they are to be removed too.

    The result of everybody is said, in the order asked; a fixed number of statements serves them
    all.
    """
    why = reason_of(reason) if reason else None
    asked = await named(
        db, by=by, course_id=course_id, member_ids=member_ids, asking=Permission.RESET_PROGRESS
    )
    results = {id: _judged(row) for id, row in asked.items()}
    due = {id: row for id, row in asked.items() if isinstance(row, Progress) and _counts(row)}
    if not due:
        return results
    before = {id: {"state": row.state, "percent": row.percent} for id, row in due.items()}
    told = {"course_id": course_id, "members": sorted(due), "at": at, "by_id": by.member_id}
    archived = await db.execute(ARCHIVE, told | {"reason": why})
    number = {row.member_id: row.number for row in archived}
    await db.execute(COUNT_NO_LONGER, told)
    await progresses.refresh(db, course_id=course_id, member_ids=due)
    for id, row in sorted(due.items()):
        record(
            db,
            by=by,
            verb="attempt.reset",
            course_id=course_id,
            member_id=id,
            before=before[id],
            after={"number": number.get(id), "countsFrom": row.attempts + 1},
            reason=why,
        )
    if remove_certificate:
        await issuing.revoke(
            db, by=by, course_id=course_id, member_ids=due, reason=why or NO_REASON, at=at
        )
    return results


def _judged(row: Progress | Hindrance) -> Reset:
    if isinstance(row, Hindrance):
        return Reset(row.value)
    return Reset.RESET if _counts(row) else Reset.NOTHING_TO_RESET


def _counts(row: Progress) -> bool:
    return row.attempts > row.attempts_before
