"""A real uvicorn in a thread, and the few ways the tests speak to it."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.graphql import GraphQL, Limits, TransportSettings, uvicorn_options
from app.graphql.trusted import DocumentStore
from tests.app.graphql.sample import Desk, Ledger, present, schema

ADA = {"authorization": "Bearer ada"}
CLIENT = httpx.Client(timeout=20, trust_env=False)  # making one takes longer than most answers
RESPONSE = "application/graphql-response+json"


@dataclass(frozen=True)
class Server:
    """A running server, and the ledger of what happened inside."""

    port: int
    desk: Desk
    endpoint: GraphQL
    loop: asyncio.AbstractEventLoop

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def post(
        self,
        body: object,
        *,
        headers: Mapping[str, str] = ADA,
        content_type: str | None = "application/json",
        accept: str = RESPONSE,
    ) -> httpx.Response:
        """POST bytes as they are, anything else as JSON."""
        sent = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {"accept": accept, **headers}
        if content_type is not None:
            named["content-type"] = content_type
        return CLIENT.post(self.url, content=sent, headers=named)

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.post({"query": query, "variables": variables}).json()
        return answer

    def code(self, query: str, **variables: object) -> str:
        """The code of the one error this document gets."""
        errors = self.ask(query, **variables)["errors"]
        assert len(errors) == 1, errors
        code: str = errors[0]["extensions"]["code"]
        return code

    def raw(self, data: bytes, *, seconds: float = 15) -> bytes:
        """Send bytes, read until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            line.sendall(data)
            return _read_all(line)

    def socket(self, **options: Any) -> connect:
        options.setdefault("subprotocols", [Subprotocol("graphql-transport-ws")])
        return connect(f"ws://127.0.0.1:{self.port}/graphql", proxy=None, **options)


def _read_all(line: socket.socket) -> bytes:
    got = b""
    while True:
        try:
            chunk = line.recv(65536)
        except ConnectionResetError:
            return got
        if not chunk:
            return got
        got += chunk


@contextmanager
def serving(
    *,
    limits: Limits | None = None,
    settings: TransportSettings | None = None,
    store: DocumentStore | None = None,
) -> Iterator[Server]:
    """A server on a free port for as long as the block lasts."""
    limits = limits or Limits()
    desk = Desk()
    endpoint = GraphQL(
        schema,
        authenticate=desk.authenticate,
        context=desk.context,
        present=present,
        limits=limits,
        settings=settings,
        store=store,
        lapse=desk.lapse,
    )
    app = Starlette(routes=[*endpoint.routes(), Route("/healthz", _healthy)])
    options: dict[str, Any] = {**uvicorn_options(limits), "timeout_graceful_shutdown": 2}
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", port=0, **options))
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=_run, args=(server, loop), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(port, desk, endpoint, loop)
    finally:
        loop.call_soon_threadsafe(endpoint.stop)
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive(), "the server did not stop"


def _run(server: uvicorn.Server, loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(server.serve())
    finally:
        loop.close()


def _healthy(_request: object) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def say(line: ClientConnection, message: object) -> None:
    """Send text as it is, anything else as JSON."""
    await line.send(message if isinstance(message, str) else json.dumps(message))


async def hear(line: ClientConnection) -> dict[str, Any]:
    """The next message that is not a ping of the server."""
    while True:
        async with asyncio.timeout(10):
            message: dict[str, Any] = orjson.loads(await line.recv())
        if message["type"] != "ping":
            return message


async def greet(line: ClientConnection, token: str = "ada") -> dict[str, Any]:
    """connection_init, and the acknowledgement."""
    payload = {"authorization": f"Bearer {token}"}
    await say(line, {"type": "connection_init", "payload": payload})
    return await hear(line)


async def closing(line: ClientConnection) -> tuple[int | None, str | None]:
    """How the server closes, whatever it says before."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await line.recv()
    return line.close_code, line.close_reason


def subscribe(id: object, query: object, **payload: object) -> dict[str, object]:
    return {"id": id, "type": "subscribe", "payload": {"query": query, **payload}}
