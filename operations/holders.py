"""Who holds which role towards one thing, how, since when and by whose hand.

`operations.holdings` reads what one person holds towards many things; this reads who holds
something towards one. They are written apart, and the tests compare their answers.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import GRANTED_ON, Facts, Principal, Scope
from models.people import MemberState
from operations.standing import Source, Sources, Standing


class How(StrEnum):
    """By what somebody holds a role. EVERYBODY: every active member does."""

    GRANT = "GRANT"
    BY_HAND = "BY_HAND"
    SEGMENT = "SEGMENT"
    KEPT = "KEPT"
    ENDING = "ENDING"
    ENROLMENT = "ENROLMENT"
    EVERYBODY = "EVERYBODY"


@dataclass(frozen=True, slots=True)
class Thing:
    """What is asked about, and what is known of it."""

    scope: Scope
    id: int
    name: str
    is_active: bool = False
    created_by_id: int | None = None
    finance_manager_is_absent: bool = False

    def facts(self, member_id: int) -> Facts:
        """What holds for this person."""
        return Facts(
            course_is_active=self.is_active,
            is_own_content=self.created_by_id == member_id,
            finance_manager_is_absent=self.finance_manager_is_absent,
        )


@dataclass(frozen=True, slots=True)
class HeldRole:
    """One role of one person, for one reason. `is_here`: held on the thing or around it.

    `pending_until`: promised until then, to take effect when the person has an account.
    """

    member_id: int
    display_name: str
    state: MemberState
    principal: Principal
    scope: Scope
    on: int
    on_name: str
    is_here: bool
    how: How
    since: dt.datetime
    by_name: str | None
    segment: str | None
    pending_until: dt.datetime | None

    @property
    def counts(self) -> bool:
        """Whether it gives anything: what is promised, and what is an ended person's, does not."""
        return self.state is MemberState.ACTIVE and self.pending_until is None


PLACES: Final = {
    Scope.WORKSPACE: """
SELECT 'workspace' AS scope, id, name, TRUE AS is_here FROM workspace
 WHERE id = :workspace_id AND id = :id
UNION ALL SELECT 'department', id, name, FALSE FROM department
 WHERE workspace_id = :workspace_id AND workspace_id = :id
UNION ALL SELECT 'course', id, title, FALSE FROM course
 WHERE workspace_id = :workspace_id AND workspace_id = :id
UNION ALL SELECT 'module', id, title, FALSE FROM module
 WHERE workspace_id = :workspace_id AND workspace_id = :id""",
    Scope.DEPARTMENT: """
SELECT 'workspace' AS scope, w.id, w.name, TRUE AS is_here
  FROM department d JOIN workspace w ON w.id = d.workspace_id
 WHERE d.workspace_id = :workspace_id AND d.id = :id
UNION ALL SELECT 'department', id, name, TRUE FROM department
 WHERE workspace_id = :workspace_id AND id = :id
UNION ALL SELECT 'course', id, title, FALSE FROM course
 WHERE workspace_id = :workspace_id AND department_id = :id
UNION ALL SELECT 'module', id, title, FALSE FROM module
 WHERE workspace_id = :workspace_id AND department_id = :id""",
    Scope.COURSE: """
SELECT 'workspace' AS scope, w.id, w.name, TRUE AS is_here
  FROM course c JOIN workspace w ON w.id = c.workspace_id
 WHERE c.workspace_id = :workspace_id AND c.id = :id
UNION ALL SELECT 'department', d.id, d.name, TRUE
  FROM course c JOIN department d ON d.id = c.department_id
 WHERE c.workspace_id = :workspace_id AND c.id = :id
UNION ALL SELECT 'course', id, title, TRUE FROM course
 WHERE workspace_id = :workspace_id AND id = :id
UNION ALL SELECT 'module', m.id, m.title, FALSE
  FROM course_module u JOIN module m ON m.id = u.module_id
 WHERE u.workspace_id = :workspace_id AND u.course_id = :id""",
    Scope.MODULE: """
SELECT 'workspace' AS scope, w.id, w.name, TRUE AS is_here
  FROM module m JOIN workspace w ON w.id = m.workspace_id
 WHERE m.workspace_id = :workspace_id AND m.id = :id
UNION ALL SELECT 'department', d.id, d.name, TRUE
  FROM module m JOIN department d ON d.id = m.department_id
 WHERE m.workspace_id = :workspace_id AND m.id = :id
UNION ALL SELECT 'course', c.id, c.title, TRUE
  FROM course_module u JOIN course c ON c.id = u.course_id
 WHERE u.workspace_id = :workspace_id AND u.module_id = :id
UNION ALL SELECT 'module', id, title, TRUE FROM module
 WHERE workspace_id = :workspace_id AND id = :id""",
}
"""The thing itself, what lies around it (`is_here`), and what lies inside it."""

THINGS: Final = {
    Scope.WORKSPACE: text("""
SELECT name, FALSE, NULL, NOT EXISTS (
       SELECT FROM access_grant g JOIN member p ON p.id = g.member_id
        WHERE g.workspace_id = w.id AND g.principal = 'finance_manager' AND p.state = 'ACTIVE'
          AND g.pending_until IS NULL
          AND num_nonnulls(g.department_id, g.course_id, g.module_id) = 0)
  FROM workspace w WHERE w.id = :workspace_id AND w.id = :id"""),
    Scope.DEPARTMENT: text("""
SELECT name FROM department WHERE workspace_id = :workspace_id AND id = :id"""),
    Scope.COURSE: text("""
SELECT title, state = 'ACTIVE', created_by_id FROM course
 WHERE workspace_id = :workspace_id AND id = :id"""),
    Scope.MODULE: text("""
SELECT title, FALSE, created_by_id FROM module
 WHERE workspace_id = :workspace_id AND id = :id"""),
}
"""What a thing is called, whether it is an active course, who made it, and of a workspace whether
it has no finance manager."""

HELD: Final = """
SELECT g.member_id, g.principal,
       CASE WHEN g.module_id IS NOT NULL THEN 'module' WHEN g.course_id IS NOT NULL THEN 'course'
            WHEN g.department_id IS NOT NULL THEN 'department' ELSE 'workspace' END AS scope,
       coalesce(g.module_id, g.course_id, g.department_id, g.workspace_id) AS place_id,
       'GRANT' AS how, g.created_at AS since, g.granted_by_id AS by_id,
       NULL::integer AS segment_id, g.pending_until
  FROM access_grant g WHERE g.workspace_id = :workspace_id
UNION ALL
SELECT r.member_id, CASE r.role WHEN 'INSTRUCTOR' THEN 'instructor' ELSE 'coordinator_direct' END,
       'course', r.course_id, 'BY_HAND', r.since, r.given_by_id, NULL, NULL
  FROM course_role r WHERE r.workspace_id = :workspace_id
UNION ALL
SELECT s.member_id, 'coordinator_derived', 'course', s.course_id,
       CASE s.kind WHEN 'KEEP' THEN 'KEPT' ELSE s.kind END, s.since,
       coalesce(a.attached_by_id, o.created_by_id), s.segment_id, NULL
  FROM coordinator_source s
  LEFT JOIN course_segment a ON a.course_id = s.course_id AND a.segment_id = s.segment_id
  LEFT JOIN coordinator_override o
         ON s.kind IN ('KEEP', 'ENDING') AND o.course_id = s.course_id AND o.member_id = s.member_id
 WHERE s.workspace_id = :workspace_id AND s.kind <> 'DIRECT'
   AND s.course_id IN (SELECT id FROM place WHERE scope = 'course')
   AND NOT EXISTS (SELECT FROM course_role r
                    WHERE r.course_id = s.course_id AND r.member_id = s.member_id)
UNION ALL
SELECT e.member_id, 'learner', 'course', e.course_id, 'ENROLMENT', e.since, e.enrolled_by_id,
       NULL, NULL
  FROM enrolment e WHERE e.workspace_id = :workspace_id AND e.ended_at IS NULL
UNION ALL
SELECT p.id, 'learner', 'workspace', p.workspace_id, 'EVERYBODY', p.created_at, NULL, NULL, NULL
  FROM member p WHERE p.workspace_id = :workspace_id AND :scope = 'workspace'
"""

ROLES: Final = """
       held.member_id, p.display_name, p.state, held.principal, place.scope, place.id AS on_id,
       place.name AS on_name, place.is_here, held.how, held.since, by.display_name AS by_name,
       s.name AS segment, held.pending_until
  FROM held JOIN place ON place.scope = held.scope AND place.id = held.place_id
  JOIN member p ON p.id = held.member_id AND p.deleted_at IS NULL
  LEFT JOIN member by ON by.id = held.by_id
  LEFT JOIN segment s ON s.id = held.segment_id
 WHERE held.principal = ANY (CAST(:principals AS text[]))
"""
OF_EACH: Final = """
       lower(p.display_name), held.member_id, place.is_here DESC, held.principal,
       held.pending_until IS NULL"""
"""Of one person's roles of one kind, inside a large workspace perhaps thousands, the first."""

NEAREST_FIRST: Final = "place.is_here DESC, place.scope, place.name, place.id, held.principal"


def _statement(scope: Scope, *, of_one: bool) -> TextClause:
    head = f"WITH place AS ({PLACES[scope]}\n), held AS NOT MATERIALIZED ({HELD})"
    if of_one:
        whose = f" AND held.member_id = :member_id ORDER BY {NEAREST_FIRST}, held.since, s.name"
        return text(head + "SELECT" + ROLES + whose)
    distinct = f"SELECT DISTINCT ON ({OF_EACH.replace(' DESC', '')})"
    order = f" ORDER BY {OF_EACH}, {NEAREST_FIRST}, held.since, s.name"
    return text(head + distinct + ROLES + order)


OF_ALL: Final = {scope: _statement(scope, of_one=False) for scope in Scope}
OF_ONE: Final = {scope: _statement(scope, of_one=True) for scope in Scope}


async def thing(db: AsyncSession, workspace_id: int, scope: Scope, id: int) -> Thing | None:
    """What is asked about; None if there is no such thing in the workspace."""
    asked = {"workspace_id": workspace_id, "id": id}
    row = (await db.execute(THINGS[scope], asked)).one_or_none()
    return None if row is None else Thing(scope, id, *row)


async def roles_towards(
    db: AsyncSession,
    workspace_id: int,
    thing: Thing,
    principals: Collection[Principal],
    *,
    member_id: int | None = None,
) -> list[HeldRole]:
    """These roles as they are held towards the thing, also those that do not count yet: of one
    person every one, nearest first; of everybody, by name, one of each kind here and inside."""
    statements = OF_ALL if member_id is None else OF_ONE
    asked = {
        "workspace_id": workspace_id,
        "scope": thing.scope.value,
        "id": thing.id,
        "principals": sorted(each.value for each in principals),
    }
    one = {} if member_id is None else {"member_id": member_id}
    rows = await db.execute(statements[thing.scope], asked | one)
    return [_role(row) for row in rows if _is_given_rightly(row)]


def _is_given_rightly(row: Row[Any]) -> bool:
    scope: str | None = GRANTED_ON.get(row.principal)
    return bool(row.how != How.GRANT or scope == row.scope)


def _role(row: Row[Any]) -> HeldRole:
    return HeldRole(
        row.member_id,
        row.display_name,
        MemberState(row.state),
        Principal(row.principal),
        Scope(row.scope),
        row.on_id,
        row.on_name,
        row.is_here,
        How(row.how),
        row.since,
        row.by_name,
        row.segment,
        row.pending_until,
    )


def standing_of(thing: Thing, member_id: int, roles: Collection[HeldRole]) -> Standing:
    """How somebody with these roles stands to the thing."""
    here: Sources = {}
    inside: Sources = {}
    for each in roles:
        if each.counts:
            held = here if each.is_here else inside
            held.setdefault(each.principal, Source(each.principal, each.scope, each.on))
    return Standing(here, inside, thing.facts(member_id))
