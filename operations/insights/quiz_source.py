"""What counts the submissions to a quiz or an assignment: the statement that `sources` begins.

Submissions of attempts before a reset, and of those that were abandoned, count nowhere. `counts` is
found among all that a person handed in there as a learner, or as staff; a time taken apart comes
after.
"""

from collections.abc import Collection
from typing import Final

from operations.insights.sources import BLOCK, CLOCK, DAY, DEPARTMENT, IN_GROUP

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
), essay AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM question GROUP BY id HAVING bool_and(kind = 'ESSAY')) AS ids
), handed_in AS (
    SELECT s.id, {block} AS block, s.member_id, s.state, s.score, s.max_score, s.started_at,
           s.submitted_at, s.is_passed, s.number, a.number AS attempt,
           a.role <> 'LEARNER' AS is_staff, t.revision{whose}
     WHERE s.workspace_id = :workspace_id AND s.state <> 'IN_PROGRESS'{narrow}
), ranked AS (
    SELECT s.*,
           ((row_number() OVER (whose ORDER BY s.attempt, s.number) = 1)::integer
            + (row_number() OVER (whose ORDER BY s.attempt DESC, s.number DESC) = 1)::integer * 2
            + (row_number() OVER (whose ORDER BY s.score / nullif(s.max_score, 0) DESC NULLS LAST,
                                                 s.attempt, s.number) = 1)::integer * 4
           )::smallint AS counts
      FROM handed_in s WINDOW whose AS (PARTITION BY s.member_id, s.is_staff)
), timed AS (
    SELECT s.*, {opens} AS opens FROM ranked s WHERE TRUE{time}
), taken AS MATERIALIZED (
    SELECT *, revision || '|' || trim_scale(score)::text AS score_key FROM timed WHERE TRUE{asked}
), alike AS MATERIALIZED (
    SELECT t.block, t.counts, t.is_staff, t.revision, t.score_key, a.question_id, a.points,
           a.is_correct, CASE WHEN a.question_id = ANY (essay.ids) AND a.given <> 'null'
                              THEN '{{}}' ELSE a.given END AS given, count(*) AS n
      FROM taken t CROSS JOIN essay
     CROSS JOIN LATERAL (SELECT * FROM answer a WHERE a.submission_id = t.id OFFSET 0) AS a
     WHERE t.state = 'GRADED' AND CAST(:facets AS text[]) && '{{ANSWERED,CHOSEN}}'
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), answered AS (
    SELECT a.*, coalesce(a.points, 0) AS reached, q.points AS most, q.kind,
           a.given <> 'null' AS is_given
      FROM alike a JOIN question q ON q.revision = a.revision AND q.id = a.question_id
), paced AS (
    SELECT t.block, t.counts, t.is_staff, g.question_id,
           least(3600, greatest(0, floor(date_part('epoch',
                 g.answered_at - coalesce(g.before, t.started_at)) / g.together)))::integer AS pace
      FROM taken t
     CROSS JOIN LATERAL (
        SELECT a.question_id, a.answered_at,
               count(*) OVER (PARTITION BY a.answered_at) AS together,
               max(a.answered_at) OVER (
                   ORDER BY a.answered_at GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS before
          FROM answer a WHERE a.submission_id = t.id AND a.given <> 'null' OFFSET 0) AS g
     WHERE t.state = 'GRADED' AND 'PACE' = ANY (CAST(:facets AS text[]))
), counted AS (
    SELECT block, 'ANSWERED' AS facet, '' AS slice, question_id, score_key AS key, counts, is_staff,
           sum(n)::bigint AS n, coalesce(sum(n) FILTER (WHERE is_given), 0)::bigint AS answered,
           coalesce(sum(n) FILTER (WHERE is_correct), 0)::bigint AS correct,
           sum(reached * n) AS points, sum(reached * reached * n) AS squares, sum(most * n) AS most
      FROM answered
     WHERE 'ANSWERED' = ANY (CAST(:facets AS text[]))
     GROUP BY block, question_id, score_key, counts, is_staff
     UNION ALL
    SELECT block, 'PACE', '', question_id, pace::text, counts, is_staff, count(*), 0, 0, 0, 0, 0
      FROM paced
     GROUP BY block, question_id, pace, counts, is_staff
     UNION ALL
    SELECT block, 'CHOSEN', '', question_id, each.key, counts, is_staff, sum(n)::bigint, 0,
           coalesce(sum(n) FILTER (WHERE is_correct), 0)::bigint, 0, 0, 0
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
    SELECT block, 'TOTAL', '', 0, score_key, counts, is_staff, count(*), 0,
           count(*) FILTER (WHERE is_passed), sum(score), sum(score * score), sum(max_score)
      FROM taken
     WHERE state = 'GRADED' AND 'TOTAL' = ANY (CAST(:facets AS text[]))
     GROUP BY block, score_key, counts, is_staff
     UNION ALL
    SELECT block, 'TAKEN', '', 0,
           floor(date_part('epoch', submitted_at - started_at) / 60)::bigint::text AS minutes,
           counts, is_staff, count(*), 0, 0, 0, 0, 0
      FROM taken
     WHERE state = 'GRADED' AND 'TAKEN' = ANY (CAST(:facets AS text[]))
     GROUP BY block, minutes, counts, is_staff
     UNION ALL
    SELECT block, 'WAITING', '', 0, '', counts, is_staff, count(*), 0, 0, 0, 0, 0
      FROM taken
     WHERE state = 'SUBMITTED' AND 'WAITING' = ANY (CAST(:facets AS text[]))
     GROUP BY block, counts, is_staff
     UNION ALL
    SELECT block, 'HANDED_IN', '', 0, to_char({submitted}, 'YYYY-MM-DD'), counts, is_staff,
           count(*), count(*) FILTER (WHERE opens), 0, 0, 0, 0
      FROM taken CROSS JOIN clock
     WHERE 'HANDED_IN' = ANY (CAST(:facets AS text[]))
     GROUP BY block, {submitted}, counts, is_staff
)"""
"""Answers that are alike are counted first, and what is added up is added up of these: few of many.
An essay is like no other, and says nothing here but that it was written."""

_OF_SPANS: Final = """
      FROM span
     CROSS JOIN LATERAL (SELECT * FROM submission s
                          WHERE s.course_id = :course_id AND s.module_id = :module_id
                            AND s.member_id BETWEEN span.low AND span.high OFFSET 0) AS s
     CROSS JOIN LATERAL (SELECT a.role, a.number FROM attempt a
                           JOIN progress p ON p.course_id = a.course_id
                                          AND p.member_id = a.member_id
                          WHERE a.id = s.attempt_id AND a.number > p.attempts_before
                            AND a.state NOT IN ('RESET', 'ABANDONED') OFFSET 0) AS a
     CROSS JOIN LATERAL (SELECT t.revision FROM attempt_module t WHERE t.attempt_id = s.attempt_id
                            AND t.module_id = :module_id OFFSET 0) AS t"""
_OF_ALL: Final = """
      FROM submission s
      JOIN progress p ON p.course_id = :course_id AND p.member_id = s.member_id
      JOIN attempt a ON a.id = s.attempt_id AND a.course_id = :course_id
                    AND a.number > p.attempts_before AND a.state NOT IN ('RESET', 'ABANDONED')
      JOIN attempt_module t ON t.attempt_id = s.attempt_id AND t.module_id = :module_id
      JOIN member m ON m.id = s.member_id"""
"""Nobody's in particular: how the tables are joined is for the planner to say."""


def of_quiz() -> str:
    """What counts a quiz or an assignment of a course, of spans of people."""
    return _source((), whose=_OF_SPANS, block=BLOCK.format("s.member_id"))


def of_narrowed_quiz(narrowed: Collection[str], *, asked: str) -> str:
    """What counts all submissions there that are left; `narrowed` is as for courses, and `asked` a
    condition on those that are. Everybody is in block 0."""
    narrow = "\n       AND s.course_id = :course_id AND s.module_id = :module_id"
    return _source(narrowed, whose=_OF_ALL, block="0", narrow=narrow, asked=asked)


def _source(
    narrowed: Collection[str], *, whose: str, block: str, narrow: str = "", asked: str = ""
) -> str:
    people = {
        "group_id": IN_GROUP.format("s"),
        "department": f"\n       AND {DEPARTMENT} = :department",
    }
    times = {"since": " AND s.submitted_at >= :since", "until": " AND s.submitted_at < :until"}
    return _QUIZ.format(
        clock=CLOCK,
        block=block,
        whose=whose,
        submitted=DAY.format("submitted_at"),
        opens=_FIRST_OF_TIME if times.keys() & set(narrowed) else "s.counts & 1 <> 0",
        narrow=narrow + "".join(people[name] for name in sorted(narrowed) if name in people),
        time="".join(times[name] for name in sorted(narrowed) if name in times),
        asked=asked,
    )
