"""One graphql-transport-ws connection.

One bad operation answers `error` for its id; one bad message closes the socket with a code that
says why. Nothing a client sends ends in a traceback.
"""

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import replace

from starlette.types import Receive, Send

from app.graphql.access_log import note_socket
from app.graphql.contracts import Authenticated, RequestInfo
from app.graphql.errors import RequestRefused
from app.graphql.frames import CloseCode, Closing, Frame, message, read_frame
from app.graphql.outbox import Outbox, SlowConsumer
from app.graphql.reception import Reception
from app.graphql.socket_operations import Operations, cancelled
from app.graphql.timing import Bucket, at_moment

FLUSH_SECONDS = 1.0  # what is queued goes out before a close frame, if it can
CLOSE_SECONDS = 10.0  # how long a client that does not read may keep us from closing

CLOSE_CODES = {
    400: CloseCode.BAD_REQUEST,
    401: CloseCode.UNAUTHORIZED,
    403: CloseCode.FORBIDDEN,
    429: CloseCode.TRY_AGAIN,
    503: CloseCode.TRY_AGAIN,
}


class Socket:
    """One connection from `accept` to its end."""

    def __init__(
        self,
        reception: Reception,
        about: RequestInfo,
        authorization: str | None,
        receive: Receive,
        send: Send,
    ) -> None:
        self._reception = reception
        self._limits = reception.limits
        self._about = about
        self._authorization = authorization
        self._receive = receive
        self._send = send
        self._outbox = Outbox(reception.limits)
        self._bucket = Bucket(self._limits.messages_per_second, self._limits.message_burst)
        self._closed: asyncio.Future[Closing | None] = asyncio.get_running_loop().create_future()
        self._caller: Authenticated | None = None
        self._operations = Operations(reception, self._outbox, self._guarded)
        self._background: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the client leaves or a reason to close appears; then close everything."""
        started = time.perf_counter()
        self._start(self._read())
        delivery = self._start(self._outbox.deliver(self._send_text))
        waiting_for_init = asyncio.get_running_loop().call_later(
            self._limits.init_seconds, self._close_without_init
        )
        closing = None
        try:
            closing = await self._closed
        finally:
            waiting_for_init.cancel()
            await cancelled(self._background - {delivery})
            await self._operations.cancel_all()
            code = closing.code.value if closing else None
            note_socket(self._about, close_code=code, started=started)
            await self._end(closing, delivery)

    async def _end(self, closing: Closing | None, delivery: asyncio.Task[None]) -> None:
        if closing is not None and closing.code is not CloseCode.SLOW_CONSUMER:
            await self._outbox.emptied(FLUSH_SECONDS)
        await cancelled({delivery})
        if closing is not None:
            await self._send_close(closing)

    async def _send_close(self, closing: Closing) -> None:
        body = {"type": "websocket.close", "code": closing.code.value, "reason": closing.reason}
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send(body)
        except (TimeoutError, OSError, RuntimeError):
            return

    async def _send_text(self, text: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError):
            self._close(None)
            await asyncio.Event().wait()

    def _close(self, closing: Closing | None) -> None:
        if not self._closed.done():
            self._closed.set_result(closing)

    def _close_without_init(self) -> None:
        if self._caller is None:
            self._close(Closing(CloseCode.NO_INIT, "connection_init did not come in time."))

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        """Whatever escapes a task closes the socket in order, with an incident in the log."""
        try:
            await work
        except Closing as closing:
            self._close(closing)
        except SlowConsumer:
            reason = "Slow consumer; resume from your cursor."
            self._close(Closing(CloseCode.SLOW_CONSUMER, reason))
        except Exception as error:  # noqa: BLE001 - logged as an incident, told by the close code
            self._reception.failed(error, self._about)
            self._close(Closing(CloseCode.INTERNAL, "Something went wrong on our side."))

    async def _read(self) -> None:
        while True:
            received = await self._receive()
            if received["type"] == "websocket.disconnect":
                self._close(None)
                return
            if not self._bucket.take():
                raise Closing(CloseCode.TOO_MANY, "Too many messages.")
            await self._handle(read_frame(received, self._limits))

    async def _handle(self, frame: Frame) -> None:
        match frame.type:
            case "ping":
                await self._outbox.put(message("pong", frame.payload))
            case "connection_init":
                await self._initialise(frame.payload)
            case "subscribe":
                if self._caller is None:
                    raise Closing(CloseCode.UNAUTHORIZED, "Send connection_init first.")
                await self._operations.start(frame, self._caller, self._about)
            case "complete":
                self._operations.complete(frame.id)

    async def _initialise(self, payload: object) -> None:
        if self._caller is not None:
            raise Closing(CloseCode.TOO_MANY, "Too many initialisation requests.")
        given = payload if isinstance(payload, dict) else {}
        authorization = self._one_token(given)
        public = {name: given[name] for name in given if name.lower() != "authorization"}
        about = self._about = replace(self._about, connection_params=public)
        try:
            caller = await self._reception.authenticated(authorization, about)
        except RequestRefused as refusal:
            code = CLOSE_CODES.get(refusal.status or 0, CloseCode.INTERNAL)
            raise Closing(code, str(refusal)) from None
        self._caller = caller
        ack: dict[str, object] | None = None
        if caller.expires_at is not None:
            ack = {"expiresAt": caller.expires_at.isoformat()}
            self._start(self._expire(caller))
        lapsing = self._reception.lapse(caller)
        if lapsing is not None:
            self._start(self._lapse(lapsing))
        await self._outbox.put(message("connection_ack", ack))
        self._start(self._ping())

    def _one_token(self, given: Mapping[str, object]) -> str | None:
        tokens = [given[name] for name in given if name.lower() == "authorization"]
        if self._authorization is not None:
            tokens.append(self._authorization)
        if any(token != tokens[0] for token in tokens):
            raise Closing(CloseCode.BAD_REQUEST, "Two different tokens were given.")
        if not tokens or tokens[0] is None:
            return None
        if not isinstance(tokens[0], str):
            raise Closing(CloseCode.BAD_REQUEST, "authorization is a string.")
        return tokens[0]

    async def _expire(self, caller: Authenticated) -> None:
        if caller.expires_at is not None:
            await at_moment(caller.expires_at)
            raise Closing(CloseCode.UNAUTHORIZED, "The token has expired.")

    async def _lapse(self, lapsing: Awaitable[None]) -> None:
        await lapsing
        raise Closing(CloseCode.UNAUTHORIZED, "The token is not valid any more.")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._reception.settings.keep_alive)
            await self._outbox.put(message("ping"))
