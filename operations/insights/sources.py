"""The statement that counts what people of a course, or takers of a quiz, did, block by block.

It is made of ways to begin, which say whom it is about (`span`s of ids), and the counting itself
(`course_source`, `quiz_source`), which ends in rows `counted` with the columns of
`models.insights.InsightCell`. Of spans everything hangs on one person or submission by indexed
look-ups, which `OFFSET 0` keeps from becoming scans of everything: it costs what it counts, however
much else there is.
"""

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

BLOCK: Final = f"({{}} >> {BLOCK_BITS})::integer"

ISO: Final = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
DAY: Final = "({} AT TIME ZONE clock.time_zone)::date"
DEPARTMENT: Final = f"left(coalesce(m.attributes ->> 'department', ''), {LONGEST_SLICE})"
CLOCK: Final = """
clock AS MATERIALIZED (SELECT time_zone FROM workspace WHERE id = :workspace_id)"""
IN_GROUP: Final = """
   AND EXISTS (SELECT FROM enrolment e WHERE e.course_id = :course_id
                  AND e.member_id = {}.member_id AND e.group_id = :group_id
                  AND e.ended_at IS NULL)"""
