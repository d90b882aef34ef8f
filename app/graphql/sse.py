"""graphql-sse, distinct connections mode: one stream of events answers one request.

Lines end with LF. `event: next` carries an answer, `event: complete` ends the stream for good; a
stream that ends without it was cut off, and the client may come back with Last-Event-ID, which is
the last `id:` it saw: the cursor of the event.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing

import orjson
from starlette.types import Receive, Send

from app.graphql.answers import Answer, answer_of_refusal
from app.graphql.errors import Code, RequestRefused, refused

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
COMPLETE = b"event: complete\ndata:\n\n"
SIGN_OF_LIFE = b":\n\n"


def event_of(answer: Answer) -> bytes:
    """One answer as an event; JSON has no line breaks, so one data line is enough."""
    place = f"id: {answer.cursor}\n".encode() if answer.cursor is not None else b""
    return b"event: next\n" + place + b"data: " + answer.payload + b"\n\n"


class EventStream:
    """Sends the answers of one operation until they end, or the client, the token or we do.

    `patience` bounds how long a client may leave us unable to write: a slow one is cut off, keeps
    its cursor and comes back. `ends_in` are the seconds until the token expires; when `lapsing`
    ends, it has ended before.
    """

    def __init__(
        self,
        answers: AsyncGenerator[Answer, None],
        *,
        keep_alive: float,
        patience: float,
        ends_in: float | None,
        stopping: asyncio.Event,
        lapsing: Awaitable[None] | None = None,
    ) -> None:
        self._answers = answers
        self._keep_alive = keep_alive
        self._patience = patience
        self._ends_in = ends_in
        self._stopping = stopping
        self._lapsing = lapsing
        self.codes: list[str] = []

    async def respond(
        self, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]
    ) -> str:
        """Send everything but the end; says why: answered, left, slow, expired or stopped."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS + headers})
        answering = asyncio.create_task(self._answer(send))
        leaving = asyncio.create_task(_left(receive))
        stopping = asyncio.create_task(self._stopped())
        breathing = asyncio.create_task(self._breathe(send))
        lapsing = asyncio.create_task(self._lapsed())
        try:
            done, _ = await asyncio.wait(
                {answering, leaving, stopping, lapsing},
                timeout=self._ends_in,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            tasks = (answering, leaving, stopping, breathing, lapsing)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if answering in done:
            ending = answering.result()
        elif not done or done == {lapsing}:
            ending = "expired"
        else:
            ending = "left" if leaving in done else "stopped"
        if ending == "expired":
            await self._say_expired(send)
        return ending

    async def finish(self, ending: str, send: Send) -> None:
        """End the response, unless nobody reads it any more."""
        if ending in {"answered", "expired", "stopped"}:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, send: Send) -> str:
        async with aclosing(self._answers) as answers:
            try:
                async for answer in answers:
                    self.codes += answer.codes
                    await self._write(send, event_of(answer))
            except RequestRefused as refusal:
                answer = answer_of_refusal(refusal)
                self.codes += answer.codes
                await self._write(send, event_of(answer))
            except TimeoutError:
                return "slow"
            try:
                await self._write(send, COMPLETE)
            except TimeoutError:
                return "slow"
        return "answered"

    async def _write(self, send: Send, body: bytes) -> None:
        async with asyncio.timeout(self._patience):
            await send({"type": "http.response.body", "body": body, "more_body": True})

    async def _breathe(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._keep_alive)
            await send({"type": "http.response.body", "body": SIGN_OF_LIFE, "more_body": True})

    async def _lapsed(self) -> None:
        await (self._lapsing or asyncio.Event().wait())

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _say_expired(self, send: Send) -> None:
        refusal = refused(Code.UNAUTHENTICATED, "The token has expired, or is not valid any more.")
        self.codes.append(Code.UNAUTHENTICATED.value)
        body = event_of(Answer(orjson.dumps({"errors": refusal.errors}))) + COMPLETE
        try:
            await self._write(send, body)
        except TimeoutError:
            return


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
