"""What every HTTP exchange is wrapped in: a request id, safe headers, one log line, and, should
something break, an apology instead of internals."""

import time
from collections.abc import Collection
from typing import Final

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.graphql.errors import APOLOGY
from app.graphql.reception import client_of, request_id_of

ON_EVERYTHING: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
ON_DATA: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""For what is not a page: pages bring the policy they need."""

ONE_YEAR: Final = "max-age=31536000"

log = structlog.get_logger("app.web")


class Envelope:
    """ASGI middleware. `logged_elsewhere` are paths whose handlers write their own line; what
    follows one of `secret_after` in a path is a secret by itself, and the log never knows it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_https: bool = False,
        logged_elsewhere: Collection[str] = (),
        secret_after: Collection[str] = (),
    ) -> None:
        self._app = app
        self._headers = dict(ON_EVERYTHING)
        if is_https:
            self._headers["strict-transport-security"] = ONE_YEAR
        self._logged_elsewhere = frozenset(logged_elsewhere)
        self._secret_after = tuple(secret_after)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        scope = {**scope, "headers": _with_request_id(scope["headers"], request_id)}
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "http":
                await self._exchange(scope, receive, send, request_id)
            else:
                await self._app(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        status: int | None = None

        async def send_enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._complete(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        except Exception as problem:
            log.error("web.incident", raised=type(problem).__qualname__, exc_info=problem)
            if status is None:
                await _apologize(send_enveloped, request_id)
        if scope["path"] not in self._logged_elsewhere:
            _note(scope, self._without_secret(scope["path"]), status, started)

    def _without_secret(self, path: str) -> str:
        """The path as the log may know it: whoever reads a link could open it."""
        for prefix in self._secret_after:
            if path.startswith(prefix):
                return f"{prefix}…"
        return path

    def _complete(self, headers: MutableHeaders, request_id: str) -> None:
        headers.setdefault("x-request-id", request_id)
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if not headers.get("content-type", "").startswith("text/html"):
            for name, value in ON_DATA.items():
                headers.setdefault(name, value)


def _with_request_id(
    headers: list[tuple[bytes, bytes]], request_id: str
) -> list[tuple[bytes, bytes]]:
    others = [pair for pair in headers if pair[0] != b"x-request-id"]
    return [*others, (b"x-request-id", request_id.encode())]


async def _apologize(send: Send, request_id: str) -> None:
    body = orjson.dumps({"error": APOLOGY, "requestId": request_id})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(scope: Scope, path: str, status: int | None, started: float) -> None:
    """The one line. No query string and no header: secrets travel there."""
    log.info(
        "web.request",
        method=scope["method"],
        path=_printable(path),
        status=status,
        client=client_of(scope),
        agent=_printable(Headers(scope=scope).get("user-agent", "")),
        ms=round((time.perf_counter() - started) * 1000, 2),
    )


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:200])
