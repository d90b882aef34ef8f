"""Subscriptions without gaps: journal entries turned into events for those who may see them.

An event says that something about a person or a course may have changed at a place in the
journal; what it carries is read when it is sent, through the same guarded fields as any query.
For every entry that concerns the subscriber there is one event per person (or course), in order,
once. The right to listen is asked at the beginning and again before every event: it is read anew
as soon as this process knows of anything that may have changed it, however far behind the
listener is. When it ends, the last event says so and nothing follows it (U2, U3).
"""

import datetime as dt
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from strawberry.extensions import SchemaExtension

from access.caller import Caller
from access.permissions import Decision, Permission, Scope
from models.catalog import Course
from models.segments import Segment
from operations.refusals import Code, Denied, Refused, not_found
from resolvers import positions
from resolvers.concerned import Concerned, EventKind, OfCourse, OfPerson, Told
from resolvers.context import Context
from resolvers.coordinators import Coordinator, is_coordinator_of
from resolvers.foresight import Foresight
from resolvers.ids import encode, number_of
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import courses_by_id, segments_by_id
from resolvers.seal import Cursor, Position
from sync_engine.entries import Entry, HistoryGone
from sync_engine.tail import Following, Stopped

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

HEARTBEAT_SECONDS: Final = 20.0

NO_LONGER: Final = "You may no longer listen to this."

_HEARS: Final = Permission.SUBSCRIBE_COURSE_UPDATES
_LISTS: Final = Permission.LIST_COURSES_I_MANAGE

FACTS: Final[Mapping[Permission, Mapping[str, bool]]] = {
    _HEARS: {"field_is_readable": True},
    _LISTS: {"is_self": True},
}
"""What is true of listening: every field of an event has a guard of its own, and the courses are
one's own."""

MayListen = Callable[[], Awaitable[bool]]
"""Whether the right to a stream is held, as the context sees it now."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream. The ids say what to look at."""

    kind: EventKind
    cursor: str
    at: dt.datetime
    reason: str | None = None
    verb: str | None = None
    course_id: int | None = None
    member_id: int | None = None
    segment_id: int | None = None
    live_session_id: int | None = None
    hold_id: int | None = None


def _about(row: Event, caller: Caller) -> Reference:
    """What is said to one listener alone, of no course, is about that listener."""
    if row.course_id is None:
        return Reference(Scope.WORKSPACE, caller.workspace_id, IS_SELF)
    is_self = row.member_id is not None and row.member_id == caller.member_id
    return Reference(Scope.COURSE, row.course_id, IS_SELF if is_self else NOTHING)


refer(Event, _about)


class GivesBack(SchemaExtension):
    """Gives the connection back as soon as an event is answered: however long its client takes
    to read it, nobody else waits for the database."""

    async def on_stream_result(self, result: Any) -> AsyncIterator[None]:
        context: Context = self.execution_context.context
        await context.rest()
        yield


async def coordinators_changed(
    info: Info, *, course_id: strawberry.ID, after: Cursor | None = None
) -> AsyncGenerator[Event, None]:
    """Who coordinates one course, as it changes."""
    context = info.context
    number = number_of(course_id, "Course")

    async def may_listen() -> bool:
        return await _hears_course(context, number)

    if not await may_listen():
        raise _refusal(context, number)
    start = await start_at(context, after)
    concerned = await OfCourse.at(context, number, start.seq)
    return Stream(context, concerned, may_listen, Foresight.of(info)).events(start)


async def courses_i_manage_changed(
    info: Info, *, after: Cursor | None = None
) -> AsyncGenerator[Event, None]:
    """Which courses one coordinates, and those courses themselves, as they change."""
    context = info.context
    member_id = context.signed_in.member_id
    if member_id is None:
        raise Refused(Code.BAD_USER_INPUT, "Only people coordinate courses.")

    async def may_listen() -> bool:
        return await _lists_courses(context)

    if not await may_listen():
        raise _denied(context, _LISTS, Scope.WORKSPACE, context.signed_in.workspace_id)
    start = await start_at(context, after)
    concerned = await OfPerson.at(context, member_id, start.seq)
    return Stream(context, concerned, may_listen, Foresight.of(info)).events(start)


class Stream:
    """One subscriber's way through the journal."""

    def __init__(
        self,
        context: Context,
        concerned: Concerned,
        may_listen: MayListen,
        foresight: Foresight,
        kind: type[Event] = Event,
    ) -> None:
        self._context = context
        self._concerned = concerned
        self._may_listen = may_listen
        self._foresight = foresight
        self._kind = kind
        self._asked_at = -1
        self._waiting: deque[Entry] = deque()

    async def events(self, start: Position) -> AsyncGenerator[Event, None]:
        """READY, then events and heartbeats, to the end of the right or of the history."""
        bus, interest = self._context.bus, self._concerned.interest
        try:
            async with bus.follow(
                start.workspace_id, after=start.seq, epoch=start.epoch, interest=interest
            ) as following:
                following.watch(self._concerned.watched)
                yield self._said(EventKind.READY, start)
                async with aclosing(self._follow(following, start)) as told:
                    async for event in told:
                        yield event
        except HistoryGone as gone:
            yield self._said(EventKind.RESYNC_REQUIRED, start, reason=str(gone))
        except Stopped as stopped:
            raise Refused(Code.UNAVAILABLE, f"{stopped} Resume after the last cursor.") from None

    async def _follow(self, following: Following, place: Position) -> AsyncGenerator[Event, None]:
        """`place` is what has been told completely."""
        while True:
            await self._context.look_again()
            entry = await self._next(following)
            if entry is None:
                if not await self._may_go_on(following):
                    yield self._said(EventKind.ROLE_ENDED, place, reason=NO_LONGER)
                    return
                place = Position(place.epoch, place.workspace_id, following.position)
                yield self._said(EventKind.HEARTBEAT, place)
                continue
            entry, told = await self._taken(entry, following)
            if self._concerned.interest != following.interest:
                following.refocus(self._concerned.interest)
            if told or self._is_about_listener(entry):
                async with aclosing(self._tell(entry, told, following, place)) as events:
                    async for event in events:
                        yield event
                        if event.kind is EventKind.ROLE_ENDED:
                            return
            place = Position(place.epoch, place.workspace_id, entry.seq)

    async def _next(self, following: Following) -> Entry | None:
        """Those that were looked at already come first."""
        if self._waiting:
            return self._waiting.popleft()
        return await following.next(HEARTBEAT_SECONDS)

    async def _taken(self, entry: Entry, following: Following) -> tuple[Entry, Sequence[Told]]:
        """The last entry that is told of now, and its events: of one, or of a burst together."""
        burst = None if self._waiting else self._concerned.burst(entry)
        if burst is not None:
            more = following.ready(burst.alike)
            if 1 + len(more) >= burst.least:
                return (more or [entry])[-1], [burst.told]
            self._waiting.extend(more)
        return entry, await self._concerned.take(entry)

    async def _tell(
        self, entry: Entry, told: Sequence[Told], following: Following, place: Position
    ) -> AsyncGenerator[Event, None]:
        """The events of one entry, after each of which the right may have ended."""
        is_read = False
        first = self._told_already(entry, place)
        for number in range(first, max(len(told), first + 1)):
            if self._asked_at < following.noticed:
                is_read = False
                if not await self._may_go_on(following):
                    yield self._said(EventKind.ROLE_ENDED, place, reason=NO_LONGER)
                    return
            if not is_read:
                is_read = True
                await self._foresight.read(self._context, following, entry.seq, told)
            if number < len(told):
                place = self._after(entry, number + 1, len(told), place)
                yield self._event(entry, told[number], place)

    async def _may_go_on(self, following: Following) -> bool:
        """Ask for the right as the database has it now."""
        self._asked_at = following.noticed
        await self._context.renew()
        return await self._context.is_live() and await self._may_listen()

    def _is_about_listener(self, entry: Entry) -> bool:
        """Whether it may have changed what the listener may do."""
        return ("member", self._context.signed_in.member_id) in entry.keys

    def _told_already(self, entry: Entry, place: Position) -> int:
        """How many events of this entry were told before the stream was cut."""
        if place.within is None or entry.seq != place.seq + 1:
            return 0
        name, number = place.within
        return number if name == self._concerned.name else 0

    def _after(self, entry: Entry, number: int, count: int, place: Position) -> Position:
        """The place after so many events of an entry that has `count`."""
        if number == count:
            return Position(place.epoch, place.workspace_id, entry.seq)
        within = (self._concerned.name, number)
        return Position(place.epoch, place.workspace_id, entry.seq - 1, within)

    def _said(self, kind: EventKind, place: Position, *, reason: str | None = None) -> Event:
        cursor = self._context.seal.position(place)
        return self._kind(kind, cursor, dt.datetime.now(dt.UTC), reason)

    def _event(self, entry: Entry, told: Told, place: Position) -> Event:
        return self._kind(
            told.kind,
            self._context.seal.position(place),
            entry.at,
            verb=entry.verb,
            course_id=told.course_id,
            member_id=told.member_id,
            segment_id=told.segment_id,
            live_session_id=told.live_session_id,
            hold_id=told.hold_id,
        )


def event_course_id(root: Parent) -> strawberry.ID | None:
    return None if root.course_id is None else strawberry.ID(encode("Course", root.course_id))


def event_member_id(root: Parent) -> strawberry.ID | None:
    return None if root.member_id is None else strawberry.ID(encode("Member", root.member_id))


async def event_course(root: Parent, info: Info) -> Course | None:
    """The course, as far as the subscriber may still see it."""
    if root.course_id is None:
        return None
    rights = info.context.rights
    if not rights.is_prepared(Scope.COURSE, root.course_id):
        await info.context.prepare([Reference(Scope.COURSE, root.course_id)])
    if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, root.course_id).allowed:
        return None
    return await info.context.load(courses_by_id, root.course_id)


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


async def start_at(context: Context, after: Cursor | None) -> Position:
    """Where to begin: after the last event a browser saw, else after the cursor given, else now.

    A browser that comes back repeats its request as it was and adds the cursor it has reached.
    """
    cursor = after if context.resume_after is None else context.resume_after
    if cursor is None:
        cursor = await positions.here(context)
    position = context.seal.read_position(cursor)
    if position.workspace_id != context.signed_in.workspace_id:
        raise Refused(Code.BAD_USER_INPUT, "This cursor belongs to another workspace.")
    return position


async def _hears_course(context: Context, course_id: int) -> bool:
    await context.prepare([Reference(Scope.COURSE, course_id)])
    return _decided(context, _HEARS, Scope.COURSE, course_id).allowed


async def _lists_courses(context: Context) -> bool:
    workspace_id = context.signed_in.workspace_id
    await context.prepare([Reference(Scope.WORKSPACE, workspace_id)])
    return _decided(context, _LISTS, Scope.WORKSPACE, workspace_id).allowed


def _decided(context: Context, permission: Permission, scope: Scope, id: int) -> Decision:
    return context.rights.decide(permission, scope, id, **FACTS[permission])


def _refusal(context: Context, course_id: int) -> Exception:
    """Hidden courses do not exist; of the others one is told what is lacking."""
    if not context.rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course_id).allowed:
        return not_found("course")
    return _denied(context, _HEARS, Scope.COURSE, course_id)


def _denied(context: Context, permission: Permission, scope: Scope, id: int) -> Denied:
    decision = _decided(context, permission, scope, id)
    return Denied(permission, scope, context.rights.held(scope, id), decision.reason)
