"""The courses a change of a segment concerns, and what else there is on them."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from models.segments import AttachmentMode

Ids = AbstractSet[int]
NOBODY: Final[Ids] = frozenset()

COURSES: Final = text("""
SELECT c.id, c.title, c.state, coalesce(c.segment_limit, w.segment_limit) AS most,
       CASE WHEN c.state = 'ACTIVE' THEN w.grace_days ELSE 0 END AS grace_days,
       (SELECT jsonb_object_agg(o.segment_id, o.mode) FROM course_segment o
         WHERE o.course_id = c.id) AS modes
  FROM course c
  JOIN workspace w ON w.id = c.workspace_id
 WHERE c.workspace_id = :workspace_id AND c.id = ANY(ARRAY(
       SELECT a.course_id FROM course_segment a
        WHERE a.workspace_id = :workspace_id AND a.segment_id = ANY(CAST(:moving AS integer[]))
       UNION SELECT CAST(:course_id AS integer)))
 ORDER BY lower(c.title), c.id
""")

BY_MODE: Final = text("""
SELECT s.course_id, s.segment_id, string_agg(s.member_id::text, ',') AS people,
       string_agg(s.member_id::text, ',') FILTER (WHERE p.state = 'ACTIVE') AS active
  FROM unnest(CAST(:courses AS integer[]), CAST(:segments AS integer[])) AS a(course_id, segment_id)
  JOIN coordinator_source s ON s.course_id = a.course_id AND s.segment_id = a.segment_id
  JOIN member p ON p.id = s.member_id
 WHERE s.workspace_id = :workspace_id AND s.kind = 'SEGMENT'
 GROUP BY s.course_id, s.segment_id
""")

BESIDE: Final = text("""
SELECT 'INSTRUCTOR' AS kind, course_id AS id, string_agg(member_id::text, ',') AS people
  FROM course_role
 WHERE workspace_id = :workspace_id AND role = 'INSTRUCTOR' AND course_id = ANY(:courses)
 GROUP BY course_id
UNION ALL
SELECT 'EXCLUDED', course_id, string_agg(member_id::text, ',')
  FROM coordinator_override
 WHERE workspace_id = :workspace_id AND kind = 'EXCLUDE' AND course_id = ANY(:courses)
 GROUP BY course_id
UNION ALL
SELECT 'BY_HAND', course_id, string_agg(member_id::text, ',')
  FROM coordinator_source
 WHERE workspace_id = :workspace_id AND kind <> 'SEGMENT' AND course_id = ANY(:courses)
 GROUP BY course_id
UNION ALL
SELECT 'SEGMENT', segment_id, string_agg(member_id::text, ',')
  FROM membership
 WHERE segment_id = ANY(:others) AND until IS NULL
   AND member_id = ANY(CAST(:people AS bigint[]))
 GROUP BY segment_id
""")
"""`others` are attached to courses of the workspace, and so are its own."""

STAYING: Final = text("""
SELECT c.id
  FROM unnest(CAST(:courses AS integer[])) AS c(id)
 CROSS JOIN LATERAL (
       SELECT FROM coordinator_source s
         JOIN member p ON p.id = s.member_id AND p.state = 'ACTIVE'
        WHERE s.workspace_id = :workspace_id AND s.course_id = c.id
          AND s.segment_id IS DISTINCT FROM :segment_id AND s.kind <> 'ENDING'
          AND NOT (s.segment_id IS NOT NULL AND s.segment_id = ANY(CAST(:outer AS integer[]))
                   AND s.member_id = ANY(CAST(:moved AS bigint[])))
          AND NOT EXISTS (SELECT FROM course_role r
                           WHERE r.course_id = c.id AND r.member_id = s.member_id
                             AND r.role = 'INSTRUCTOR')
        LIMIT 1) AS one
""")
"""The courses on which another source still makes somebody coordinator, and not for days only. Of
`outer` segments those who were moved are counted elsewhere."""


@dataclass(frozen=True, slots=True)
class Course:
    """A course concerned. `modes` are those of the segments on it; `grace_days` is how long those
    stay who lose the role on it."""

    id: int
    title: str
    state: str
    most: int
    modes: Mapping[int, AttachmentMode]
    grace_days: int = 0

    def followed(self, moving: Ids = NOBODY) -> frozenset[int]:
        """The segments that are followed as they are, but for those that move."""
        sync = AttachmentMode.SYNC
        return frozenset(id for id, mode in self.modes.items() if mode is sync and id not in moving)

    @property
    def by_mode(self) -> list[int]:
        """The segments whose mode decides."""
        return sorted(self.modes.keys() - self.followed())


@dataclass(slots=True)
class Beside:
    """What else there is on the courses: people by course, those of `segments` by segment, and
    whom a mode gives the role by course and segment, with who of all these is ACTIVE."""

    instructors: dict[int, Ids] = field(default_factory=dict)
    excluded: dict[int, Ids] = field(default_factory=dict)
    by_hand: dict[int, Ids] = field(default_factory=dict)
    segments: dict[int, Ids] = field(default_factory=dict)
    by_mode: dict[tuple[int, int], Ids] = field(default_factory=dict)
    active: set[int] = field(default_factory=set)

    def take_modes(self, rows: Iterable[Any]) -> None:
        for course_id, segment_id, people, active in rows:
            self.by_mode[course_id, segment_id] = _ids(people)
            self.active |= _ids(active)

    def take(self, rows: Iterable[Any]) -> None:
        places = {
            "INSTRUCTOR": self.instructors,
            "EXCLUDED": self.excluded,
            "BY_HAND": self.by_hand,
            "SEGMENT": self.segments,
        }
        for kind, id, people in rows:
            places[kind][id] = _ids(people)


def _ids(listed: str | None) -> set[int]:
    return set(map(int, listed.split(","))) if listed else set()


def courses_of(rows: Iterable[Any]) -> list[Course]:
    return [
        Course(
            row.id,
            row.title,
            row.state,
            row.most,
            {int(id): AttachmentMode(mode) for id, mode in (row.modes or {}).items()},
            row.grace_days,
        )
        for row in rows
    ]


def decided_by_mode(courses: Sequence[Course]) -> list[tuple[int, int]]:
    """(course, segment) where a mode other than SYNC decides."""
    return [(each.id, segment_id) for each in courses for segment_id in each.by_mode]
