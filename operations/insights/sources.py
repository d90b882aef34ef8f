"""The statement that counts what people of a course, or takers of a quiz, did, block by block.

It is made of two ways to begin, which say whom it is about (`spans` of ids), and the counting
itself, which ends in rows `counted` with the columns of `models.insights.InsightCell`. Everything
hangs on one person or submission by indexed look-ups, which `OFFSET 0` keeps from becoming scans
of everything: it costs what it counts, however much else there is.

People are those who learn now, and the staff of the course who take it; who is deleted is not
there. Attempts that were reset or abandoned count nowhere. Of submissions `counts` is found among
all that a person handed in there as a learner, or as staff; a time taken apart comes after.
"""

from collections.abc import Collection
from typing import Final

from models.insights import BLOCK_BITS, Facet

ABOUT_QUIZZES: Final = frozenset(
    {
        Facet.ANSWERED,
        Facet.TOTAL,
        Facet.PACE,
        Facet.CHOSEN,
        Facet.WAITING,
        Facet.HANDED_IN,
        Facet.TAKEN,
    }
)
ABOUT_COURSES: Final = (frozenset(Facet) - ABOUT_QUIZZES) | {Facet.TAKEN}

KEYS: Final = "facet, slice, question_id, key, counts, is_staff"
NAMES: Final = ("n", "answered", "correct", "points", "squares", "most")
"""The sums of a cell."""

LONGEST_SLICE: Final = 500
"""Characters of a department that tell it from others: more do not fit into an index."""

_LAST: Final = 2**63 - 1
EVERYBODY: Final = f"span AS MATERIALIZED (SELECT 0::bigint AS low, {_LAST}::bigint AS high)"
SOME_BLOCKS: Final = f"""
span AS MATERIALIZED (
    SELECT block::bigint << {BLOCK_BITS} AS low, ((block::bigint + 1) << {BLOCK_BITS}) - 1 AS high
      FROM unnest(CAST(:blocks AS integer[])) AS block
)"""  # noqa: S608 - made of constants of ours
_MARKED: Final = """
kept AS MATERIALIZED (
    SELECT FROM insight_unit
     WHERE workspace_id = :workspace_id AND course_id = :course_id AND module_id = :module_id
), marked AS MATERIALIZED (
    SELECT DISTINCT block FROM insight_marker
     WHERE course_id = :course_id AND module_id = :module_id
)"""
EVERYBODY_AND_MARKS: Final = f"{_MARKED}, {EVERYBODY}"
MARKED_BLOCKS: Final = f"""{_MARKED}, span AS MATERIALIZED (
    SELECT block::bigint << {BLOCK_BITS} AS low, ((block::bigint + 1) << {BLOCK_BITS}) - 1 AS high
      FROM marked WHERE EXISTS (SELECT FROM kept)
     UNION ALL
    SELECT 0, {_LAST} WHERE NOT EXISTS (SELECT FROM kept)
)"""  # noqa: S608 - made of constants of ours
"""Whom the summary does not speak of: marked blocks, or all where there is no summary."""

_ISO: Final = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_DAY: Final = "to_char({} AT TIME ZONE clock.time_zone, 'YYYY-MM-DD')"
_DEPARTMENT: Final = f"left(coalesce(m.attributes ->> 'department', ''), {LONGEST_SLICE})"
_CLOCK: Final = """
clock AS MATERIALIZED (SELECT time_zone FROM workspace WHERE id = :workspace_id)"""
_IN_GROUP: Final = """
   AND EXISTS (SELECT FROM enrolment e WHERE e.course_id = :course_id
                  AND e.member_id = {}.member_id AND e.group_id = :group_id
                  AND e.ended_at IS NULL)"""

_COURSE: Final = """, {clock}, people AS MATERIALIZED (
    SELECT p.member_id, (p.member_id >> {bits})::integer AS block, p.state, p.own_due_at,
           p.completed_at, {department} AS department, tried.started_at, tried.took,
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
), fact AS (
    SELECT p.block, p.member_id, p.department, p.is_staff, said.facet, said.key
      FROM people p CROSS JOIN clock
     CROSS JOIN LATERAL (VALUES
        ('STANDING', CASE p.state WHEN 'SUBMITTED' THEN 'IN_PROGRESS' ELSE p.state END),
        ('DUE', CASE WHEN p.state NOT IN ('SUBMITTED', 'COMPLETED')
                     THEN coalesce({due}, '') END),
        ('STARTED', {started}),
        ('FINISHED', {finished}),
        ('TAKEN', CASE WHEN p.completed_at IS NOT NULL
                       THEN floor(extract(epoch FROM p.took) / 60)::text END)
           ) AS said (facet, key)
     WHERE said.key IS NOT NULL AND said.facet = ANY (CAST(:facets AS text[]))
     UNION ALL
    SELECT p.block, p.member_id, p.department, p.is_staff, 'CERTIFIED', k.key
      FROM people p
     CROSS JOIN LATERAL (
        SELECT c.state || '|' || coalesce({expires}, '') AS key FROM certificate c
         WHERE c.member_id = p.member_id AND c.course_id = :course_id OFFSET 0) AS k
     WHERE 'CERTIFIED' = ANY (CAST(:facets AS text[]))
     UNION ALL
    SELECT p.block, p.member_id, p.department, p.is_staff, 'ATTENDED', r.key
      FROM people p
     CROSS JOIN LATERAL (
        SELECT r.state AS key FROM live_registration r
          JOIN live_session s ON s.id = r.live_session_id
         WHERE r.member_id = p.member_id AND s.course_id = :course_id OFFSET 0) AS r
     WHERE 'ATTENDED' = ANY (CAST(:facets AS text[]))
), counted AS (
    SELECT f.block, f.facet, part.slice, 0 AS question_id, f.key, 0::smallint AS counts, f.is_staff,
           count(*) AS n, 0::bigint AS answered, 0::bigint AS correct, 0::numeric AS points,
           0::numeric AS squares, 0::numeric AS most
      FROM fact f CROSS JOIN LATERAL ({slices}) AS part (slice)
     GROUP BY f.block, f.facet, part.slice, f.key, f.is_staff
)"""

_OF_DEPARTMENT: Final = "SELECT 'department:' || f.department"
_OF_GROUP: Final = "SELECT 'group:' || CAST(:group_id AS bigint)"
_OF_ALL: Final = f"""{_OF_DEPARTMENT} UNION ALL
        SELECT DISTINCT 'group:' || e.group_id FROM enrolment e
         WHERE e.member_id = f.member_id AND e.course_id = :course_id
           AND e.ended_at IS NULL AND e.group_id IS NOT NULL"""  # noqa: S608 - made of constants of ours

_FIRST_OF_TIME: Final = (
    "row_number() OVER (PARTITION BY s.member_id, s.is_staff ORDER BY s.attempt, s.number) = 1"
)
_QUIZ: Final = """, {clock}, question AS MATERIALIZED (
    SELECT r.number AS revision, (q.said ->> 'id')::integer AS id, q.said ->> 'kind' AS kind,
           (q.said ->> 'points')::numeric AS points
      FROM module_revision r
     CROSS JOIN LATERAL jsonb_array_elements(r.content -> 'questions') AS q (said)
     WHERE r.workspace_id = :workspace_id AND r.module_id = :module_id
       AND r.content ->> 'kind' = 'QUIZ'
     UNION ALL
    SELECT r.number, 0, 'ESSAY', (r.content ->> 'points')::numeric FROM module_revision r
     WHERE r.workspace_id = :workspace_id AND r.module_id = :module_id
       AND r.content ->> 'kind' = 'ASSIGNMENT'
), handed_in AS (
    SELECT s.id, (s.member_id >> {bits})::integer AS block, s.member_id, s.attempt_id, s.state,
           s.score, s.max_score, s.started_at, s.submitted_at, s.is_passed,
           a.role <> 'LEARNER' AS is_staff, a.number AS attempt, s.number
      FROM span
     CROSS JOIN LATERAL (SELECT * FROM submission s
                          WHERE s.course_id = :course_id AND s.module_id = :module_id
                            AND s.member_id BETWEEN span.low AND span.high OFFSET 0) AS s
     CROSS JOIN LATERAL (SELECT a.role, a.number FROM attempt a WHERE a.id = s.attempt_id
                            AND a.state NOT IN ('RESET', 'ABANDONED') OFFSET 0) AS a
     WHERE s.workspace_id = :workspace_id AND s.state <> 'IN_PROGRESS'{narrow}
), ranked AS (
    SELECT s.*,
           ((row_number() OVER (whose ORDER BY s.attempt, s.number) = 1)::integer
            + (row_number() OVER (whose ORDER BY s.attempt DESC, s.number DESC) = 1)::integer * 2
            + (row_number() OVER (whose ORDER BY s.score / nullif(s.max_score, 0) DESC NULLS LAST,
                                                 s.attempt, s.number) = 1)::integer * 4
           )::smallint AS counts
      FROM handed_in s WINDOW whose AS (PARTITION BY s.member_id, s.is_staff)
), taken AS MATERIALIZED (
    SELECT s.*, t.revision, t.revision || '|' || trim_scale(s.score)::text AS score_key,
           {opens} AS opens
      FROM ranked s
     CROSS JOIN LATERAL (SELECT t.revision FROM attempt_module t WHERE t.attempt_id = s.attempt_id
                            AND t.module_id = :module_id OFFSET 0) AS t
     WHERE TRUE{time}
), answered AS (
    SELECT t.block, t.counts, t.is_staff, t.score_key, q.id AS question_id, q.kind,
           q.points AS most, g.given, g.is_given, g.is_correct, coalesce(g.points, 0) AS points,
           least(3600, greatest(0, floor(extract(epoch FROM
                 g.answered_at - coalesce(g.before, t.started_at)))))::integer AS pace
      FROM taken t
     CROSS JOIN LATERAL (
        SELECT a.question_id, a.given, a.is_correct, a.points, a.answered_at,
               a.given <> 'null' AS is_given,
               lag(a.answered_at) OVER (PARTITION BY a.given <> 'null'
                                            ORDER BY a.answered_at, a.question_id) AS before
          FROM answer a WHERE a.submission_id = t.id OFFSET 0) AS g
      JOIN question q ON q.revision = t.revision AND q.id = g.question_id
     WHERE t.state = 'GRADED' AND CAST(:facets AS text[]) && '{{ANSWERED,PACE,CHOSEN}}'
), counted AS (
    SELECT block, 'ANSWERED' AS facet, '' AS slice, question_id, score_key AS key, counts, is_staff,
           count(*) AS n, count(*) FILTER (WHERE is_given) AS answered,
           count(*) FILTER (WHERE is_correct) AS correct, sum(points) AS points,
           sum(points * points) AS squares, sum(most) AS most
      FROM answered
     WHERE 'ANSWERED' = ANY (CAST(:facets AS text[]))
     GROUP BY block, question_id, score_key, counts, is_staff
     UNION ALL
    SELECT block, 'PACE', '', question_id, pace::text, counts, is_staff, count(*), 0, 0, 0, 0, 0
      FROM answered
     WHERE is_given AND 'PACE' = ANY (CAST(:facets AS text[]))
     GROUP BY block, question_id, pace, counts, is_staff
     UNION ALL
    SELECT block, 'CHOSEN', '', question_id, each.key, counts, is_staff, count(*), 0,
           count(*) FILTER (WHERE is_correct), 0, 0, 0
      FROM answered a
     CROSS JOIN LATERAL (
        SELECT jsonb_array_elements_text(a.given -> 'choices') WHERE a.given ? 'choices'
         UNION ALL
        SELECT coalesce(a.given ->> 'isTrue', a.given ->> 'number',
                        left(lower(btrim(regexp_replace(normalize(a.given ->> 'text', NFKC),
                                                        '\\s+', ' ', 'g'))), 100))
         WHERE NOT a.given ? 'choices') AS each (key)
     WHERE is_given AND kind <> 'ESSAY' AND 'CHOSEN' = ANY (CAST(:facets AS text[]))
     GROUP BY block, question_id, each.key, counts, is_staff
     UNION ALL
    SELECT block, said.facet, '', 0, said.key, counts, is_staff, count(*),
           count(*) FILTER (WHERE opens AND said.facet = 'HANDED_IN'),
           count(*) FILTER (WHERE is_passed AND said.facet = 'TOTAL'), coalesce(sum(points), 0),
           coalesce(sum(points * points), 0), coalesce(sum(most), 0)
      FROM taken t CROSS JOIN clock
     CROSS JOIN LATERAL (VALUES
        ('TOTAL', CASE WHEN state = 'GRADED' THEN score_key END, score, max_score),
        ('TAKEN', CASE WHEN state = 'GRADED'
                       THEN floor(extract(epoch FROM submitted_at - started_at) / 60)::text END,
         NULL, NULL),
        ('WAITING', CASE WHEN state = 'SUBMITTED' THEN '' END, NULL, NULL),
        ('HANDED_IN', {submitted}, NULL, NULL)) AS said (facet, key, points, most)
     WHERE said.key IS NOT NULL AND said.facet = ANY (CAST(:facets AS text[]))
     GROUP BY block, said.facet, said.key, counts, is_staff
)"""


def of_course(narrowed: Collection[str] = ()) -> str:
    """What counts a course; `narrowed` names the parameters that are set: group_id, department,
    since, until."""
    conditions = {
        "group_id": _IN_GROUP.format("p"),
        "department": f"\n   AND {_DEPARTMENT} = :department",
        "since": "\n   AND p.since >= :since",
        "until": "\n   AND p.since < :until",
    }
    slices = _OF_GROUP if "group_id" in narrowed else _OF_ALL
    return _COURSE.format(
        clock=_CLOCK,
        bits=BLOCK_BITS,
        department=_DEPARTMENT,
        due=_ISO.format("p.own_due_at"),
        started=_DAY.format("p.started_at"),
        finished=_DAY.format("p.completed_at"),
        expires=_ISO.format("c.expires_at"),
        slices=_OF_DEPARTMENT if "department" in narrowed else slices,
        narrow="".join(conditions[name] for name in sorted(narrowed)),
    )


def of_quiz(narrowed: Collection[str] = ()) -> str:
    """What counts a quiz or an assignment of a course; `narrowed` as for courses."""
    conditions = {
        "group_id": _IN_GROUP.format("s"),
        "department": f"""
   AND EXISTS (SELECT FROM member m WHERE m.id = s.member_id AND {_DEPARTMENT} = :department)""",
    }
    times = {"since": " AND s.submitted_at >= :since", "until": " AND s.submitted_at < :until"}
    return _QUIZ.format(
        clock=_CLOCK,
        bits=BLOCK_BITS,
        submitted=_DAY.format("t.submitted_at"),
        opens=_FIRST_OF_TIME if times.keys() & set(narrowed) else "s.counts & 1 <> 0",
        narrow="".join(conditions[name] for name in sorted(narrowed) if name in conditions),
        time="".join(times[name] for name in sorted(narrowed) if name in times),
    )
