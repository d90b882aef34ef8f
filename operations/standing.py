"""How a caller stands to things: the roles that count for each, and the statement reading them."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Row, text

from access.permissions import NO_FACTS, Facts, Principal, Scope
from models.coordinators import CourseRoleKind

NOBODY: Final[frozenset[Principal]] = frozenset()

HOLDINGS: Final = text("""
SELECT 'member' AS kind, p.state AS word, NULL::text AS scope, NULL::integer AS place,
       NULL::integer AS department_id, NULL::boolean AS is_so, NULL::text AS role,
       NULL::boolean AS is_coordinator
  FROM member p WHERE :first AND p.workspace_id = :workspace_id AND p.id = :member_id
UNION ALL
SELECT 'grant', principal,
       CASE WHEN module_id IS NOT NULL THEN 'module' WHEN course_id IS NOT NULL THEN 'course'
            WHEN department_id IS NOT NULL THEN 'department' ELSE 'workspace' END,
       coalesce(module_id, course_id, department_id, workspace_id), NULL, NULL, NULL, NULL
  FROM access_grant WHERE :first AND workspace_id = :workspace_id AND member_id = :member_id
UNION ALL
SELECT DISTINCT 'somewhere', NULL, NULL, NULL::integer, NULL::integer, NULL::boolean, role, FALSE
  FROM course_role WHERE :first AND workspace_id = :workspace_id AND member_id = :member_id
UNION ALL
SELECT 'somewhere', NULL, NULL, NULL, NULL, NULL, NULL, TRUE
 WHERE :first AND EXISTS (
       SELECT FROM coordinator_source s
        WHERE s.workspace_id = :workspace_id AND s.member_id = :member_id AND s.kind <> 'DIRECT'
          AND NOT EXISTS (SELECT FROM course_role r
                           WHERE r.course_id = s.course_id AND r.member_id = s.member_id))
UNION ALL
SELECT 'course', c.state, NULL, c.id, c.department_id, c.created_by_id = :member_id, r.role,
       EXISTS (SELECT FROM course_coordinator v
                WHERE v.course_id = c.id AND v.member_id = :member_id)
  FROM course c
  LEFT JOIN course_role r ON r.course_id = c.id AND r.member_id = :member_id
 WHERE c.workspace_id = :workspace_id AND c.id = ANY (CAST(:courses AS bigint[]))
UNION ALL
SELECT 'department', NULL, NULL, d.id, NULL,
       EXISTS (SELECT FROM course c
                 JOIN course_role r ON r.course_id = c.id AND r.member_id = :member_id
                WHERE c.department_id = d.id AND r.role = 'INSTRUCTOR'), NULL, NULL
  FROM department d
 WHERE d.workspace_id = :workspace_id AND d.id = ANY (CAST(:departments AS bigint[]))
UNION ALL
SELECT 'segment', NULL, NULL, s.id, NULL, s.is_usable_by_departments, NULL, NULL
  FROM segment s
 WHERE s.workspace_id = :workspace_id AND s.id = ANY (CAST(:segments AS bigint[]))
   AND s.deleted_at IS NULL
""")
"""One row per thing known. Of the roles held inside a department only the instructor's is read:
no other answers a question asked of a department. A person's own roles are read only `first`."""


@dataclass(frozen=True, slots=True)
class Source:
    """The one place a role is held. `id` is None where any of several places would do."""

    principal: Principal
    scope: Scope
    id: int | None


Sources = dict[Principal, Source]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands to one thing. The facts are those that hold for the roles `inside`."""

    here: Sources = field(default_factory=dict)
    inside: Sources = field(default_factory=dict)
    facts: Facts = NO_FACTS
    facts_here: Facts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts_here", replace(self.facts, is_within_own_scope=True))

    @property
    def held(self) -> frozenset[Principal]:
        return frozenset(self.here) | frozenset(self.inside)


NO_STANDING: Final = Standing()


def roles_of(row: Row[Any]) -> frozenset[Principal]:
    """The staff role a row speaks of; nobody coordinates beside being an instructor."""
    match row.role:
        case CourseRoleKind.INSTRUCTOR:
            return frozenset({Principal.INSTRUCTOR})
        case CourseRoleKind.COORDINATOR:
            return frozenset({Principal.COORDINATOR_DIRECT})
        case _:
            return frozenset({Principal.COORDINATOR_DERIVED}) if row.is_coordinator else NOBODY
