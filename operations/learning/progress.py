"""How far people are on a course: one row each, whose lock orders all that happens to them there.

A row summarizes the attempts that count: those after the last reset which were neither reset nor
abandoned. Whoever changes an attempt calls `refresh` for its person.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import ARRAY, BigInteger, any_, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.progress import Progress

INSERT: Final = text("""
INSERT INTO progress (course_id, member_id, workspace_id)
SELECT :course_id, m.id, m.workspace_id
  FROM member m JOIN course c ON c.workspace_id = m.workspace_id AND c.id = :course_id
 WHERE m.workspace_id = :workspace_id AND m.id = ANY (CAST(:members AS bigint[]))
   AND m.deleted_at IS NULL
 ORDER BY m.id
ON CONFLICT (course_id, member_id) DO NOTHING
""")

_REFRESH: Final = """
UPDATE progress SET state = now.state, percent = now.percent, completed_at = now.completed_at
  FROM (
    SELECT p.ctid AS place, counted.percent, counted.completed_at,
           CASE WHEN counted.completed_at IS NOT NULL THEN 'COMPLETED'
                ELSE coalesce(counted.open, counted.failed, 'NOT_STARTED') END AS state
      FROM progress p
      JOIN course c ON c.id = p.course_id
     CROSS JOIN LATERAL (
        SELECT min(a.ended_at) FILTER (WHERE a.state = 'COMPLETED') AS completed_at,
               min(a.state) FILTER (WHERE a.ended_at IS NULL) AS open,
               min(a.state) FILTER (WHERE a.state = 'FAILED') AS failed,
               CASE c.score_policy
                    WHEN 'BEST' THEN max(share.percent)
                    WHEN 'FIRST' THEN (array_agg(share.percent ORDER BY a.number)
                                       FILTER (WHERE share.percent IS NOT NULL))[1]
                    ELSE (array_agg(share.percent ORDER BY a.number DESC)
                          FILTER (WHERE share.percent IS NOT NULL))[1] END AS percent
          FROM attempt a
         CROSS JOIN LATERAL (
            SELECT CASE WHEN a.state IN ('COMPLETED', 'FAILED')
                        THEN round(100 * a.score / nullif(a.max_score, 0), 2) END AS percent
              ) AS share
         WHERE a.course_id = p.course_id AND a.member_id = p.member_id
           AND a.number > p.attempts_before AND a.state NOT IN ('RESET', 'ABANDONED')
           ) AS counted
     WHERE p.course_id = :course_id AND {whose}
       ) AS now
 WHERE progress.ctid = now.place
   AND (progress.state, progress.percent, progress.completed_at)
       IS DISTINCT FROM (now.state, now.percent, now.completed_at)
"""
"""By the place of the rows, which are locked: joined by key, a course that is younger than the
statistics is read once for each of its people."""

REFRESH: Final = text(
    _REFRESH.format(whose="p.member_id = ANY (CAST(:members AS bigint[]))") + "RETURNING progress.*"
)
REFRESH_COURSE: Final = text(_REFRESH.format(whose="p.attempts > 0"))

NO_NEW_ROWS: Final = text("SELECT FROM course WHERE id = :course_id FOR UPDATE")
"""A row of progress refers to its course, and so waits for this lock, as this waits for it."""

HOLD_COURSE: Final = text("""
WITH held AS MATERIALIZED (
    SELECT FROM progress WHERE course_id = :course_id ORDER BY member_id FOR NO KEY UPDATE
)
SELECT count(*) FROM held
""")


async def lock(
    db: AsyncSession, *, workspace_id: int, course_id: int, member_ids: Collection[int]
) -> dict[int, Progress]:
    """The rows of these people, made where there is none yet, locked in the order of their ids.

    Who is no member of the workspace is left out, as is everybody if the course is not of it.
    """
    told = {"workspace_id": workspace_id, "course_id": course_id, "members": sorted(member_ids)}
    await db.execute(INSERT, told)
    return await lock_existing(
        db, workspace_id=workspace_id, course_id=course_id, member_ids=member_ids
    )


async def lock_existing(
    db: AsyncSession, *, workspace_id: int, course_id: int, member_ids: Collection[int]
) -> dict[int, Progress]:
    """As `lock`, without those who have nothing to do with the course so far."""
    rows = await db.scalars(
        select(Progress)
        .where(
            Progress.workspace_id == workspace_id,
            Progress.course_id == course_id,
            Progress.member_id == any_(literal(sorted(member_ids), ARRAY(BigInteger))),
        )
        .order_by(Progress.member_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.member_id: row for row in rows}


async def refresh(db: AsyncSession, *, course_id: int, member_ids: Collection[int]) -> None:
    """Bring state, percent and completion of these locked people up to their attempts.

    Rows of theirs that this session has read follow.
    """
    await db.flush()
    told = {"course_id": course_id, "members": sorted(member_ids)}
    changed = select(Progress).from_statement(REFRESH)
    (await db.scalars(changed, told, execution_options={"populate_existing": True})).all()


async def refresh_course(db: AsyncSession, *, course_id: int) -> None:
    """The same for everybody on a course, because its score policy changed.

    Whoever does anything there meanwhile either was before us and is seen, or waits and sees the
    new policy: the course is locked against new rows, then every row.
    """
    await db.flush()
    await db.execute(NO_NEW_ROWS, {"course_id": course_id})
    await db.execute(HOLD_COURSE, {"course_id": course_id})
    await db.execute(REFRESH_COURSE, {"course_id": course_id})
