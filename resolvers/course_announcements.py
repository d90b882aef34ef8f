"""What happens to the learners and the live sessions of one course, told as it happens (U1).

Whoever may follow the whole course is told everything; a learner, what is about themself and about
the course. Who loses the right they began with is told ROLE_ENDED, and may begin again with less.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from access.permissions import Decision, Permission, Scope
from models.live_sessions import LiveSession
from operations.learning.listing import Learner
from operations.refusals import Denied, not_found
from resolvers.announcements import Event, Stream, start_at
from resolvers.concerned import Concerned
from resolvers.concerned_learners import Listener, OfLearners, OfLiveSessions
from resolvers.context import Context
from resolvers.foresight import Foresight
from resolvers.ids import encode, number_of
from resolvers.learning.learners import learners_told
from resolvers.live_sessions.reading import visible_by_id
from resolvers.references import Reference
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

HEARS: Final = Permission.SUBSCRIBE_COURSE_UPDATES


@dataclass(frozen=True, slots=True)
class LearnerEvent(Event):
    """One message about the learners of a course."""


@dataclass(frozen=True, slots=True)
class LiveSessionEvent(Event):
    """One message about the live sessions of a course."""


async def learners_changed(
    info: Info, *, course_id: strawberry.ID, after: Cursor | None = None
) -> AsyncGenerator[Event, None]:
    """The people who learn in a course, as they change."""
    number = number_of(course_id, "Course")
    return await _stream(info, number, after, OfLearners, LearnerEvent)


async def live_sessions_changed(
    info: Info, *, course_id: strawberry.ID, after: Cursor | None = None
) -> AsyncGenerator[Event, None]:
    """The live sessions of a course and who comes to them, as they change."""
    number = number_of(course_id, "Course")
    return await _stream(info, number, after, OfLiveSessions, LiveSessionEvent)


async def event_learner(root: Parent, info: Info) -> Learner | None:
    """The person as they stand now, for whoever may list them."""
    if root.course_id is None or root.member_id is None:
        return None
    context = info.context
    is_self = root.member_id == context.signed_in.member_id
    lists = Permission.LIST_LEARNERS
    if not _decide(context, lists, root.course_id, is_self=is_self).allowed:
        return None
    return await context.load(learners_told, (root.course_id, root.member_id))


async def event_live_session(root: Parent, info: Info) -> LiveSession | None:
    if root.live_session_id is None:
        return None
    return await info.context.load(visible_by_id, root.live_session_id)


def event_live_session_id(root: Parent) -> strawberry.ID | None:
    number = root.live_session_id
    return None if number is None else strawberry.ID(encode("LiveSession", number))


async def _stream(
    info: Info,
    course_id: int,
    after: Cursor | None,
    of: Callable[[int, Listener], Concerned],
    kind: type[Event],
) -> AsyncGenerator[Event, None]:
    context = info.context
    is_whole = await _may_hear(context, course_id, is_whole=True)
    if not is_whole and not await _may_hear(context, course_id, is_whole=False):
        raise _refusal(context, course_id)

    async def may_listen() -> bool:
        return await _may_hear(context, course_id, is_whole=is_whole)

    start = await start_at(context, after)
    concerned = of(course_id, Listener(context.signed_in.member_id, is_whole))
    return Stream(context, concerned, may_listen, Foresight.of(info), kind).events(start)


async def _may_hear(context: Context, course_id: int, *, is_whole: bool) -> bool:
    """Every field of an event has a guard of its own."""
    await context.prepare([Reference(Scope.COURSE, course_id)])
    facts = {"field_is_readable": True, "is_self": not is_whole}
    return _decide(context, HEARS, course_id, **facts).allowed


def _decide(context: Context, asked: Permission, course_id: int, **facts: bool) -> Decision:
    return context.rights.decide(asked, Scope.COURSE, course_id, **facts)


def _refusal(context: Context, course_id: int) -> Exception:
    """Hidden courses do not exist; of the others one is told what is lacking."""
    if not _decide(context, Permission.VIEW_COURSE_INFO, course_id).allowed:
        return not_found("course")
    held = context.rights.held(Scope.COURSE, course_id)
    return Denied(HEARS, Scope.COURSE, held, _decide(context, HEARS, course_id).reason)
