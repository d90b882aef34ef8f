"""Following streams of the product's schema in this process, everything but the wire being real."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from access.caller import Caller
from app.graphql import RequestInfo, RequestRefused
from app.graphql.answers import answer_of_refusal
from app.graphql.documents import Documents
from app.graphql.errors import Masking
from app.graphql.execution import Execution, Operation, Run
from app.presenting import present
from app.prices import LIMITS, weight
from resolvers.context import Context, opened
from resolvers.seal import Position
from schema.schema import schema
from sync_engine.bus import Bus
from tests.resolvers.asking import Ask, Person

COORDINATORS = """
subscription Coordinators($course: ID!, $after: Cursor) {
  coordinatorsChanged(courseId: $course, after: $after) {
    kind cursor at reason isCoordinator memberId member { id displayName } course { id title }
  }
}
"""
MINE = """
subscription Mine($after: Cursor) {
  coursesIManageChanged(after: $after) {
    kind cursor verb reason isCoordinator courseId course { id title state } segment { name }
  }
}
"""

Event = dict[str, Any]


class Ended(Exception):
    """The stream ended, in order."""


class Heard:
    """One open stream, read as a patient client reads it."""

    def __init__(self, answers: AsyncIterator[Any]) -> None:
        self._answers = answers
        self._coming: asyncio.Task[Any] | None = None
        self.last: Event = {}

    async def whole(self, seconds: float = 5.0) -> dict[str, Any]:
        """The next answer. Raises Ended after the last, and TimeoutError."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._answers, None))
        async with asyncio.timeout(seconds):
            answer = await asyncio.shield(self._coming)
        self._coming = None
        if answer is None:
            raise Ended
        said: dict[str, Any] = orjson.loads(answer.payload)
        return said

    async def next(self, seconds: float = 5.0) -> Event:
        """The next event; nothing in it failed."""
        answer = await self.whole(seconds)
        assert "errors" not in answer, answer["errors"]
        [self.last] = answer["data"].values()
        return self.last

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[Event]:
        """Everything up to the end of the stream."""
        events = []
        try:
            while True:
                events.append(await self.next())
        except Ended:
            return events

    async def is_silent(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for a while. The stream stays as it is; what came is `last`."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.gather(self._coming, return_exceptions=True)


async def live() -> bool:
    return True


@dataclass
class Follow:
    """Opens streams as people of a world: `async with follow(MINE, by="Ada") as heard:`."""

    ask: Ask
    bus: Bus
    is_live: Callable[[], Awaitable[bool]] = live
    opened: list[Context] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(
        self,
        document: str,
        *,
        by: str | Caller,
        last_event_id: str | None = None,
        **variables: Any,
    ) -> AsyncIterator[Heard]:
        caller = self.ask.world.caller(by) if isinstance(by, str) else by
        chosen = _documents().choose(_documents().prepare(document), None, variables)
        stream = self._execution().stream(
            Operation(chosen, variables, {}),
            Run(Person(caller), RequestInfo("test", "sse", None), last_event_id),
        )
        async with AsyncExitStack() as stack:
            heard = Heard(await stack.enter_async_context(aclosing(stream)))
            stack.push_async_callback(heard.close)
            yield heard

    async def refused(self, document: str, *, by: str | Caller, **given: Any) -> str:
        """The one code with which a stream was refused as a whole."""
        said = await self.refusal(document, by=by, **given)
        return str(said["extensions"]["code"])

    async def refusal(self, document: str, *, by: str | Caller, **given: Any) -> dict[str, Any]:
        """The one error with which a stream was refused as a whole."""
        try:
            async with self(document, by=by, **given) as heard:
                said = await heard.whole()
        except RequestRefused as refusal:
            said = orjson.loads(answer_of_refusal(refusal).payload)
        errors: list[dict[str, Any]] = said["errors"]
        [error] = errors
        return error

    def place(self, cursor: str) -> Position:
        return self.ask.seal.read_position(cursor)

    def _execution(self) -> Execution:
        @asynccontextmanager
        async def context(
            person: Person, *, resume_after: str | None, **_: object
        ) -> AsyncIterator[Context]:
            made = Context(
                person.caller,
                self.ask.world.edge,
                seal=self.ask.seal,
                bus=self.bus,
                is_live=self.is_live,
                request_id="test",
                resume_after=resume_after,
            )
            self.opened.append(made)
            async with opened(made):
                yield made

        return Execution(
            schema, context=context, masking=Masking(present), deadline=10, hide_suggestions=False
        )


@cache
def _documents() -> Documents:
    return Documents(schema._schema, limits=LIMITS, introspection=True, weight=weight)
