"""The operations running on one socket."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import aclosing

from app.graphql.access_log import note_request
from app.graphql.answers import Answer
from app.graphql.contracts import Authenticated, RequestInfo
from app.graphql.errors import Code, RequestRefused, codes_of, refused
from app.graphql.execution import Operation, Run
from app.graphql.frames import (
    CloseCode,
    Closing,
    Frame,
    complete_message,
    error_message,
    next_message,
)
from app.graphql.outbox import Outbox
from app.graphql.reception import Reception
from app.graphql.requests import GraphQLRequest, read_shape

Work = Coroutine[object, object, None]


class Operations:
    """One task per operation; ending it in any way closes its generator and its context."""

    def __init__(
        self, reception: Reception, outbox: Outbox, guarded: Callable[[Work], Work]
    ) -> None:
        self._reception = reception
        self._outbox = outbox
        self._guarded = guarded
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self, frame: Frame, caller: Authenticated, about: RequestInfo) -> None:
        """Begin what a `subscribe` asks for."""
        if frame.id in self._running:
            raise Closing(CloseCode.DUPLICATE, f"Subscriber for {frame.id} already exists")
        limit = self._reception.limits.operations_per_socket
        if len(self._running) >= limit:
            refusal = refused(
                Code.LIMIT_REACHED,
                f"This socket runs {limit} operations already; complete one first.",
                kind="operations_per_socket",
                limit=limit,
                actual=limit + 1,
            )
            await self._outbox.put(error_message(frame.id, refusal.errors))
            return
        operating = self._guarded(self._operate(frame, caller, about))
        self._running[frame.id] = asyncio.create_task(operating)

    def complete(self, id: str) -> None:
        """The client wants no more of it; the same id may be used again at once."""
        task = self._running.pop(id, None)
        if task is not None:
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
            task.cancel()

    async def cancel_all(self) -> None:
        """End everything and wait until it has ended."""
        await cancelled([*self._running.values(), *self._leaving])

    async def _operate(self, frame: Frame, caller: Authenticated, about: RequestInfo) -> None:
        started = time.perf_counter()
        operation: Operation | None = None
        codes: list[str] = []
        ending = "left"
        try:
            operation = await self._reception.operation(self._request(frame))
            async with aclosing(self._answers(operation, caller, about)) as answers:
                async for answer in answers:
                    codes += answer.codes
                    await self._outbox.put(next_message(frame.id, answer))
            await self._outbox.put(complete_message(frame.id))
            ending = "complete"
        except RequestRefused as refusal:
            codes += codes_of(refusal.errors)
            await self._outbox.put(error_message(frame.id, refusal.errors))
            ending = "error"
            if Code.UNAUTHENTICATED.value in codes:
                raise Closing(CloseCode.UNAUTHORIZED, "The token is not valid any more.") from None
        finally:
            if self._running.get(frame.id) is asyncio.current_task():
                del self._running[frame.id]
            note_request(
                about,
                ending=ending,
                operation=operation,
                codes=sorted(set(codes)),
                started=started,
            )

    def _request(self, frame: Frame) -> GraphQLRequest:
        if not isinstance(frame.payload, dict):
            raise refused(Code.BAD_REQUEST, "The payload of subscribe is an object with a query.")
        return read_shape(frame.payload, self._reception.limits)

    async def _answers(
        self, operation: Operation, caller: Authenticated, about: RequestInfo
    ) -> AsyncGenerator[Answer, None]:
        execution = self._reception.execution
        run = Run(caller, about)
        if not operation.is_subscription:
            yield await execution.answer(operation, run)
            return
        async with aclosing(execution.stream(operation, run)) as answers:
            async for answer in answers:
                yield answer


async def cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel and wait; what they raise meanwhile has been dealt with inside them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
