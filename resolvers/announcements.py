"""Subscriptions without gaps: journal entries turned into events for those who may see them.

An event says that something about a person or a course may have changed at a place in the
journal; what it carries is read when it is sent, through the same guarded fields as any query.
For every entry that concerns the subscriber there is one event per person (or course), in order,
once. The right to listen is asked at the beginning and again before every event; when it ends,
the last event says so and nothing follows it (U2, U3).
"""

import asyncio
import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import strawberry
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.catalog import Course
from models.people import Member
from models.segments import Segment
from operations import visible
from operations.refusals import Code, Denied, Refused, not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.coordinators import Coordinator, is_coordinator_of
from resolvers.courses import members_by_id, segments_by_id
from resolvers.ids import number_of
from resolvers.references import Reference, refer
from resolvers.seal import Position
from sync_engine.bus import Bus
from sync_engine.entries import Entry, HistoryGone, Interest
from sync_engine.tail import Following

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

HEARTBEAT_SECONDS: Final = 20.0

OF_ACCOUNTS: Final = ("member.activated", "member.deactivated", "member.reactivated")

SEGMENTS_SINCE: Final = text("""
SELECT segment_id FROM course_segment WHERE course_id = :course_id
UNION
SELECT segment_id FROM journal_entry
 WHERE workspace_id = :workspace_id AND seq > :seq AND course_id = :course_id
   AND verb IN ('segment.attached', 'segment.detached') AND segment_id IS NOT NULL
""")

HAS_SOURCE: Final = text("""
SELECT EXISTS (SELECT FROM coordinator_source
                WHERE course_id = :course_id AND member_id = :member_id)
""")

COURSES_OF_SEGMENTS: Final = text("""
SELECT course_id FROM course_segment WHERE segment_id = ANY(:segment_ids) ORDER BY course_id
""")

WAS_EVER_IN: Final = text("""
SELECT EXISTS (SELECT FROM membership WHERE member_id = :member_id AND segment_id = :segment_id)
""")


class EventKind(StrEnum):
    """READY comes first and HEARTBEAT while nothing happens; both carry the place reached.

    After ROLE_ENDED and RESYNC_REQUIRED the stream ends: the first says that the right to listen
    is gone, the second that the place is no longer in the history, so read everything anew.
    """

    READY = "READY"
    CHANGED = "CHANGED"
    SEGMENT_ATTACHED = "SEGMENT_ATTACHED"
    SEGMENT_DETACHED = "SEGMENT_DETACHED"
    COURSE_EDITED = "COURSE_EDITED"
    HEARTBEAT = "HEARTBEAT"
    ROLE_ENDED = "ROLE_ENDED"
    RESYNC_REQUIRED = "RESYNC_REQUIRED"


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream. `course_id`, `member_id` and `segment_id` say what to look at."""

    kind: EventKind
    cursor: str
    at: dt.datetime
    reason: str | None = None
    verb: str | None = None
    course_id: int | None = None
    member_id: int | None = None
    segment_id: int | None = None


def _about(row: Event, caller: Caller) -> Reference:
    if row.course_id is None:
        return Reference(Scope.WORKSPACE, caller.workspace_id)
    return Reference(Scope.COURSE, row.course_id)


async def coordinators_changed(
    info: Info, *, course_id: strawberry.ID, after: str | None = None
) -> AsyncIterator[Event]:
    """Who coordinates one course, as it changes."""
    context = info.context
    number = number_of(course_id, "Course")
    caller = context.signed_in
    if not await _hears_course(context, number):
        raise await _refusal(context, caller, number)
    start = await _start(context, after)
    segments = await _segments_since(context, number, start.seq)
    interest = Interest(
        courses=frozenset({number}),
        segments=segments,
        members=frozenset({caller.member_id} if caller.member_id else ()),
        accounts=True,
    )
    stream = CourseStream(context, number, interest)
    async for event in stream.events(start):
        yield event


async def courses_i_manage_changed(info: Info, *, after: str | None = None) -> AsyncIterator[Event]:
    """Which courses one coordinates, and those courses themselves, as they change."""
    context = info.context
    caller = context.signed_in
    if caller.member_id is None:
        raise Refused(Code.BAD_USER_INPUT, "Only people coordinate courses.")
    start = await _start(context, after)
    stream = ManagedStream(context, caller.member_id, await _mine(context))
    async for event in stream.events(start):
        yield event


refer(Event, _about)


class _Stream(ABC):
    """One subscriber's way through the journal."""

    def __init__(self, context: Context, interest: Interest) -> None:
        self.context = context
        self.interest = interest

    @abstractmethod
    async def may_listen(self) -> bool:
        """Whether the right to this stream is still held."""

    @abstractmethod
    async def tell(self, entry: Entry, following: Following) -> Sequence[Event]:
        """The events of one entry, in order; empty when it does not concern the subscriber."""

    async def events(self, start: Position) -> AsyncIterator[Event]:
        """READY, then events and heartbeats, to the end of the right or of the history."""
        bus: Bus = self.context.bus
        try:
            async with bus.follow(
                start.workspace_id, after=start.seq, epoch=start.epoch, interest=self.interest
            ) as following:
                yield self._said(EventKind.READY, start)
                async for event in self._follow(following):
                    yield event
        except HistoryGone as gone:
            yield self._said(EventKind.RESYNC_REQUIRED, start, reason=str(gone))

    async def _follow(self, following: Following) -> AsyncIterator[Event]:
        workspace_id = self.context.signed_in.workspace_id
        while True:
            entry = await following.next(HEARTBEAT_SECONDS)
            await self.context.renew()
            place = Position(following.epoch, workspace_id, following.position)
            if not await self.context.is_live() or not await self.may_listen():
                reason = "You may no longer listen to this."
                yield self._said(EventKind.ROLE_ENDED, place, reason=reason)
                return
            if entry is None:
                yield self._said(EventKind.HEARTBEAT, place)
                continue
            for event in await self.tell(entry, following):
                yield event

    def _said(
        self,
        kind: EventKind,
        place: Position,
        *,
        at: dt.datetime | None = None,
        reason: str | None = None,
    ) -> Event:
        cursor = self.context.seal.position(place)
        return Event(kind, cursor, at or dt.datetime.now(dt.UTC), reason)

    def _event(self, kind: EventKind, entry: Entry, following: Following, **about: Any) -> Event:
        place = Position(following.epoch, entry.workspace_id, entry.seq)
        cursor = self.context.seal.position(place)
        return Event(kind, cursor, entry.at, entry.reason, entry.verb, **about)


class CourseStream(_Stream):
    """The coordinators of one course."""

    def __init__(self, context: Context, course_id: int, interest: Interest) -> None:
        super().__init__(context, interest)
        self.course_id = course_id

    async def may_listen(self) -> bool:
        return await _hears_course(self.context, self.course_id)

    async def tell(self, entry: Entry, following: Following) -> Sequence[Event]:
        if entry.course_id == self.course_id and entry.segment_id is not None:
            return [self._segment_event(entry, following)]
        if entry.course_id == self.course_id and entry.member_id is None:
            about = {"course_id": self.course_id}
            return [self._event(EventKind.COURSE_EDITED, entry, following, **about)]
        people = await self._people(entry)
        await _warm(self.context, [(self.course_id, member_id) for member_id in people])
        return [
            self._event(
                EventKind.CHANGED,
                entry,
                following,
                course_id=self.course_id,
                member_id=member_id,
            )
            for member_id in people
        ]

    def _segment_event(self, entry: Entry, following: Following) -> Event:
        attached = entry.verb == "segment.attached"
        kind = EventKind.SEGMENT_ATTACHED if attached else EventKind.SEGMENT_DETACHED
        segment_id = entry.segment_id
        if segment_id is not None and segment_id not in self.interest.segments:
            self.interest = Interest(
                courses=self.interest.courses,
                segments=self.interest.segments | {segment_id},
                members=self.interest.members,
                accounts=True,
            )
            following.refocus(self.interest)
        return self._event(kind, entry, following, course_id=self.course_id, segment_id=segment_id)

    async def _people(self, entry: Entry) -> Sequence[int]:
        if entry.change_set_id is not None:
            return _moved(entry, self.interest.segments)
        if entry.course_id == self.course_id and entry.member_id is not None:
            return [entry.member_id]
        if entry.verb in OF_ACCOUNTS and entry.member_id is not None:
            about = {"course_id": self.course_id, "member_id": entry.member_id}
            async with self.context.read() as db:
                return [entry.member_id] if await db.scalar(HAS_SOURCE, about) else []
        return []


class ManagedStream(_Stream):
    """The courses one person coordinates."""

    def __init__(self, context: Context, member_id: int, courses: frozenset[int]) -> None:
        super().__init__(context, _interest_of(member_id, courses))
        self.member_id = member_id
        self.courses = courses

    async def may_listen(self) -> bool:
        return True

    async def tell(self, entry: Entry, following: Following) -> Sequence[Event]:
        told = [
            self._event(kind, entry, following, course_id=course_id, member_id=self.member_id)
            for kind, course_id in await self._courses(entry)
        ]
        await _warm(self.context, [(event.course_id or 0, self.member_id) for event in told])
        if told:
            self.courses = await _mine(self.context)
            following.refocus(_interest_of(self.member_id, self.courses))
        return told

    async def _courses(self, entry: Entry) -> list[tuple[EventKind, int]]:
        if entry.change_set_id is not None:
            return [(EventKind.CHANGED, id) for id in await self._through_segments(entry)]
        if entry.course_id is None:
            return await self._account(entry)
        if entry.segment_id is not None:
            return await self._attachment(entry.course_id, entry.segment_id, entry.verb)
        if entry.member_id == self.member_id:
            return [(EventKind.CHANGED, entry.course_id)]
        if entry.member_id is None and entry.course_id in self.courses:
            return [(EventKind.COURSE_EDITED, entry.course_id)]
        return []

    async def _account(self, entry: Entry) -> list[tuple[EventKind, int]]:
        if entry.verb not in OF_ACCOUNTS or entry.member_id != self.member_id:
            return []
        now = await _mine(self.context)
        return [(EventKind.CHANGED, id) for id in sorted(self.courses | now)]

    async def _attachment(
        self, course_id: int, segment_id: int, verb: str
    ) -> list[tuple[EventKind, int]]:
        about = {"member_id": self.member_id, "segment_id": segment_id}
        async with self.context.read() as db:
            concerned = await db.scalar(WAS_EVER_IN, about)
        attached = verb == "segment.attached"
        kind = EventKind.SEGMENT_ATTACHED if attached else EventKind.SEGMENT_DETACHED
        return [(kind, course_id)] if concerned else []

    async def _through_segments(self, entry: Entry) -> Iterable[int]:
        changes = (entry.detail or {}).get("segments", {})
        mine = [
            int(segment_id)
            for segment_id, change in changes.items()
            if self.member_id in (*change.get("added", ()), *change.get("removed", ()))
        ]
        if not mine:
            return ()
        async with self.context.read() as db:
            return list(await db.scalars(COURSES_OF_SEGMENTS, {"segment_ids": mine}))


def _interest_of(member_id: int, courses: frozenset[int]) -> Interest:
    """Attachments anywhere, because any of them may make, or end, a course of this person."""
    return Interest(members=frozenset({member_id}), courses=courses, attachments=True)


async def event_member(root: Parent, info: Info) -> Member | None:
    if root.member_id is None:
        return None
    return await info.context.load(members_by_id, root.member_id)


async def event_course(root: Parent, info: Info) -> Course | None:
    """The course, as far as the subscriber may still see it."""
    if root.course_id is None:
        return None
    return await info.context.load(visible_courses_by_id, root.course_id)


async def event_segment(root: Parent, info: Info) -> Segment | None:
    if root.segment_id is None:
        return None
    return await info.context.load(segments_by_id, root.segment_id)


async def event_coordinator(root: Parent, info: Info) -> Coordinator | None:
    if root.course_id is None or root.member_id is None:
        return None
    return await info.context.load(is_coordinator_of, (root.course_id, root.member_id))


async def is_coordinator(root: Parent, info: Info) -> bool | None:
    if root.course_id is None or root.member_id is None:
        return None
    return await event_coordinator(root, info) is not None


async def visible_courses_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Course | None]:
    statement = visible.courses(context.signed_in).where(Course.id.in_(ids))
    rows = {each.id: each for each in await db.scalars(statement)}
    return [rows.get(id) for id in ids]


def _moved(entry: Entry, segments: frozenset[int]) -> list[int]:
    """The people whose membership of any of these segments an engine run changed, in order."""
    changes = (entry.detail or {}).get("segments", {})
    people: set[int] = set()
    for segment_id, change in changes.items():
        if int(segment_id) in segments:
            people.update(change.get("added", ()), change.get("removed", ()))
    return sorted(people)


async def _warm(context: Context, keys: Sequence[tuple[int, int]]) -> None:
    """Read what the events of one entry will show in one batch, not one by one."""
    await asyncio.gather(*(context.load(is_coordinator_of, key) for key in keys))
    await asyncio.gather(*(context.load(members_by_id, id) for id in {key[1] for key in keys}))


async def _start(context: Context, after: str | None) -> Position:
    """Where to begin: after the cursor given, else after the last event a browser saw, else now."""
    cursor = after or context.resume_after
    if cursor is None:
        return context.seal.read_position(await positions.here(context))
    position = context.seal.read_position(cursor)
    if position.workspace_id != context.signed_in.workspace_id:
        raise Refused(Code.BAD_USER_INPUT, "This cursor belongs to another workspace.")
    return position


async def _hears_course(context: Context, course_id: int) -> bool:
    rights = context.rights
    async with context.read() as db:
        await rights.prepare(db, courses=[course_id])
    decision = rights.decide(
        Permission.SUBSCRIBE_COURSE_UPDATES, Scope.COURSE, course_id, field_is_readable=True
    )
    return decision.allowed


async def _refusal(context: Context, caller: Caller, course_id: int) -> Exception:
    """Hidden courses do not exist; of the others one is told what is lacking."""
    rights = context.rights
    if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course_id).allowed:
        return not_found("course")
    held = rights.held(Scope.COURSE, course_id)
    return Denied(Permission.SUBSCRIBE_COURSE_UPDATES, Scope.COURSE, held)


async def _segments_since(context: Context, course_id: int, seq: int) -> frozenset[int]:
    """The segments attached now, or at any time after `seq`."""
    about = {
        "course_id": course_id,
        "workspace_id": context.signed_in.workspace_id,
        "seq": seq,
    }
    async with context.read() as db:
        return frozenset(await db.scalars(SEGMENTS_SINCE, about))


async def _mine(context: Context) -> frozenset[int]:
    statement = select(visible.courses_managed(context.signed_in).subquery().c.id)
    async with context.read() as db:
        return frozenset(await db.scalars(statement))
