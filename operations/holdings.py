"""The statement that reads what one person holds: one arm per kind of thing known.

Only the arms that are needed are asked, so a request about courses costs nothing for modules.
Every arm has the columns `kind, place, word, scope, held_on, is_so`:

| kind       | place           | word      | scope, held_on      | is_so                        |
|------------|-----------------|-----------|---------------------|------------------------------|
| member     |                 | state     |                     |                              |
| finance    |                 |           |                     | there is no finance manager  |
| grant      |                 | principal | where it was given  |                              |
| somewhere  |                 | principal | on some course      |                              |
| course     | the course      | state     | its department      | the person made it           |
| role       | the course      | principal |                     |                              |
| department | the department  |           |                     |                              |
| holds      | the department  | principal | on a course of it   |                              |
| given      | the department  | principal | where, inside it    |                              |
| edits      | the course      | principal | a module it uses    |                              |
| module     | the module      |           | its department      | the person made it           |
| use        | the module      |           | a course using it   |                              |
| segment    | the segment     |           |                     | departments may use it       |
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Final

from sqlalchemy import TextClause, text


class Need(StrEnum):
    """What is not known yet. PERSON: who asks, and what they hold wherever it is."""

    PERSON = "person"
    COURSES = "courses"
    DEPARTMENTS = "departments"
    MODULES = "modules"
    SEGMENTS = "segments"


MINE: Final = """
WITH granted AS NOT MATERIALIZED (
SELECT * FROM access_grant
 WHERE workspace_id = :workspace_id AND member_id = :member_id AND pending_until IS NULL
), role AS NOT MATERIALIZED (
SELECT course_id, CASE role WHEN 'INSTRUCTOR' THEN 'instructor' ELSE 'coordinator_direct' END
       AS word
  FROM course_role WHERE workspace_id = :workspace_id AND member_id = :member_id
UNION ALL
SELECT s.course_id, 'coordinator_derived' FROM coordinator_source s
 WHERE s.workspace_id = :workspace_id AND s.member_id = :member_id AND s.kind <> 'DIRECT'
   AND NOT EXISTS (SELECT FROM course_role r
                    WHERE r.course_id = s.course_id AND r.member_id = s.member_id)
UNION ALL
SELECT course_id, 'learner' FROM enrolment
 WHERE workspace_id = :workspace_id AND member_id = :member_id AND ended_at IS NULL
)"""
"""What the person was granted and what counts already; and what else they are on courses."""

ARMS: Final = {
    Need.PERSON: (
        """
SELECT 'member' AS kind, NULL::integer AS place, p.state AS word, NULL::text AS scope,
       NULL::integer AS held_on, NULL::boolean AS is_so
  FROM member p WHERE p.workspace_id = :workspace_id AND p.id = :member_id""",
        """
SELECT 'finance', NULL, NULL, NULL, NULL, NOT EXISTS (
       SELECT FROM access_grant f JOIN member p ON p.id = f.member_id AND p.state = 'ACTIVE'
        WHERE f.workspace_id = :workspace_id AND f.principal = 'finance_manager'
          AND num_nonnulls(f.department_id, f.course_id, f.module_id) = 0
          AND f.pending_until IS NULL)""",
        """
SELECT 'grant', NULL, g.principal,
       CASE WHEN g.module_id IS NOT NULL THEN 'module' WHEN g.course_id IS NOT NULL THEN 'course'
            WHEN g.department_id IS NOT NULL THEN 'department' ELSE 'workspace' END,
       coalesce(g.module_id, g.course_id, g.department_id, g.workspace_id), NULL
  FROM granted g""",
        """
SELECT DISTINCT 'somewhere', NULL::integer, role.word, 'course', NULL::integer, NULL::boolean
  FROM role WHERE role.word IN ('instructor', 'coordinator_direct')""",
        """
SELECT 'somewhere', NULL, 'coordinator_derived', 'course', NULL, NULL
 WHERE EXISTS (SELECT FROM role WHERE role.word = 'coordinator_derived')""",
    ),
    Need.COURSES: (
        """
SELECT 'course', c.id, c.state, NULL, c.department_id, c.created_by_id = :member_id
  FROM course c
 WHERE c.workspace_id = :workspace_id AND c.id = ANY (CAST(:courses AS bigint[]))""",
        """
SELECT DISTINCT 'role', role.course_id, role.word, NULL, NULL::integer, NULL::boolean
  FROM role WHERE role.course_id = ANY (CAST(:courses AS bigint[]))""",
        """
SELECT 'edits', u.course_id, g.principal, 'module', u.module_id, NULL
  FROM course_module u JOIN granted g ON g.module_id = u.module_id
 WHERE u.course_id = ANY (CAST(:courses AS bigint[]))""",
    ),
    Need.DEPARTMENTS: (
        """
SELECT 'department', d.id, NULL, NULL, NULL, NULL
  FROM department d
 WHERE d.workspace_id = :workspace_id AND d.id = ANY (CAST(:departments AS bigint[]))""",
        """
SELECT DISTINCT 'holds', c.department_id, role.word, 'course', NULL::integer, NULL::boolean
  FROM role JOIN course c ON c.id = role.course_id
 WHERE c.department_id = ANY (CAST(:departments AS bigint[]))""",
        """
SELECT 'given', coalesce(c.department_id, m.department_id), g.principal,
       CASE WHEN m.id IS NULL THEN 'course' ELSE 'module' END, coalesce(m.id, c.id), NULL
  FROM granted g LEFT JOIN course c ON c.id = g.course_id
                 LEFT JOIN module m ON m.id = g.module_id
 WHERE coalesce(c.department_id, m.department_id) = ANY (CAST(:departments AS bigint[]))""",
    ),
    Need.MODULES: (
        """
SELECT 'module', m.id, NULL, NULL, m.department_id, m.created_by_id = :member_id
  FROM module m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY (CAST(:modules AS bigint[]))""",
        """
SELECT 'use', u.module_id, NULL, NULL, u.course_id, NULL
  FROM course_module u
 WHERE u.workspace_id = :workspace_id AND u.module_id = ANY (CAST(:modules AS bigint[]))""",
        """
SELECT DISTINCT 'role', role.course_id, role.word, NULL, NULL::integer, NULL::boolean
  FROM role JOIN course_module u ON u.course_id = role.course_id
 WHERE u.module_id = ANY (CAST(:modules AS bigint[]))""",
    ),
    Need.SEGMENTS: (
        """
SELECT 'segment', s.id, NULL, NULL, NULL, s.is_usable_by_departments
  FROM segment s
 WHERE s.workspace_id = :workspace_id AND s.id = ANY (CAST(:segments AS bigint[]))
   AND s.deleted_at IS NULL""",
    ),
}

FRAME: Final = """
SELECT NULL::text AS kind, NULL::integer AS place, NULL::text AS word, NULL::text AS scope,
       NULL::integer AS held_on, NULL::boolean AS is_so WHERE FALSE"""
"""Gives the columns their names and types, whichever arms follow."""


def holdings(needs: Iterable[Need]) -> TextClause:
    """The statement for these needs, which are also the names of its parameters."""
    return _holdings(frozenset(needs))


@cache
def _holdings(needs: frozenset[Need]) -> TextClause:
    arms = [arm for need in Need if need in needs for arm in ARMS[need]]
    return text(MINE + "\nUNION ALL".join([FRAME, *arms]))
