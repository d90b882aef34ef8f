"""Grace: who loses the last reason for being coordinator stays one for some days (M40).

That is decided by whoever takes a reason away, or gives one, after everything else it wrote and
behind the workspace's guard lock. Whoever comes second sees what the first has done: of two who
each take one of somebody's two last reasons, the second gives the grace. So an ENDING row stands
only where there is no other source of the role. The lock comes before rows of overrides and
before the journal, and is not taken where a workspace gives no grace and nobody's role is ending.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from access.caller import system
from models import journal
from models.coordinators import OverrideKind
from sync_engine.plan import Pair, Plan
from sync_engine.snapshot import array
from sync_engine.state import Connection

ENDING: Final = "coordinator.ending"
REGAINED: Final = "coordinator.regained"

GUARD: Final = "SELECT pg_advisory_xact_lock(%(workspace_id)s, -2)"
"""Blocks of people are locked under the same first number, and are never negative."""

STATE: Final = """
       (SELECT grace_days > 0 FROM workspace WHERE id = %(workspace_id)s),
       EXISTS (SELECT FROM coordinator_override
                WHERE workspace_id = %(workspace_id)s AND kind = 'ENDING')
"""
"""Whether a workspace gives grace, and whether anybody's role is ending there."""

_GIVE: Final = """
WITH lost AS MATERIALIZED ({lost}),
first AS MATERIALIZED (
    SELECT DISTINCT ON (course_id, member_id) * FROM lost ORDER BY course_id, member_id, segment_id
),
moment AS MATERIALIZED (
    SELECT clock_timestamp() AS at, make_interval(days => grace_days) AS grace
      FROM workspace WHERE id = %(workspace_id)s AND grace_days > 0
)
INSERT INTO coordinator_override (course_id, member_id, workspace_id, kind, reason, expires_at,
                                  created_at, cause)
SELECT l.course_id, l.member_id, %(workspace_id)s, 'ENDING', l.reason, moment.at + moment.grace,
       moment.at, l.cause
  FROM first l CROSS JOIN moment
 WHERE (SELECT c.workspace_id = %(workspace_id)s AND c.state = 'ACTIVE'
          FROM course c WHERE c.id = l.course_id)
   AND (SELECT p.workspace_id = %(workspace_id)s AND p.state = 'ACTIVE' AND p.deleted_at IS NULL
          FROM member p WHERE p.id = l.member_id)
   AND NOT EXISTS (SELECT FROM course_role r
                    WHERE r.course_id = l.course_id AND r.member_id = l.member_id OFFSET 0)
   AND NOT EXISTS (SELECT FROM coordinator_override o
                    WHERE o.course_id = l.course_id AND o.member_id = l.member_id OFFSET 0)
   AND NOT EXISTS (SELECT FROM coordinator_source s
                    WHERE s.workspace_id = %(workspace_id)s AND s.course_id = l.course_id
                      AND s.member_id = l.member_id OFFSET 0)
ON CONFLICT DO NOTHING
RETURNING course_id, member_id, reason, expires_at, cause
"""
"""Everything is looked up by its key, one person at a time: PostgreSQL cannot tell how many there
will be, and would join where it must not (`OFFSET 0` keeps it from that)."""

GIVE_TO_REMOVED: Final = _GIVE.format(
    lost="""
    SELECT a.course_id, m.member_id, m.segment_id, m.closing_cause AS cause,
           'No longer in “' || s.name || '”.' AS reason
      FROM unnest(%(members)s::bigint[], %(segments)s::integer[]) AS r(member_id, segment_id)
      JOIN membership m ON m.member_id = r.member_id AND m.segment_id = r.segment_id
                       AND m.closed_by_id = %(change_set_id)s
      JOIN segment s ON s.id = m.segment_id
      JOIN course_segment a ON a.segment_id = m.segment_id
       AND (a.mode IN ('SYNC', 'ADD_ONLY') OR m.since <= a.mode_since)
"""
)
"""To those whose memberships a change set has just closed, and to whom these gave the role. (A mode
that began after the end of a membership keeps nobody by it, whichever was committed first.)"""

GIVE_TO_FOLLOWERS: Final = _GIVE.format(
    lost="""
    SELECT a.course_id, m.member_id, a.segment_id, %(cause)s::uuid AS cause, a.reason
      FROM unnest(%(courses)s::integer[], %(segments)s::integer[], %(modes)s::text[],
                  %(moments)s::timestamptz[], %(reasons)s::text[])
               AS a(course_id, segment_id, mode, mode_since, reason)
      JOIN membership m ON m.segment_id = a.segment_id
       AND (m.until IS NULL OR m.until > a.mode_since AND a.mode IN ('ADD_ONLY', 'FROZEN'))
       AND (m.since <= a.mode_since OR a.mode IN ('SYNC', 'ADD_ONLY'))
"""
)
"""To those to whom an attachment gave the role in the way it no longer does."""

_TAKE: Final = """
DELETE FROM coordinator_override o
 WHERE o.workspace_id = %(workspace_id)s AND o.kind = 'ENDING' AND {whose}
   AND EXISTS (SELECT FROM coordinator_source s
                WHERE s.workspace_id = %(workspace_id)s AND s.course_id = o.course_id
                  AND s.member_id = o.member_id AND s.kind <> 'ENDING' OFFSET 0)
RETURNING o.course_id, o.member_id, o.reason, o.expires_at
"""
TAKE_OF_PEOPLE: Final = _TAKE.format(whose="o.member_id = ANY(%(members)s::bigint[])")
TAKE_ON_COURSES: Final = _TAKE.format(whose="o.course_id = ANY(%(courses)s::integer[])")


@dataclass(frozen=True, slots=True)
class Told:
    """Journal entries: of roles that end, which come before the change that ends them, and of roles
    regained, which come after it. So there is no place in the journal at which the role lacks."""

    ending: list[dict[str, Any]]
    regained: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a run of the engine has written; `cause_of` says what opened or closed each pair."""

    change_set_id: int
    plan: Plan
    cause_of: Callable[[Pair], uuid.UUID | None]


def settle(db: Connection, workspace_id: int, moved: Moved, state: Sequence[bool]) -> Told:
    """Give grace to the people just removed, and end it for those added. `state` is what the
    statement STATE said; where nobody could be concerned, nothing is asked."""
    plan, told = moved.plan, Told([], [])
    gives_grace, is_ending = state
    ends, regains = gives_grace and plan.removed, (gives_grace or is_ending) and plan.added
    if not ends and not regains:
        return told
    db.execute(GUARD, {"workspace_id": workspace_id})
    if ends:
        removed = {
            "workspace_id": workspace_id,
            "change_set_id": moved.change_set_id,
            "members": array(member for member, _ in plan.removed),
            "segments": array(segment for _, segment in plan.removed),
        }
        for *row, cause in sorted(db.execute(GIVE_TO_REMOVED, removed), key=place):
            told.ending.append(_entry(workspace_id, ENDING, cause, after_ending(*row)))
    if regains:
        causes = {pair[0]: moved.cause_of(pair) for pair in plan.added}
        added = {"workspace_id": workspace_id, "members": array(causes)}
        for found in sorted(db.execute(TAKE_OF_PEOPLE, added), key=place):
            regained = after_regaining(*found)
            told.regained.append(_entry(workspace_id, REGAINED, causes[found[1]], regained))
    return told


def after_ending(course_id: int, member_id: int, reason: str, expires_at: Any) -> dict[str, Any]:
    """What the journal tells of a role that begins to end."""
    return {
        "course_id": course_id,
        "member_id": member_id,
        "after": {"kind": OverrideKind.ENDING, "expiresAt": expires_at.isoformat()},
        "reason": reason,
    }


def after_regaining(course_id: int, member_id: int, reason: str, expires_at: Any) -> dict[str, Any]:
    """What it tells of one that does not end after all."""
    return {
        "course_id": course_id,
        "member_id": member_id,
        "before": {
            "kind": OverrideKind.ENDING,
            "reason": reason,
            "expiresAt": expires_at.isoformat(),
        },
    }


def _entry(
    workspace_id: int, verb: str, cause: uuid.UUID | None, columns: Mapping[str, Any]
) -> dict[str, Any]:
    return journal.entry(system(workspace_id), verb, cause=cause, **columns)


def place(row: Iterable[Any]) -> tuple[int, int]:
    """The course and the person of a row."""
    course_id, member_id, *_ = row
    return course_id, member_id
