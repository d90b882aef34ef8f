"""What stood at a place in the journal: the present, with everything numbered since undone.

Rows and journal are read in one snapshot, and every change of one is numbered in the other, so
the answer does not depend on when it is asked.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.coordinators import CoordinatorOverride, CourseRole, CourseRoleKind, OverrideKind
from models.segments import AttachmentMode
from operations.attachment_modes import Mode

ATTACHED: Final = "segment.attached"
DETACHED: Final = "segment.detached"
MODE_CHANGED: Final = "segment.mode_changed"
OF_ATTACHMENTS: Final = frozenset({ATTACHED, DETACHED, MODE_CHANGED})

OF_ROLES: Final = frozenset(
    {
        *("instructor.assigned", "instructor.removed"),
        *("coordinator.assigned", "coordinator.removed"),
    }
)
OF_OVERRIDES: Final = frozenset(
    {
        *("coordinator.excluded", "coordinator.kept", "override.lifted", "override.expired"),
        *("coordinator.ending", "coordinator.regained"),
    }
)

_ATTACHMENTS: Final = """
WITH later AS MATERIALIZED (
    SELECT DISTINCT ON (course_id, segment_id) course_id, segment_id, verb, before, at
      FROM journal_entry
     WHERE workspace_id = :workspace_id AND seq > :seq
       AND verb IN ('segment.attached', 'segment.detached', 'segment.mode_changed') AND {of}
     ORDER BY course_id, segment_id, seq
)
SELECT a.course_id, a.segment_id, a.mode, a.mode_since
  FROM course_segment a
 WHERE a.workspace_id = :workspace_id AND a.{of}
   AND NOT EXISTS (SELECT FROM later l
                    WHERE l.course_id = a.course_id AND l.segment_id = a.segment_id)
UNION ALL
SELECT course_id, segment_id, coalesce(before->>'mode', 'SYNC'),
       coalesce(CAST(before->>'modeSince' AS timestamptz), at)
  FROM later WHERE verb <> 'segment.attached'
"""
OF_COURSE: Final = text(_ATTACHMENTS.format(of="course_id = :course_id"))
OF_SEGMENTS: Final = text(
    _ATTACHMENTS.format(of="segment_id = ANY(CAST(:segment_ids AS integer[]))")
)

TIMES_OF: Final = text("""
WITH later AS MATERIALIZED (
    SELECT change_set_id FROM journal_entry
     WHERE workspace_id = :workspace_id AND seq > :seq AND change_set_id IS NOT NULL
)
SELECT m.segment_id, m.since,
       CASE WHEN NOT EXISTS (SELECT FROM later WHERE change_set_id = m.closed_by_id)
            THEN m.until END
  FROM membership m
 WHERE m.member_id = :member_id
   AND (:everywhere OR m.segment_id = ANY (CAST(:segment_ids AS integer[])))
   AND NOT EXISTS (SELECT FROM later WHERE change_set_id = m.opened_by_id)
 ORDER BY m.segment_id, m.since
""")

SAID_SINCE: Final = text("""
SELECT course_id, verb, before
  FROM journal_entry
 WHERE workspace_id = :workspace_id AND seq > :seq AND member_id = :member_id
   AND course_id IS NOT NULL AND verb = ANY (CAST(:verbs AS text[]))
 ORDER BY seq DESC
""")


@dataclass(frozen=True, slots=True)
class Time:
    """A time somebody was in a segment; without `until` it went on."""

    since: dt.datetime
    until: dt.datetime | None


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
    return frozenset(row.segment_id for row in await db.execute(OF_COURSE, about))


async def courses_with(
    db: AsyncSession, workspace_id: int, segment_ids: Collection[int], seq: int
) -> dict[int, dict[int, Mode]]:
    """The courses to which each of these segments was attached, and in which mode."""
    found: dict[int, dict[int, Mode]] = {id: {} for id in segment_ids}
    if not found:
        return found
    about = {"workspace_id": workspace_id, "seq": seq, "segment_ids": sorted(found)}
    for course_id, segment_id, mode, since in await db.execute(OF_SEGMENTS, about):
        found[segment_id][course_id] = Mode(AttachmentMode(mode), since)
    return found


async def times_of(
    db: AsyncSession,
    workspace_id: int,
    member_id: int,
    seq: int,
    segment_ids: Collection[int] | None = None,
) -> dict[int, list[Time]]:
    """When a person had been in these segments, or in any, as far as was known."""
    about = {
        "workspace_id": workspace_id,
        "seq": seq,
        "member_id": member_id,
        "everywhere": segment_ids is None,
        "segment_ids": sorted(segment_ids or ()),
    }
    found: dict[int, list[Time]] = {}
    for segment_id, since, until in await db.execute(TIMES_OF, about):
        found.setdefault(segment_id, []).append(Time(since, until))
    return found


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
