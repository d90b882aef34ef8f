"""The HTTP door: POST and GET, JSON or a stream of events, and the status codes that fit.

Checks run from cheap to dear: method, sizes of the head, Accept, content type, who it is, then the
body, its JSON, its shape, the document, and only then anything is executed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from starlette.types import Receive, Scope, Send

from app.graphql.access_log import note_request
from app.graphql.answers import Answer, answer_of_refusal
from app.graphql.body import ClientGone, read_bounded
from app.graphql.contracts import Authenticated, RequestInfo
from app.graphql.errors import Code, RequestRefused, codes_of, refused
from app.graphql.execution import Operation, Run
from app.graphql.explorer import Explorer
from app.graphql.limits import Limits
from app.graphql.negotiation import Media, accepted, check_content
from app.graphql.reception import Reception, authorization_of, info_of
from app.graphql.requests import GraphQLRequest, read_body, read_query_string
from app.graphql.sse import EventStream
from app.graphql.timing import seconds_until

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}


@dataclass(slots=True)
class Exchange:
    """One request on its way through the door, and what the log will say about it."""

    scope: Scope
    receive: Receive
    send: Send
    about: RequestInfo
    media: list[Media] = field(default_factory=lambda: [Media.JSON])
    operation: Operation | None = None
    is_answering: bool = False
    started: float = field(default_factory=time.perf_counter)

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def is_get(self) -> bool:
        return self.method == "GET"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self.scope["headers"])

    def header(self, name: str) -> str | None:
        return self.about.headers.get(name)

    async def reply(
        self, status: int, media: Media, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        charset = "; charset=utf-8"
        head = {
            "content-type": media.value + charset,
            "content-length": str(len(body)),
            "x-request-id": self.about.request_id,
            "cache-control": "no-store",
            "vary": "accept, authorization",
            **(headers or {}),
        }
        self.is_answering = True
        encoded = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in head.items()
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def note(self, ending: int | str, codes: list[str]) -> None:
        note_request(
            self.about,
            ending=ending,
            operation=self.operation,
            codes=codes,
            started=self.started,
            method=self.method if self.method in METHODS else "other",
        )


class HttpDoor:
    """The ASGI application for `http` scopes. Streams end when `stopping` is set."""

    def __init__(self, reception: Reception, explorer: Explorer, stopping: asyncio.Event) -> None:
        self._reception = reception
        self._limits = reception.limits
        self._settings = reception.settings
        self._explorer = explorer
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        about = info_of(scope, "http")
        exchange = Exchange(scope, receive, send, about)
        try:
            await self._serve(exchange)
        except RequestRefused as refusal:
            await self._answer(exchange, answer_of_refusal(refusal))
        except ClientGone:
            exchange.note("left", [])
        except Exception as error:
            failed = self._reception.failed(error, about)
            if exchange.is_answering:
                exchange.note("failed", codes_of(failed.errors))
                raise
            await self._answer(exchange, answer_of_refusal(failed))

    async def _serve(self, exchange: Exchange) -> None:
        self._check_method(exchange)
        self._check_head(exchange)
        authorization = authorization_of(exchange.headers)
        page = exchange.is_get and self._settings.explorer
        exchange.media = accepted(exchange.header("accept"), page=page)
        if exchange.media[0] is Media.PAGE:
            await self._page(exchange)
            return
        if not exchange.is_get:
            check_content(exchange.header("content-type"), exchange.header("content-encoding"))
        elif not self._settings.get_queries:
            raise _not_allowed("POST")
        try:
            caller = await self._reception.authenticated(authorization, exchange.about)
        except RequestRefused as refusal:
            await self._answer_stranger(exchange, refusal)
            return
        request = await self._request(exchange, self._limits)
        try:
            operation = exchange.operation = await self._reception.operation(request)
            self._check_operation(exchange, operation)
        except RequestRefused as refusal:
            if refusal.status is not None or exchange.media[0] is not Media.EVENTS:
                raise
            await self._stream(exchange, _only(refusal), caller)
            return
        if operation.is_subscription or exchange.media[0] is Media.EVENTS:
            await self._stream(exchange, self._answers(exchange, operation, caller), caller)
            return
        run = Run(caller, exchange.about)
        await self._answer(exchange, await self._reception.execution.answer(operation, run))

    async def _answer_stranger(self, exchange: Exchange, refusal: RequestRefused) -> None:
        """Answer what anybody may ask; all else is refused as it was."""
        strangers = self._reception.strangers
        if refusal.status != 401 or strangers is None or exchange.media[0] is Media.EVENTS:
            raise refusal
        try:
            request = await self._request(exchange, strangers.limits)
        except RequestRefused:
            raise refusal from None
        operation = await self._reception.operation_of_stranger(request, exchange.about)
        if operation is None:
            raise refusal
        exchange.operation = operation
        run = Run(None, exchange.about)
        await self._answer(exchange, await self._reception.execution.answer(operation, run))

    def _check_method(self, exchange: Exchange) -> None:
        allowed = "POST"
        if self._settings.get_queries or self._settings.explorer:
            allowed = "GET, POST"
        if exchange.method not in allowed.split(", "):
            raise _not_allowed(allowed)

    def _check_head(self, exchange: Exchange) -> None:
        limits = self._limits
        if len(exchange.scope["query_string"]) > limits.url_bytes:
            raise refused(
                Code.BAD_REQUEST,
                f"The query string is longer than {limits.url_bytes} bytes; send a POST.",
                status=414,
            )
        size = sum(len(name) + len(value) for name, value in exchange.headers)
        if size > limits.header_bytes or len(exchange.headers) > limits.headers:
            raise refused(
                Code.BAD_REQUEST,
                f"The headers are {len(exchange.headers)} with {size} bytes; at most "
                f"{limits.headers} with {limits.header_bytes} bytes are read.",
                status=431,
            )

    async def _page(self, exchange: Exchange) -> None:
        page = self._explorer.page(exchange.scope["query_string"])
        exchange.note(200, [])
        await exchange.reply(200, Media.PAGE, page.body, page.headers)

    async def _request(self, exchange: Exchange, limits: Limits) -> GraphQLRequest:
        if exchange.is_get:
            return read_query_string(exchange.scope["query_string"], limits)
        declared = exchange.header("content-length")
        return read_body(await read_bounded(exchange.receive, declared, limits), limits)

    def _check_operation(self, exchange: Exchange, operation: Operation) -> None:
        if exchange.is_get and operation.chosen.type.value == "mutation":
            raise _not_allowed("POST", "Mutations are sent by POST.")
        if operation.is_subscription and Media.EVENTS not in exchange.media:
            raise refused(
                Code.BAD_REQUEST,
                "Subscriptions are answered as text/event-stream or over graphql-transport-ws.",
                status=400,
            )

    async def _stream(
        self, exchange: Exchange, answers: AsyncGenerator[Answer, None], caller: Authenticated
    ) -> None:
        exchange.about = replace(exchange.about, door="sse")
        stream = EventStream(
            answers,
            keep_alive=self._settings.keep_alive,
            patience=self._limits.slow_consumer_seconds,
            ends_in=seconds_until(caller.expires_at),
            stopping=self._stopping,
            lapsing=self._reception.lapse(caller),
        )
        exchange.is_answering = True
        request_id = (b"x-request-id", exchange.about.request_id.encode())
        ending = await stream.respond(exchange.receive, exchange.send, [request_id])
        exchange.note(ending, sorted(set(stream.codes)))
        await stream.finish(ending, exchange.send)

    async def _answers(
        self, exchange: Exchange, operation: Operation, caller: Authenticated
    ) -> AsyncGenerator[Answer, None]:
        execution = self._reception.execution
        run = Run(caller, exchange.about, resume_after=exchange.header("last-event-id"))
        if not operation.is_subscription:
            yield await execution.answer(operation, run)
            return
        async with aclosing(execution.stream(operation, run)) as answers:
            async for answer in answers:
                yield answer

    async def _answer(self, exchange: Exchange, answer: Answer) -> None:
        media = Media.RESPONSE if exchange.media[0] is Media.RESPONSE else Media.JSON
        status = answer.status
        if status is None:
            status = 400 if answer.refused and media is Media.RESPONSE else 200
        exchange.note(status, answer.codes)
        await exchange.reply(status, media, answer.payload, dict(answer.headers or {}))


async def _only(refusal: RequestRefused) -> AsyncGenerator[Answer, None]:
    """A stream for a client that reads nothing else: the refusal, then the end."""
    yield answer_of_refusal(refusal)


def _not_allowed(allowed: str, message: str | None = None) -> RequestRefused:
    return refused(
        Code.BAD_REQUEST,
        message or f"Use {allowed.replace(', ', ' or ')}.",
        status=405,
        headers={"allow": allowed},
    )
