"""What stood at a place in the journal: the present, with everything numbered since undone.

Rows and journal are read in one snapshot, and every change of one is numbered in the other, so
the answer does not depend on when it is asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.coordinators import CoordinatorOverride, CourseRole, CourseRoleKind, OverrideKind

ATTACHED: Final = "segment.attached"
DETACHED: Final = "segment.detached"

OF_ROLES: Final = frozenset(
    {
        *("instructor.assigned", "instructor.removed"),
        *("coordinator.assigned", "coordinator.removed"),
    }
)
OF_OVERRIDES: Final = frozenset(
    {"coordinator.excluded", "coordinator.kept", "override.lifted", "override.expired"}
)

_ATTACHMENTS: Final = """
WITH later AS MATERIALIZED (
    SELECT DISTINCT ON (course_id, segment_id) course_id, segment_id, verb
      FROM journal_entry
     WHERE workspace_id = :workspace_id AND seq > :seq
       AND verb IN ('segment.attached', 'segment.detached') AND {of}
     ORDER BY course_id, segment_id, seq
)
SELECT a.course_id, a.segment_id
  FROM course_segment a
 WHERE a.workspace_id = :workspace_id AND a.{of}
   AND NOT EXISTS (SELECT FROM later l
                    WHERE l.course_id = a.course_id AND l.segment_id = a.segment_id)
UNION ALL
SELECT course_id, segment_id FROM later WHERE verb = 'segment.detached'
"""
OF_COURSE: Final = text(_ATTACHMENTS.format(of="course_id = :course_id"))
OF_SEGMENTS: Final = text(
    _ATTACHMENTS.format(of="segment_id = ANY(CAST(:segment_ids AS integer[]))")
)

SEGMENTS_OF: Final = text("""
WITH later AS MATERIALIZED (
    SELECT change_set_id FROM journal_entry
     WHERE workspace_id = :workspace_id AND seq > :seq AND change_set_id IS NOT NULL
)
SELECT DISTINCT segment_id
  FROM membership m
 WHERE m.member_id = :member_id
   AND NOT EXISTS (SELECT FROM later WHERE change_set_id = m.opened_by_id)
   AND (m.until IS NULL OR EXISTS (SELECT FROM later WHERE change_set_id = m.closed_by_id))
""")

SAID_SINCE: Final = text("""
SELECT course_id, verb, before
  FROM journal_entry
 WHERE workspace_id = :workspace_id AND seq > :seq AND member_id = :member_id
   AND course_id IS NOT NULL AND verb = ANY (CAST(:verbs AS text[]))
 ORDER BY seq DESC
""")


@dataclass(frozen=True, slots=True)
class Said:
    """What was said by hand about one person: roles and overrides, by course."""

    roles: dict[int, CourseRoleKind]
    overrides: dict[int, OverrideKind]


async def segments_on(
    db: AsyncSession, workspace_id: int, course_id: int, seq: int
) -> frozenset[int]:
    """The segments that were attached to a course."""
    about = {"workspace_id": workspace_id, "seq": seq, "course_id": course_id}
    return frozenset(segment_id for _, segment_id in await db.execute(OF_COURSE, about))


async def courses_with(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int], seq: int
) -> dict[int, set[int]]:
    """The courses to which each of these segments was attached."""
    found: dict[int, set[int]] = {id: set() for id in segment_ids}
    if not found:
        return found
    about = {"workspace_id": workspace_id, "seq": seq, "segment_ids": sorted(found)}
    for course_id, segment_id in await db.execute(OF_SEGMENTS, about):
        found[segment_id].add(course_id)
    return found


async def segments_of(
    db: AsyncSession, workspace_id: int, member_id: int, seq: int
) -> frozenset[int]:
    """The segments a person was in."""
    about = {"workspace_id": workspace_id, "seq": seq, "member_id": member_id}
    return frozenset(await db.scalars(SEGMENTS_OF, about))


async def said_of(db: AsyncSession, workspace_id: int, member_id: int, seq: int) -> Said:
    """The roles and overrides a person had by hand."""
    roles = await db.execute(
        select(CourseRole.course_id, CourseRole.role).where(CourseRole.member_id == member_id)
    )
    overrides = await db.execute(
        select(CoordinatorOverride.course_id, CoordinatorOverride.kind).where(
            CoordinatorOverride.member_id == member_id
        )
    )
    said = Said({row[0]: row[1] for row in roles}, {row[0]: row[1] for row in overrides})
    about = {
        "workspace_id": workspace_id,
        "seq": seq,
        "member_id": member_id,
        "verbs": sorted(OF_ROLES | OF_OVERRIDES),
    }
    for course_id, verb, before in await db.execute(SAID_SINCE, about):
        _undo(said, course_id, verb, before)
    return said


def _undo(said: Said, course_id: int, verb: str, before: Mapping[str, Any] | None) -> None:
    known = before or {}
    if verb in OF_OVERRIDES:
        said.overrides.pop(course_id, None)
        if "kind" in known:
            said.overrides[course_id] = OverrideKind(known["kind"])
        return
    said.roles.pop(course_id, None)
    held = known.get("role", known.get("held"))
    if held in set(CourseRoleKind):
        said.roles[course_id] = CourseRoleKind(held)
