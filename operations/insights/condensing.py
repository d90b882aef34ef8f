"""What is told of the cells of a course or a quiz: as few rows as the figures need.

A summary of 100,000 people can have 100,000 keys (each learner's own due date, the seconds of each
answer, texts nobody else wrote). They are counted together in the database, which is quick and
holds up nobody else: what comes out is few. Of times taken it is the middle alone: half of them on
the lower and half on the upper middle value, of which the median is the same.
"""

from typing import Final

_NOTHING_ELSE: Final = "0::bigint, 0::bigint, 0::numeric, 0::numeric, 0::numeric"
_MIDDLE: Final = f"""
SELECT m.facet, m.slice, m.question_id, half.value::text, sum(half.n)::bigint, {_NOTHING_ELSE}
  FROM (
    SELECT facet, slice, question_id, max(total) AS total,
           min(value) FILTER (WHERE 2 * upto >= total) AS lower,
           min(value) FILTER (WHERE 2 * upto > total) AS upper
      FROM (
        SELECT facet, slice, question_id, value,
               (sum(n) OVER (whose ORDER BY value))::bigint AS upto,
               (sum(n) OVER whose)::bigint AS total
          FROM times WINDOW whose AS (PARTITION BY facet, slice, question_id)
           ) AS each
     GROUP BY facet, slice, question_id
       ) AS m
 CROSS JOIN LATERAL (VALUES (m.lower, (m.total + 1) / 2), (m.upper, m.total / 2)) AS half (value, n)
 WHERE half.n > 0
 GROUP BY m.facet, m.slice, m.question_id, half.value
"""  # noqa: S608 - made of constants of ours

OF_COURSE: Final = f""", times AS (
    SELECT facet, slice, question_id, key::bigint AS value, n FROM summed WHERE facet = 'TAKEN'
     UNION ALL
    SELECT facet, '', question_id, key::bigint, sum(n)::bigint FROM summed
     WHERE facet = 'TAKEN' AND starts_with(slice, :whole)
     GROUP BY facet, question_id, key
)
SELECT facet, slice, 0, key, sum(n)::bigint, {_NOTHING_ELSE}
  FROM (
    SELECT facet, slice, n,
           CASE facet
           WHEN 'DUE' THEN
                CASE WHEN coalesce(nullif(key, '')::timestamptz, CAST(:due_at AS timestamptz))
                          < CAST(:at AS timestamptz) THEN 'OVER' ELSE '' END
           WHEN 'CERTIFIED' THEN
                CASE WHEN starts_with(key, 'ISSUED|') AND key <> 'ISSUED|'
                          AND split_part(key, '|', 2)::timestamptz <= CAST(:at AS timestamptz)
                     THEN 'EXPIRED' ELSE split_part(key, '|', 1) END
           ELSE key END AS key
      FROM summed WHERE facet NOT IN ('TAKEN', 'STARTED', 'FINISHED')
     UNION ALL
    SELECT facet, '', n, key FROM summed
     WHERE facet IN ('STARTED', 'FINISHED') AND starts_with(slice, :whole)
       ) AS each
 GROUP BY facet, slice, key
 UNION ALL{_MIDDLE}"""  # noqa: S608 - made of constants of ours
"""Of a course: due dates are over or not, certificates expired or not, and days and the middle
(slice '') are of everybody in the slices that `:whole` begins."""

MOST_ANSWERS: Final = 500
"""So many different answers to a question are told, the most frequent ones: no question has nearly
as many choices."""

OF_QUIZ: Final = f""", times AS (
    SELECT facet, slice, question_id, key::bigint AS value, n FROM summed
     WHERE facet IN ('PACE', 'TAKEN')
)
SELECT facet, slice, question_id, key, n, answered, correct, points, squares, most
  FROM (
    SELECT *, row_number() OVER (PARTITION BY question_id ORDER BY n DESC, key COLLATE "C") AS place
      FROM summed WHERE facet = 'CHOSEN'
       ) AS each
 WHERE place <= {MOST_ANSWERS}
 UNION ALL
SELECT * FROM summed WHERE facet IN ('ANSWERED', 'TOTAL', 'WAITING')
 UNION ALL
SELECT facet, slice, 0, '', sum(n)::bigint, sum(answered)::bigint, 0, 0, 0, 0
  FROM summed WHERE facet = 'HANDED_IN' GROUP BY facet, slice
 UNION ALL{_MIDDLE}"""  # noqa: S608 - made of constants of ours
"""Of a quiz: without the days on which it was handed in."""
