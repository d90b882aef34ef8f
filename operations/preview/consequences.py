"""What the people of a segment moving means, course by course.

How an attachment follows is read as the view `coordinator_source` reads it: who has another source
there, and whom a mode other than SYNC keeps or leaves out, the view says itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from models.catalog import CourseState
from models.segments import AttachmentMode
from operations.preview.change import SegmentChangeKind
from operations.preview.people import Moved

Ids = frozenset[int]
NOBODY: Final[Ids] = frozenset()

COURSES: Final = text("""
SELECT c.id, c.title, c.state, coalesce(c.segment_limit, w.segment_limit) AS most,
       (SELECT count(*) FROM course_segment o WHERE o.course_id = c.id) AS used, a.mode
  FROM course c
  JOIN workspace w ON w.id = c.workspace_id
  LEFT JOIN course_segment a ON a.course_id = c.id AND a.segment_id = :segment_id
 WHERE c.workspace_id = :workspace_id
   AND (c.id = :course_id OR CAST(:course_id AS integer) IS NULL AND a.segment_id IS NOT NULL)
 ORDER BY lower(c.title), c.id
""")

BESIDE: Final = text("""
SELECT 'INSTRUCTOR' AS kind, course_id, string_agg(member_id::text, ',') AS people
  FROM course_role
 WHERE workspace_id = :workspace_id AND role = 'INSTRUCTOR' AND course_id = ANY(:courses)
 GROUP BY course_id
UNION ALL
SELECT 'EXCLUDED', course_id, string_agg(member_id::text, ',')
  FROM coordinator_override
 WHERE workspace_id = :workspace_id AND kind = 'EXCLUDE' AND course_id = ANY(:courses)
 GROUP BY course_id
UNION ALL
SELECT 'ELSEWHERE', course_id, string_agg(member_id::text, ',')
  FROM coordinator_source
 WHERE workspace_id = :workspace_id AND course_id = ANY(:courses)
   AND segment_id IS DISTINCT FROM :segment_id AND member_id = ANY(CAST(:people AS bigint[]))
 GROUP BY course_id
UNION ALL
SELECT 'ELSEWHERE', s.course_id, string_agg(s.member_id::text, ',')
  FROM coordinator_source s
 WHERE s.workspace_id = :workspace_id AND s.course_id = ANY(:by_mode)
   AND s.segment_id IS DISTINCT FROM :segment_id
   AND EXISTS (SELECT FROM coordinator_source h
                WHERE h.course_id = s.course_id AND h.member_id = s.member_id
                  AND h.segment_id = :segment_id)
 GROUP BY s.course_id
UNION ALL
SELECT 'HERE', course_id, string_agg(member_id::text, ',')
  FROM coordinator_source
 WHERE workspace_id = :workspace_id AND course_id = ANY(:by_mode) AND segment_id = :segment_id
 GROUP BY course_id
UNION ALL
SELECT 'ACTIVE', NULL, string_agg(p.id::text, ',')
  FROM member p
 WHERE p.workspace_id = :workspace_id AND p.state = 'ACTIVE' AND p.id IN (
       SELECT member_id FROM coordinator_source
        WHERE workspace_id = :workspace_id AND course_id = ANY(:by_mode)
          AND segment_id = :segment_id)
UNION ALL
SELECT 'STAYING', c.id, NULL
  FROM unnest(CAST(:courses AS integer[])) AS c(id)
 WHERE EXISTS (SELECT FROM coordinator_source s
                 JOIN member p ON p.id = s.member_id AND p.state = 'ACTIVE'
                WHERE s.workspace_id = :workspace_id AND s.course_id = c.id
                  AND s.segment_id IS DISTINCT FROM :segment_id
                  AND NOT EXISTS (SELECT FROM course_role r
                                   WHERE r.course_id = c.id AND r.member_id = s.member_id
                                     AND r.role = 'INSTRUCTOR'))
""")
"""ELSEWHERE: who of the people has a source beside the segment. HERE: whom it makes coordinator
where the mode decides, with those of them who are ACTIVE. STAYING: courses with a coordinator whom
another source makes one."""


@dataclass(frozen=True, slots=True)
class Course:
    """A course concerned. `mode` is None where the segment is not attached."""

    id: int
    title: str
    state: str
    most: int
    used: int
    mode: AttachmentMode | None


@dataclass(frozen=True, slots=True)
class OnCourse:
    """What the change does on one course. `conflicts`: who would become coordinator were they not
    its instructor. `used`: the places its segments take afterwards, of `most`."""

    course_id: int
    title: str
    gains: Ids
    losses: Ids
    conflicts: Ids
    invitations: Ids
    is_emptied: bool
    used: int
    most: int

    @property
    def size(self) -> int:
        return len(self.gains) + len(self.losses) + len(self.conflicts)

    @property
    def is_refused(self) -> bool:
        """Whether there is no place left."""
        return self.used > self.most


@dataclass(slots=True)
class Beside:
    """What rows of BESIDE say, by course."""

    instructors: dict[int, Ids] = field(default_factory=dict)
    excluded: dict[int, Ids] = field(default_factory=dict)
    elsewhere: dict[int, Ids] = field(default_factory=dict)
    here: dict[int, Ids] = field(default_factory=dict)
    active: Ids = NOBODY
    staying: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Beside":
        beside = cls()
        places = {
            "INSTRUCTOR": beside.instructors,
            "EXCLUDED": beside.excluded,
            "ELSEWHERE": beside.elsewhere,
            "HERE": beside.here,
        }
        for kind, course_id, people in rows:
            ids = frozenset(map(int, people.split(","))) if people else NOBODY
            if kind == "STAYING":
                beside.staying.add(course_id)
            elif kind == "ACTIVE":
                beside.active = ids
            else:
                places[kind][course_id] = places[kind].get(course_id, NOBODY) | ids
        return beside


def courses_of(rows: Iterable[Any]) -> list[Course]:
    return [
        Course(*row[:5], mode=None if row.mode is None else AttachmentMode(row.mode))
        for row in rows
    ]


def by_mode(courses: Sequence[Course]) -> list[int]:
    """The courses on which a mode decides whom the segment makes coordinator."""
    return [each.id for each in courses if each.mode not in (None, AttachmentMode.SYNC)]


def concerned(kind: SegmentChangeKind, moved: Moved) -> set[int]:
    """The people whose standing may change, as far as the segment's people are known."""
    if kind in _ENDINGS:
        return moved.before
    return moved.added | moved.removed if kind in _MOVES else moved.after


_ENDINGS: Final = frozenset({SegmentChangeKind.DETACH, SegmentChangeKind.DELETE})
_MOVES: Final = frozenset(
    {SegmentChangeKind.EDIT_RULE, SegmentChangeKind.PAUSE, SegmentChangeKind.RESUME}
)


def on_courses(
    kind: SegmentChangeKind, courses: Sequence[Course], moved: Moved, beside: Beside
) -> list[OnCourse]:
    """In the order of the courses."""
    active = moved.active | beside.active
    return [_on_course(kind, course, moved, beside, active) for course in courses]


def _on_course(
    kind: SegmentChangeKind, course: Course, moved: Moved, beside: Beside, active: set[int]
) -> OnCourse:
    before = _before(course, moved, beside)
    after = _after(kind, course, moved, before) - beside.excluded.get(course.id, NOBODY)
    instructors = beside.instructors.get(course.id, NOBODY)
    elsewhere = beside.elsewhere.get(course.id, NOBODY)
    new = after - before - elsewhere
    gains = (new & active) - instructors
    losses = ((before - after - elsewhere) & active) - instructors
    stays = not (after & active) <= instructors
    return OnCourse(
        course.id,
        course.title,
        gains=frozenset(gains),
        losses=frozenset(losses),
        conflicts=frozenset(new & instructors),
        invitations=NOBODY
        if course.state == CourseState.ARCHIVED
        else frozenset((after - before) & moved.invitable),
        is_emptied=bool(losses) and not stays and course.id not in beside.staying,
        used=course.used + _places(kind, course),
        most=course.most,
    )


def _before(course: Course, moved: Moved, beside: Beside) -> set[int]:
    """Whom the segment makes coordinator there now."""
    if course.mode is None:
        return set()
    if course.mode is not AttachmentMode.SYNC:
        return set(beside.here.get(course.id, NOBODY))
    return moved.before - beside.excluded.get(course.id, NOBODY)


def _after(kind: SegmentChangeKind, course: Course, moved: Moved, before: set[int]) -> set[int]:
    """Whom it would make coordinator, exclusions aside."""
    if kind in _ENDINGS:
        return set()
    if course.mode is None:
        return moved.after
    removed, added = FOLLOWED[course.mode]
    return (before - moved.removed if removed else before) | (moved.added if added else set())


FOLLOWED: Final[Mapping[AttachmentMode, tuple[bool, bool]]] = {
    AttachmentMode.SYNC: (True, True),
    AttachmentMode.ADD_ONLY: (False, True),
    AttachmentMode.REMOVE_ONLY: (True, False),
    AttachmentMode.FROZEN: (False, False),
}
"""Whether who leaves the segment, and who comes into it, is followed."""


def _places(kind: SegmentChangeKind, course: Course) -> int:
    """Places the change takes, or gives back."""
    if kind in _ENDINGS:
        return 0 if course.mode is None else -1
    return 1 if course.mode is None else 0
