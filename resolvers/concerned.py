"""Which events an entry of the journal is to one stream.

A stream carries along what it must know to decide, beginning with what stood at its first place,
and changes it only by entries. So a stream resumed anywhere tells exactly what one that was never
cut would have told, whatever has happened meanwhile. What is told of is read when it is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from models.coordinators import CourseRoleKind, OverrideKind
from models.journal import OF_ACCOUNTS
from operations import as_of
from operations.as_of import (
    ATTACHED,
    DETACHED,
    MODE_CHANGED,
    OF_ATTACHMENTS,
    OF_OVERRIDES,
    OF_ROLES,
    Said,
    Time,
)
from operations.attachment_modes import Mode
from resolvers.context import Context
from sync_engine.entries import STANDING, Entry, Interest, Key

EDITED = "course.edited"
OF_PEOPLE = OF_ROLES | OF_OVERRIDES
COUNTED = ("learner.", "attempt.", "due_date.", "submission.", "live_session.")


class EventKind(StrEnum):
    """READY comes first and HEARTBEAT while nothing happens; both carry the place reached.

    LEARNERS_CHANGED: many learners, or all for whom a date holds, so nobody is named;
    COUNTS_CHANGED: the figures of a course. Both may stand for many entries, and say: read anew.

    After ROLE_ENDED and RESYNC_REQUIRED the stream ends: the first says that the right to listen
    is gone, the second that the place is no longer in the history, so read everything anew.
    """

    READY = "READY"
    CHANGED = "CHANGED"
    SEGMENT_ATTACHED = "SEGMENT_ATTACHED"
    SEGMENT_DETACHED = "SEGMENT_DETACHED"
    SEGMENT_MODE_CHANGED = "SEGMENT_MODE_CHANGED"
    COURSE_EDITED = "COURSE_EDITED"
    LEARNERS_CHANGED = "LEARNERS_CHANGED"
    COUNTS_CHANGED = "COUNTS_CHANGED"
    HEARTBEAT = "HEARTBEAT"
    ROLE_ENDED = "ROLE_ENDED"
    RESYNC_REQUIRED = "RESYNC_REQUIRED"


TOLD_AS: Final = {
    ATTACHED: EventKind.SEGMENT_ATTACHED,
    DETACHED: EventKind.SEGMENT_DETACHED,
    MODE_CHANGED: EventKind.SEGMENT_MODE_CHANGED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event of an entry: what it says, and what to look at."""

    kind: EventKind
    course_id: int | None
    member_id: int | None = None
    segment_id: int | None = None
    live_session_id: int | None = None
    hold_id: int | None = None


@dataclass(frozen=True, slots=True)
class Burst:
    """Entries in a row that are `alike`, from so many on, are told by one event instead."""

    told: Told
    alike: Callable[[Entry], bool]
    least: int


class Concerned(Protocol):
    """What one stream is about, at the place it has reached."""

    @property
    def name(self) -> str:
        """Which stream this is, in cursors that lie inside an entry."""

    @property
    def watched(self) -> frozenset[Key]:
        """What an entry concerns that may change the listener's rights."""

    @property
    def interest(self) -> Interest:
        """The entries that may concern it from here on."""

    async def take(self, entry: Entry) -> Sequence[Told]:
        """The events of the next entry, in their order, and the place after it."""

    def burst(self, entry: Entry) -> Burst | None:
        """What one event stands for, if entries like this one follow each other closely."""


def rights_on(course_id: int, listener: Iterable[int]) -> frozenset[Key]:
    """What an entry concerns that may change the rights of a listener on a course."""
    return frozenset({*(("member", id) for id in listener), ("standing", course_id)})


class OfCourse:
    """The coordinators of a course, for one listener."""

    def __init__(self, course_id: int, listener_id: int | None, segments: frozenset[int]) -> None:
        self.course_id = course_id
        self.name = f"course:{course_id}"
        self._listener = frozenset(() if listener_id is None else (listener_id,))
        self._segments = segments

    @classmethod
    async def at(cls, context: Context, course_id: int, seq: int) -> "OfCourse":
        """As it stood at a place in the journal."""
        caller = context.signed_in
        async with context.read() as db:
            segments = await as_of.segments_on(db, caller.workspace_id, course_id, seq)
        return cls(course_id, caller.member_id, segments)

    @property
    def watched(self) -> frozenset[Key]:
        return rights_on(self.course_id, self._listener)

    @property
    def interest(self) -> Interest:
        return Interest(
            courses=frozenset({self.course_id}), segments=self._segments, members=self._listener
        )

    async def take(self, entry: Entry) -> Sequence[Told]:
        if entry.change_set_id is not None:
            people = {id for _, ids in _moved(entry, self._segments) for id in ids}
            return [Told(EventKind.CHANGED, self.course_id, id) for id in sorted(people)]
        if entry.verb in OF_ACCOUNTS and self.course_id in _courses_named(entry):
            return [Told(EventKind.CHANGED, self.course_id, entry.member_id)]
        return self._by_hand(entry) if entry.course_id == self.course_id else ()

    def burst(self, _: Entry) -> Burst | None:
        return None

    def _by_hand(self, entry: Entry) -> Sequence[Told]:
        if entry.verb in OF_PEOPLE:
            return [Told(EventKind.CHANGED, self.course_id, entry.member_id)]
        if entry.verb == EDITED:
            return [Told(EventKind.COURSE_EDITED, self.course_id)]
        if entry.verb not in TOLD_AS or entry.segment_id is None:
            return ()
        if entry.verb == DETACHED:
            self._segments -= {entry.segment_id}
        else:
            self._segments |= {entry.segment_id}
        return [Told(TOLD_AS[entry.verb], self.course_id, segment_id=entry.segment_id)]


class OfPerson:
    """The courses one person coordinates, for that person.

    Carried along are the times the person has been in segments and, of these segments, every
    attachment with its mode: together they say what is given.
    """

    def __init__(
        self,
        context: Context,
        member_id: int,
        times: Mapping[int, Sequence[Time]],
        attached: Mapping[int, dict[int, Mode]],
        said: Said,
    ) -> None:
        self.member_id = member_id
        self.name = f"member:{member_id}"
        self._context = context
        self._times = dict(times)
        self._attached = dict(attached)
        self._given = {id: self._gives(id) for id in self._attached}
        self._said = said

    @classmethod
    async def at(cls, context: Context, member_id: int, seq: int) -> "OfPerson":
        """As it stood at a place in the journal."""
        workspace_id = context.signed_in.workspace_id
        async with context.read() as db:
            times = await as_of.times_of(db, workspace_id, member_id, seq)
            attached = await as_of.courses_with(db, workspace_id, times, seq)
            said = await as_of.said_of(db, workspace_id, member_id, seq)
        return cls(context, member_id, times, attached, said)

    @property
    def courses(self) -> frozenset[int]:
        """The courses the person coordinates, or would with an active account."""
        roles, overrides = self._said.roles, self._said.overrides
        derived = {id for ids in self._given.values() for id in ids}
        derived -= _having(overrides, OverrideKind.EXCLUDE)
        derived |= _having(overrides, OverrideKind.KEEP) | _having(overrides, OverrideKind.ENDING)
        derived |= _having(roles, CourseRoleKind.COORDINATOR)
        return frozenset(derived - _having(roles, CourseRoleKind.INSTRUCTOR))

    @property
    def watched(self) -> frozenset[Key]:
        return frozenset({("member", self.member_id), STANDING})

    @property
    def interest(self) -> Interest:
        """Attachments anywhere, because any of them may make, or end, a course of this person."""
        return Interest(members=frozenset({self.member_id}), courses=self.courses, attachments=True)

    async def take(self, entry: Entry) -> Sequence[Told]:
        if entry.change_set_id is not None:
            return self._told(await self._move(entry))
        if (burst := self.burst(entry)) is not None:
            return [burst.told]
        if entry.member_id == self.member_id:
            return self._told(self._say(entry))
        if entry.segment_id is not None and entry.course_id is not None:
            return self._attach(entry, entry.course_id, entry.segment_id)
        if entry.verb == EDITED and entry.course_id in self.courses:
            return [Told(EventKind.COURSE_EDITED, entry.course_id, self.member_id)]
        return ()

    def burst(self, entry: Entry) -> Burst | None:
        course_id = entry.course_id
        if course_id is None or not is_counted(entry) or course_id not in self.courses:
            return None
        told = Told(EventKind.COUNTS_CHANGED, course_id, self.member_id)
        return Burst(told, lambda each: each.course_id == course_id and is_counted(each), least=1)

    def _told(self, courses: set[int]) -> Sequence[Told]:
        return [Told(EventKind.CHANGED, id, self.member_id) for id in sorted(courses)]

    async def _move(self, entry: Entry) -> set[int]:
        """The engine let the person into segments, or out of them."""
        mine = {
            segment_id for segment_id, people in _moved(entry, None) if self.member_id in people
        }
        if not mine:
            return set()
        about, new = (entry.workspace_id, self.member_id, entry.seq), mine - self._attached.keys()
        async with self._context.read() as db:
            self._times |= await as_of.times_of(db, *about, mine)
            self._attached |= await as_of.courses_with(db, entry.workspace_id, new, entry.seq)
        return {id for segment_id in mine for id in self._count(segment_id)}

    def _gives(self, segment_id: int) -> frozenset[int]:
        """The courses that the person coordinates through a segment."""
        times = self._times.get(segment_id, ())
        attached = self._attached[segment_id]
        return frozenset(id for id, mode in attached.items() if mode.counted(times))

    def _count(self, segment_id: int) -> frozenset[int]:
        """Work out anew what a segment gives; the courses it did not give, or does not any more."""
        before = self._given.get(segment_id, frozenset())
        self._given[segment_id] = self._gives(segment_id)
        return before ^ self._given[segment_id]

    def _say(self, entry: Entry) -> set[int]:
        """Something was said by hand about the person, or the account began or ended."""
        if entry.verb in OF_ACCOUNTS:
            return _courses_named(entry)
        if entry.course_id is None or entry.verb not in OF_PEOPLE:
            return set()
        if entry.verb in OF_ROLES:
            self._said.roles.pop(entry.course_id, None)
        else:
            self._said.overrides.pop(entry.course_id, None)
        after = entry.after or {}
        if "role" in after:
            self._said.roles[entry.course_id] = CourseRoleKind(after["role"])
        if "kind" in after:
            self._said.overrides[entry.course_id] = OverrideKind(after["kind"])
        return {entry.course_id}

    def _attach(self, entry: Entry, course_id: int, segment_id: int) -> Sequence[Told]:
        attached = self._attached.get(segment_id)
        if attached is None or entry.verb not in OF_ATTACHMENTS:
            return ()
        if entry.verb == DETACHED:
            attached.pop(course_id, None)
        else:
            attached[course_id] = Mode.said(entry.after, entry.at)
        if course_id not in self._count(segment_id):
            return ()
        return [Told(TOLD_AS[entry.verb], course_id, self.member_id, segment_id)]


def is_counted(entry: Entry) -> bool:
    """Whether the figures of its course may be others: who learns, is late, waits, comes next."""
    return entry.verb.startswith(COUNTED)


def _moved(entry: Entry, segments: frozenset[int] | None) -> Iterator[tuple[int, list[int]]]:
    """Whom an engine run let into, or out of, each of these segments; None: of all."""
    for key, change in _changes(entry).items():
        if segments is None or int(key) in segments:
            yield int(key), [*change.get("added", ()), *change.get("removed", ())]


def _changes(entry: Entry) -> Mapping[str, Mapping[str, list[int]]]:
    changes: Mapping[str, Mapping[str, list[int]]] = (entry.detail or {}).get("segments", {})
    return changes


def _courses_named(entry: Entry) -> set[int]:
    return set((entry.detail or {}).get("courses", ()))


def _having(said: Mapping[int, Any], value: Any) -> set[int]:
    return {course_id for course_id, each in said.items() if each is value}
