"""What the people of segments moving means, course by course.

How an attachment follows is read as the view `coordinator_source` reads it. A segment that is
followed as it is (SYNC) is read once for all courses; whom any other mode gives the role, the view
says. What is the same on many courses is worked out once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.catalog import CourseState
from models.segments import AttachmentMode
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.courses import NOBODY, Beside, Course, Ids
from operations.preview.people import Moved

SYNC: Final = AttachmentMode.SYNC

ENDINGS: Final = frozenset({SegmentChangeKind.DETACH, SegmentChangeKind.DELETE})
BEGINNINGS: Final = frozenset({SegmentChangeKind.CREATE, SegmentChangeKind.ATTACH})
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
class OnCourse:
    """What the change does on one course. `conflicts`: who would become coordinator were they not
    its instructor. `losses` stay for `grace_days`, unless something gives them the role before
    that (M40); those who stay so already are no gains. `kept`: who would lose it, did nothing else
    make them coordinator. `is_emptied`: nobody is left but those whose role ends.
    `used`: the places its segments take afterwards, of `most`. `is_refused`: one more is needed
    than there are. (Of a limit that was lowered by force, more may be taken already.)"""

    course_id: int
    title: str
    gains: Ids
    losses: Ids
    kept: Ids
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
        """Whether these segments make nobody coordinator any more: `remains` is of them alone."""
        return bool(self.losses) and not self.gains and not self.remains


@dataclass(frozen=True, slots=True)
class Turn:
    """Whom segments give a source before and after: `new` to whom they did not, `gone` from whom
    they take it, `stays` to whom one gives it that another takes from. `invited` had none of one
    of them, and no account."""

    new: Ids
    gone: Ids
    stays: Ids
    invited: Ids
    before: Ids
    after: Ids

    @classmethod
    def of(cls, before: Ids, after: Ids, invitable: Ids) -> "Turn":
        if before is after:
            return cls(NOBODY, NOBODY, NOBODY, NOBODY, before, after)
        new = after - before
        return cls(new, before - after, NOBODY, invitable & new, before, after)

    @classmethod
    def together(cls, turns: Sequence["Turn"]) -> "Turn":
        if len(turns) == 1:
            return turns[0]
        if not turns:
            return cls(*[NOBODY] * 6)
        before, after, taken, invited = (
            frozenset[int]().union(*parts)
            for parts in zip(*((t.before, t.after, t.gone, t.invited) for t in turns), strict=True)
        )
        return cls(after - before, before - after, taken & after, invited, before, after)


def concerned(change: SegmentChange, moves: Mapping[int, Moved], beside: Beside) -> set[int]:
    """The people whose standing may change."""
    found = moves[change.segment_id or 0]
    modes = (ids for (_, segment), ids in beside.by_mode.items() if segment == change.segment_id)
    if change.kind in MOVES:
        return set[int]().union(*(each.added | each.removed for each in moves.values()), *modes)
    return (found.before if change.kind in ENDINGS else found.after).union(*modes)


class Counting:
    """The change on course after course. `moves` are those of the segment itself, and of segments
    that build on it."""

    def __init__(self, change: SegmentChange, moves: Mapping[int, Moved], beside: Beside) -> None:
        self._kind = change.kind
        self._segment_id = change.segment_id or 0
        self._mode = change.mode
        self._moves = moves
        self._beside = beside
        self._active = beside.active.union(*(each.active for each in moves.values()))
        self._turns: dict[tuple[tuple[int, bool], ...], Turn] = {}
        self._split: dict[tuple[int, frozenset[int]], tuple[Ids, Ids]] = {}
        self._kept: list[Ids] = []

    def on(self, courses: Iterable[Course]) -> list[OnCourse]:
        return [self._on(each) for each in courses]

    def _on(self, course: Course) -> OnCourse:
        beside = self._beside
        turn = self._turn(course)
        instructors = beside.instructors.get(course.id, NOBODY)
        excluded = beside.excluded.get(course.id, NOBODY)
        elsewhere = set(beside.by_hand.get(course.id, NOBODY)).union(
            *(
                beside.by_mode.get((course.id, other), NOBODY)
                for other in course.by_mode
                if other not in self._moves
            )
        )
        hidden = instructors | excluded | elsewhere
        others = course.followed(self._moves.keys())
        gains, _ = self._apart(turn.new, others)
        losses, kept = self._apart(turn.gone, others)
        kept = kept | ((turn.gone & elsewhere | turn.stays) & self._active)
        places = self._places(course)
        used = len(course.modes) + places
        is_archived = course.state == CourseState.ARCHIVED
        return OnCourse(
            course.id,
            course.title,
            gains=gains - hidden,
            losses=losses - hidden,
            kept=kept - instructors - excluded,
            conflicts=self._conflicts(others, turn, instructors - excluded - elsewhere),
            invitations=NOBODY if is_archived else turn.invited - excluded,
            remains=any(
                id in self._active and id not in instructors and id not in excluded
                for id in turn.after
            ),
            used=used,
            most=course.most,
            grace_days=course.grace_days,
            is_refused=places > 0 and used > course.most,
        )

    def _conflicts(self, others: Iterable[int], turn: Turn, instructors: Ids) -> Ids:
        those = [self._beside.segments.get(each, NOBODY) for each in others]
        return {
            id for id in instructors if id in turn.new and not any(id in each for each in those)
        }

    def _turn(self, course: Course) -> Turn:
        """What the segments that move do on a course, together."""
        begins = {self._segment_id} if self._kind in BEGINNINGS else NOBODY
        moving = [id for id in self._moves if id in course.modes or id in begins]
        if not all(course.modes.get(id, SYNC) is SYNC for id in moving):
            return Turn.together([self._single(course, id) for id in moving])
        ways = tuple((id, id in course.modes) for id in moving)
        if ways not in self._turns:
            self._turns[ways] = Turn.together([self._single(course, id) for id in moving])
        return self._turns[ways]

    def _single(self, course: Course, id: int) -> Turn:
        """What one of them does, by how it is followed and by whom it has given the role."""
        kind = self._kind if id == self._segment_id else SegmentChangeKind.EDIT_RULE
        moved, mode = self._moves[id], course.modes.get(id)
        if mode is None:
            return Turn.of(NOBODY, moved.after, moved.invitable)
        had = moved.before
        if mode is not SYNC:
            had = set(self._beside.by_mode.get((course.id, id), NOBODY))
        if kind in ENDINGS:
            return Turn.of(had, NOBODY, NOBODY)
        if kind is SegmentChangeKind.CHANGE_MODE and mode is not self._mode:
            return Turn.of(had, moved.after, moved.invitable)
        if kind not in MOVES:
            return Turn.of(had, had, NOBODY)
        leaves, comes = FOLLOWED[mode]
        stay = had - moved.removed if leaves else had
        return Turn.of(had, stay | moved.added if comes else stay, moved.invitable)

    def _apart(self, people: Ids, others: frozenset[int]) -> tuple[Ids, Ids]:
        """Those with an account whom none of the other segments gives the role, and whom one does.
        Sets are known by their ids, so they are kept."""
        key = (id(people), others)
        if key not in self._split:
            known = (self._beside.segments.get(each, NOBODY) for each in others)
            active = people & self._active
            alone = set(active).difference(*known)
            self._split[key] = (alone, active - alone)
            self._kept.append(people)
        return self._split[key]

    def _places(self, course: Course) -> int:
        """Places the change takes, or gives back."""
        is_on = self._segment_id in course.modes
        if self._kind in ENDINGS:
            return -1 if is_on else 0
        return 1 if self._kind in BEGINNINGS and not is_on else 0
