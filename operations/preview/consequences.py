"""What the people of a segment moving means, course by course.

How an attachment follows is read as the view `coordinator_source` reads it. Another segment that is
followed as it is (SYNC) is read once for all courses; whom any other mode gives the role, the view
says. What is the same on many courses is worked out once.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import text

from models.catalog import CourseState
from models.segments import AttachmentMode
from operations.preview.change import SegmentChangeKind
from operations.preview.people import Moved

Ids = AbstractSet[int]
NOBODY: Final[Ids] = frozenset()

COURSES: Final = text("""
SELECT c.id, c.title, c.state, coalesce(c.segment_limit, w.segment_limit) AS most, a.mode,
       CASE WHEN c.state = 'ACTIVE' THEN w.grace_days ELSE 0 END AS grace_days,
       (SELECT jsonb_object_agg(o.segment_id, o.mode) FROM course_segment o
         WHERE o.course_id = c.id AND o.segment_id <> :segment_id) AS others
  FROM course c
  JOIN workspace w ON w.id = c.workspace_id
  LEFT JOIN course_segment a ON a.course_id = c.id AND a.segment_id = :segment_id
 WHERE c.workspace_id = :workspace_id
   AND (c.id = :course_id OR CAST(:course_id AS integer) IS NULL AND a.segment_id IS NOT NULL)
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
          AND NOT EXISTS (SELECT FROM course_role r
                           WHERE r.course_id = c.id AND r.member_id = s.member_id
                             AND r.role = 'INSTRUCTOR')
        LIMIT 1) AS one
""")
"""The courses on which another source still makes somebody coordinator, and not for days only."""


@dataclass(frozen=True, slots=True)
class Course:
    """A course concerned. `mode` is None where the segment is not attached; `others` are the modes
    of the other segments on it; `grace_days` is how long those stay who lose the role on it."""

    id: int
    title: str
    state: str
    most: int
    mode: AttachmentMode | None
    others: Mapping[int, AttachmentMode]
    grace_days: int = 0

    @property
    def followed(self) -> frozenset[int]:
        """The other segments that are followed as they are."""
        sync = AttachmentMode.SYNC
        return frozenset(id for id, mode in self.others.items() if mode is sync)

    @property
    def by_mode(self) -> list[int]:
        """The other segments whose mode decides."""
        return sorted(self.others.keys() - self.followed)


@dataclass(frozen=True, slots=True)
class OnCourse:
    """What the change does on one course. `conflicts`: who would become coordinator were they not
    its instructor. `losses` stay for `grace_days`, unless something gives them the role before
    that (M40); those who stay so already are no gains. `is_emptied`: nobody is left but these.
    `used`: the places its segments take afterwards, of `most`. `is_refused`: one more is needed
    than there are. (Of a limit that was lowered by force, more may be taken already.)"""

    course_id: int
    title: str
    gains: Ids
    losses: Ids
    conflicts: Ids
    invitations: Ids
    remains: bool
    used: int
    most: int
    grace_days: int
    is_refused: bool
    is_emptied: bool = False

    @property
    def size(self) -> int:
        return len(self.gains) + len(self.losses) + len(self.conflicts)

    @property
    def may_be_emptied(self) -> bool:
        """Whether the segment makes nobody coordinator any more: `remains` is of it alone."""
        return bool(self.losses) and not self.gains and not self.remains


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

    def after(self, moves: Mapping[int, Moved]) -> "Beside":
        """The same once people have moved between these segments."""
        segments = dict(self.segments)
        for id, found in moves.items():
            segments[id] = (set(segments.get(id, NOBODY)) | found.added) - found.removed
        return replace(self, segments=segments)

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
            None if row.mode is None else AttachmentMode(row.mode),
            {int(id): AttachmentMode(mode) for id, mode in (row.others or {}).items()},
            row.grace_days,
        )
        for row in rows
    ]


def decided_by_mode(courses: Sequence[Course], segment_id: int) -> list[tuple[int, int]]:
    """(course, segment) where a mode other than SYNC decides."""
    own = [each for each in courses if each.mode not in (None, AttachmentMode.SYNC)]
    return [
        *((each.id, segment_id) for each in own),
        *((each.id, other) for each in courses for other in each.by_mode),
    ]


def concerned(kind: SegmentChangeKind, moved: Moved) -> set[int]:
    """The people of the segment whose standing may change."""
    if kind in ENDINGS:
        return moved.before
    return moved.added | moved.removed if kind in MOVES else moved.after


ENDINGS: Final = frozenset({SegmentChangeKind.DETACH, SegmentChangeKind.DELETE})
MOVES: Final = frozenset(
    {SegmentChangeKind.EDIT_RULE, SegmentChangeKind.PAUSE, SegmentChangeKind.RESUME}
)

FOLLOWED: Final[Mapping[AttachmentMode, tuple[bool, bool]]] = {
    AttachmentMode.SYNC: (True, True),
    AttachmentMode.ADD_ONLY: (False, True),
    AttachmentMode.REMOVE_ONLY: (True, False),
    AttachmentMode.FROZEN: (False, False),
}
"""Whether who leaves the segment, and who comes into it, is followed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whom the segment gives a source, takes one from, and has given one afterwards."""

    new: Ids
    gone: Ids
    after: Ids


def merged(several: Sequence[Sequence[OnCourse]]) -> list[OnCourse]:
    """What several segments do to courses, as one thing for each course."""
    found: dict[int, OnCourse] = {}
    for each in (one for some in several for one in some):
        known = found.get(each.course_id)
        found[each.course_id] = each if known is None else _joined(known, each)
    return list(found.values())


def _joined(one: OnCourse, other: OnCourse) -> OnCourse:
    gains, remains = one.gains | other.gains, one.remains or other.remains
    return replace(
        one,
        gains=gains,
        losses=one.losses | other.losses,
        conflicts=one.conflicts | other.conflicts,
        invitations=one.invitations | other.invitations,
        remains=remains,
        is_emptied=(one.is_emptied or other.is_emptied) and not gains and not remains,
    )


class Counting:
    """The change on course after course."""

    def __init__(
        self, kind: SegmentChangeKind, segment_id: int, moved: Moved, beside: Beside
    ) -> None:
        self._kind = kind
        self._segment_id = segment_id
        self._moved = moved
        self._beside = beside
        self._active = moved.active | beside.active
        self._turns = self._followed_turns()
        self._apart: dict[tuple[int, frozenset[int]], Ids] = {}
        self._kept: list[Ids] = []

    def on(self, courses: Iterable[Course]) -> list[OnCourse]:
        return [self._on(each) for each in courses]

    def _on(self, course: Course) -> OnCourse:
        beside = self._beside
        turn = self._turn(course)
        instructors = beside.instructors.get(course.id, NOBODY)
        excluded = beside.excluded.get(course.id, NOBODY)
        elsewhere = set(beside.by_hand.get(course.id, NOBODY)).union(
            *(beside.by_mode.get((course.id, other), NOBODY) for other in course.by_mode)
        )
        hidden = instructors | excluded | elsewhere
        is_archived = course.state == CourseState.ARCHIVED
        places = self._places(course)
        used = len(course.others) + (course.mode is not None) + places
        return OnCourse(
            course.id,
            course.title,
            gains=self._apart_from(turn.new, course.followed) - hidden,
            losses=self._apart_from(turn.gone, course.followed) - hidden,
            conflicts=self._conflicts(course, turn, instructors - excluded - elsewhere),
            invitations=NOBODY if is_archived else (self._moved.invitable & turn.new) - excluded,
            remains=any(
                id in self._active and id not in instructors and id not in excluded
                for id in turn.after
            ),
            used=used,
            most=course.most,
            grace_days=course.grace_days,
            is_refused=places > 0 and used > course.most,
        )

    def _conflicts(self, course: Course, turn: Turn, instructors: Ids) -> Ids:
        others = [self._beside.segments.get(each, NOBODY) for each in course.followed]
        return {
            id
            for id in instructors
            if id in turn.new and not any(id in people for people in others)
        }

    def _turn(self, course: Course) -> Turn:
        """On a course whose mode decides, of whom it has given the role."""
        if course.mode in (None, AttachmentMode.SYNC):
            return self._turns[course.mode is not None]
        had = self._beside.by_mode.get((course.id, self._segment_id), NOBODY)
        if self._kind in ENDINGS:
            return Turn(NOBODY, had, NOBODY)
        if self._kind not in MOVES:
            return Turn(NOBODY, NOBODY, had)
        leaves, comes = FOLLOWED[course.mode]
        gone = had & self._moved.removed if leaves else NOBODY
        new = self._moved.added - had if comes else NOBODY
        return Turn(new, gone, (had - gone) | new)

    def _followed_turns(self) -> tuple[Turn, Turn]:
        """On courses the segment is not on, and on those that follow it as it is."""
        moved, after = self._moved, self._moved.after
        if self._kind in ENDINGS:
            return Turn(NOBODY, NOBODY, NOBODY), Turn(NOBODY, moved.before, NOBODY)
        if self._kind in MOVES:
            return Turn(NOBODY, NOBODY, NOBODY), Turn(moved.added, moved.removed, after)
        return Turn(after, NOBODY, after), Turn(NOBODY, NOBODY, after)

    def _apart_from(self, people: Ids, others: frozenset[int]) -> Ids:
        """Those with an account whom none of the other segments gives the role. Sets are known by
        their ids, so they are kept."""
        key = (id(people), others)
        if key not in self._apart:
            known = (self._beside.segments.get(each, NOBODY) for each in others)
            self._apart[key] = set(people & self._active).difference(*known)
            self._kept.append(people)
        return self._apart[key]

    def _places(self, course: Course) -> int:
        """Places the change takes, or gives back."""
        if self._kind in ENDINGS:
            return 0 if course.mode is None else -1
        return 1 if course.mode is None else 0
