"""What becomes of an open attempt when the role it began under ends (M39).

It goes on where the person is a learner, and is ABANDONED, and kept, where not. Who takes a role by
hand says so at once (`where_roles_ended`); for roles the engine ended, and enrolments that ended
later, `sweep` looks at how things are. In between nothing can be written to the attempt: taking a
course asks for the right to every time.
"""

from collections.abc import Collection
from itertools import groupby
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, system
from models.journal import record
from operations.learning import progress as progresses

_ROLE_ENDED: Final = """
       a.state IN ('NOT_STARTED', 'IN_PROGRESS', 'SUBMITTED') AND a.role <> 'LEARNER'
   AND NOT EXISTS (SELECT FROM progress p WHERE p.course_id = a.course_id
                      AND p.member_id = a.member_id AND p.is_learner)
   AND CASE WHEN EXISTS (SELECT FROM course_role r WHERE r.course_id = a.course_id
                            AND r.member_id = a.member_id AND r.role = 'INSTRUCTOR')
            THEN a.role <> 'INSTRUCTOR'
            ELSE a.role = 'INSTRUCTOR' OR NOT EXISTS (
                 SELECT FROM coordinator_source s WHERE s.workspace_id = a.workspace_id
                    AND s.course_id = a.course_id AND s.member_id = a.member_id) END
"""
"""Instructors are no coordinators. An account that is deactivated keeps its roles by hand."""

PENDING: Final = f"EXISTS (SELECT FROM attempt a WHERE {_ROLE_ENDED})"
"""Whether `sweep` has something to do."""

FIND: Final = text(f"""
SELECT a.workspace_id, a.course_id, a.member_id FROM attempt a
 WHERE {_ROLE_ENDED}
 ORDER BY a.course_id, a.member_id LIMIT :limit
""")  # noqa: S608 - made of a constant of ours

ABANDON: Final = text(f"""
UPDATE attempt a SET state = 'ABANDONED', ended_at = now(), ended_by_id = CAST(:by_id AS bigint),
       reason = :reason
 WHERE a.course_id = :course_id AND a.member_id = ANY (CAST(:members AS bigint[]))
   AND {_ROLE_ENDED}
RETURNING a.member_id, a.number, a.role
""")  # noqa: S608 - made of a constant of ours

REASON: Final = "The role it began under has ended."


async def where_roles_ended(
    db: AsyncSession, *, by: Caller, course_id: int, member_ids: Collection[int]
) -> tuple[int, ...]:
    """Abandon the open attempts of those of these people whose role has ended; whose they were."""
    if not member_ids:
        return ()
    await db.flush()
    found = await progresses.lock_existing(
        db, workspace_id=by.workspace_id, course_id=course_id, member_ids=member_ids
    )
    told = {
        "course_id": course_id,
        "members": sorted(found),
        "by_id": by.member_id,
        "reason": REASON,
    }
    rows = sorted(await db.execute(ABANDON, told)) if found else []
    for member_id, number, role in rows:
        record(
            db,
            by=by,
            verb="attempt.abandoned",
            course_id=course_id,
            member_id=member_id,
            after={"number": number, "state": "ABANDONED", "role": role},
            reason=REASON,
        )
    ended = tuple(member_id for member_id, _, _ in rows)
    if ended:
        await progresses.refresh(db, course_id=course_id, member_ids=ended)
    return ended


async def sweep(db: AsyncSession, *, limit: int) -> int:
    """Abandon what should be, in all workspaces, up to `limit`; how many were found."""
    found = (await db.execute(FIND, {"limit": limit})).all()
    for course_id, rows in groupby(found, key=lambda row: row.course_id):
        of_course = list(rows)
        await where_roles_ended(
            db,
            by=system(of_course[0].workspace_id),
            course_id=course_id,
            member_ids=[row.member_id for row in of_course],
        )
    return len(found)
