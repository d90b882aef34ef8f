"""How a course is doing, told as it changes (U1): at most once a second, and at last as it is."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from access.permissions import Decision, Permission, Scope
from operations.insights.courses import CourseInsights
from operations.refusals import Denied, not_found
from resolvers.announcements import Event, Stream, start_at
from resolvers.concerned import Burst, EventKind, Told, rights_on
from resolvers.context import Context
from resolvers.foresight import Foresight
from resolvers.ids import number_of
from resolvers.insights.courses import insights_of
from resolvers.references import Reference
from resolvers.seal import Cursor, Position
from sync_engine.entries import DEPARTMENTS, Entry, Interest, Key
from sync_engine.tail import Following

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

PAUSE: Final = 1.0
"""At least so many seconds lie between two events, whatever happens."""

ASKED: Final = (Permission.VIEW_COURSE_INSIGHTS, Permission.SUBSCRIBE_COURSE_UPDATES)
FIGURED: Final = (
    *("attempt.", "certificate.", "course.edited", "due_date.", "group.", "instructor."),
    *("learner.", "live_session.", "registration.", "submission."),
)
"""What may change figures of its course."""


@dataclass(frozen=True, slots=True)
class InsightEvent(Event):
    """One message about how a course is doing."""


class OfInsights:
    """The figures of a course, for one listener."""

    def __init__(self, course_id: int, listener_id: int | None) -> None:
        self.course_id = course_id
        self.name = f"insights:{course_id}"
        self._listener = frozenset(() if listener_id is None else (listener_id,))

    @property
    def watched(self) -> frozenset[Key]:
        return rights_on(self.course_id, self._listener)

    @property
    def interest(self) -> Interest:
        """Whose department changes may learn here."""
        return Interest(
            courses=frozenset({self.course_id}), members=self._listener, departments=True
        )

    async def take(self, entry: Entry) -> Sequence[Told]:
        return [self._told] if self.is_figured(entry) else ()

    def burst(self, entry: Entry) -> Burst | None:
        return Burst(self._told, self.is_figured, least=1) if self.is_figured(entry) else None

    def is_figured(self, entry: Entry) -> bool:
        """Whether the figures may be others after it."""
        if DEPARTMENTS in entry.keys:
            return True
        return entry.course_id == self.course_id and entry.verb.startswith(FIGURED)

    @property
    def _told(self) -> Told:
        return Told(EventKind.COUNTS_CHANGED, self.course_id)


class PacedStream(Stream):
    """A stream that lets what happens within `PAUSE` of its last event gather to one."""

    def __init__(self, context: Context, of: OfInsights, *others: Any) -> None:
        super().__init__(context, of, *others)
        self._of = of
        self._quiet_until = 0.0

    async def _next(self, following: Following) -> Entry | None:
        entry = await super()._next(following)
        if entry is None or not self._of.is_figured(entry):
            return entry
        await self._gather(following)
        while (more := await following.next(0)) is not None:
            if not self._of.is_figured(more):
                self._waiting.append(more)
                break
            entry = more
        return entry

    async def _gather(self, following: Following) -> None:
        """Wait, unless the right ends meanwhile: that is told at once."""
        clock = asyncio.get_running_loop().time
        while (left := self._quiet_until - clock()) > 0:
            if self._asked_at < following.noticed and not await self._may_go_on(following):
                self._asked_at = -1  # It is asked once more, where it is told.
                return
            await self._context.look_again()  # No connection is kept meanwhile.
            await following.pause(left)

    def _event(self, entry: Entry, told: Told, place: Position) -> Event:
        self._quiet_until = asyncio.get_running_loop().time() + PAUSE
        return super()._event(entry, told, place)


async def course_insights_changed(
    info: Info, *, course_id: strawberry.ID, after: Cursor | None = None
) -> AsyncGenerator[Event, None]:
    """How a course is doing, as it changes."""
    context = info.context
    number = number_of(course_id, "Course")

    async def may_listen() -> bool:
        return await _lacking(context, number) is None

    if (lacking := await _lacking(context, number)) is not None:
        raise _refusal(context, number, lacking)
    start = await start_at(context, after)
    of = OfInsights(number, context.signed_in.member_id)
    return PacedStream(context, of, may_listen, Foresight.of(info), InsightEvent).events(start)


async def event_insights(root: Parent, info: Info) -> CourseInsights | None:
    """How the course is doing now; nothing where the event says nothing of it."""
    if root.course_id is None:
        return None
    return await insights_of(info, root.course_id)


async def _lacking(context: Context, course_id: int) -> Permission | None:
    """What is needed to listen and not held."""
    await context.prepare([Reference(Scope.COURSE, course_id)])
    refused = (each for each in ASKED if not _decide(context, each, course_id).allowed)
    return next(refused, None)


def _decide(context: Context, asked: Permission, course_id: int) -> Decision:
    """Every field of an event has a guard of its own."""
    is_told = {"field_is_readable": True}
    return context.rights.decide(asked, Scope.COURSE, course_id, **is_told)


def _refusal(context: Context, course_id: int, lacking: Permission) -> Exception:
    """Hidden courses do not exist; of the others one is told what is lacking."""
    if not _decide(context, Permission.VIEW_COURSE_INFO, course_id).allowed:
        return not_found("course")
    held = context.rights.held(Scope.COURSE, course_id)
    return Denied(lacking, Scope.COURSE, held, _decide(context, lacking, course_id).reason)
