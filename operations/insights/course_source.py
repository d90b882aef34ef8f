"""What counts the people of a course: the statement that `sources` begins.

People are those who learn now, and the staff of the course who take it; who is deleted is not
there. Attempts before a reset, and those that were abandoned, count nowhere.
"""

from collections.abc import Collection
from typing import Final

from operations.insights.sources import BLOCK, CLOCK, DAY, DEPARTMENT, IN_GROUP, ISO

_COURSE: Final = """, {clock}, people AS MATERIALIZED (
    SELECT p.member_id, {block} AS block, p.state, p.own_due_at, p.completed_at,
           {department} AS department, tried.started_at, tried.took,
           coalesce(tried.is_staff, FALSE) AS is_staff
      FROM span
     CROSS JOIN LATERAL (SELECT * FROM progress p WHERE p.course_id = :course_id
                            AND p.member_id BETWEEN span.low AND span.high OFFSET 0) AS p
      JOIN member m ON m.id = p.member_id AND m.deleted_at IS NULL
      LEFT JOIN LATERAL (
        SELECT min(a.started_at) AS started_at,
               (array_agg(a.role ORDER BY a.number DESC))[1] <> 'LEARNER' AS is_staff,
               (array_agg(a.ended_at - a.started_at ORDER BY a.ended_at, a.number)
                FILTER (WHERE a.state = 'COMPLETED'))[1] AS took
          FROM attempt a
         WHERE a.course_id = p.course_id AND a.member_id = p.member_id
           AND a.number > p.attempts_before AND a.state NOT IN ('RESET', 'ABANDONED')
           ) AS tried ON p.attempts > p.attempts_before
     WHERE p.workspace_id = :workspace_id AND (p.is_learner OR tried.is_staff){narrow}
), sliced AS MATERIALIZED ({slices}
), said AS (
    SELECT block, 'STANDING' AS facet, slice,
           CASE state WHEN 'SUBMITTED' THEN 'IN_PROGRESS' ELSE state END AS key, is_staff,
           count(*) AS n
      FROM sliced WHERE 'STANDING' = ANY (CAST(:facets AS text[]))
     GROUP BY 1, 3, 4, 5
     UNION ALL
    SELECT block, 'DUE', slice, coalesce({due}, ''), is_staff, count(*)
      FROM sliced
     WHERE state NOT IN ('SUBMITTED', 'COMPLETED') AND 'DUE' = ANY (CAST(:facets AS text[]))
     GROUP BY block, slice, own_due_at, is_staff
     UNION ALL
    SELECT block, 'STARTED', slice, to_char({started}, 'YYYY-MM-DD'), is_staff, count(*)
      FROM sliced CROSS JOIN clock
     WHERE started_at IS NOT NULL AND 'STARTED' = ANY (CAST(:facets AS text[]))
     GROUP BY block, slice, {started}, is_staff
     UNION ALL
    SELECT block, 'FINISHED', slice, to_char({finished}, 'YYYY-MM-DD'), is_staff, count(*)
      FROM sliced CROSS JOIN clock
     WHERE completed_at IS NOT NULL AND 'FINISHED' = ANY (CAST(:facets AS text[]))
     GROUP BY block, slice, {finished}, is_staff
     UNION ALL
    SELECT block, 'TAKEN', slice, floor(date_part('epoch', took) / 60)::bigint::text, is_staff,
           count(*)
      FROM sliced
     WHERE completed_at IS NOT NULL AND took IS NOT NULL
       AND 'TAKEN' = ANY (CAST(:facets AS text[]))
     GROUP BY 1, 3, 4, 5
     UNION ALL
    SELECT p.block, 'CERTIFIED', p.slice, k.key, p.is_staff, count(*)
      FROM sliced p
     CROSS JOIN LATERAL (
        SELECT c.state || '|' || coalesce({expires}, '') AS key FROM certificate c
         WHERE c.member_id = p.member_id AND c.course_id = :course_id OFFSET 0) AS k
     WHERE 'CERTIFIED' = ANY (CAST(:facets AS text[]))
     GROUP BY 1, 3, 4, 5
     UNION ALL
    SELECT p.block, 'ATTENDED', p.slice, r.key, p.is_staff, count(*)
      FROM sliced p
     CROSS JOIN LATERAL (
        SELECT r.state AS key FROM live_registration r
          JOIN live_session s ON s.id = r.live_session_id
         WHERE r.member_id = p.member_id AND s.course_id = :course_id OFFSET 0) AS r
     WHERE 'ATTENDED' = ANY (CAST(:facets AS text[]))
     GROUP BY 1, 3, 4, 5
), counted AS (
    SELECT block, facet, slice, 0 AS question_id, key, 0::smallint AS counts, is_staff, n,
           0::bigint AS answered, 0::bigint AS correct, 0::numeric AS points,
           0::numeric AS squares, 0::numeric AS most
      FROM said
)"""

_OF_DEPARTMENT: Final = """
    SELECT p.*, 'department:' || p.department AS slice FROM people p"""
_OF_GROUP: Final = """
    SELECT p.*, 'group:' || CAST(:group_id AS bigint) AS slice FROM people p"""
_OF_ALL: Final = f"""{_OF_DEPARTMENT}
     UNION ALL
    SELECT p.*, 'group:' || g.group_id FROM people p
     CROSS JOIN LATERAL (
        SELECT DISTINCT e.group_id FROM enrolment e
         WHERE e.member_id = p.member_id AND e.course_id = :course_id
           AND e.ended_at IS NULL AND e.group_id IS NOT NULL OFFSET 0) AS g"""  # noqa: S608 - made of constants of ours


def of_course(narrowed: Collection[str] = (), *, by_block: bool = True) -> str:
    """What counts a course; `narrowed` names the parameters that are set: group_id, department,
    since, until. Without `by_block` everybody is in block 0."""
    conditions = {
        "group_id": IN_GROUP.format("p"),
        "department": f"\n   AND {DEPARTMENT} = :department",
        "since": "\n   AND p.since >= :since",
        "until": "\n   AND p.since < :until",
    }
    slices = _OF_GROUP if "group_id" in narrowed else _OF_ALL
    return _COURSE.format(
        clock=CLOCK,
        block=BLOCK.format("p.member_id") if by_block else 0,
        department=DEPARTMENT,
        due=ISO.format("own_due_at"),
        started=DAY.format("started_at"),
        finished=DAY.format("completed_at"),
        expires=ISO.format("c.expires_at"),
        slices=_OF_DEPARTMENT if "department" in narrowed else slices,
        narrow="".join(conditions[name] for name in sorted(narrowed)),
    )
