"""The assembled web application, started in this process, with a small schema of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import strawberry
from starlette.applications import Starlette

from access.permissions import Permission, Scope
from app.asgi import create_app
from app.settings import Settings, read_settings
from operations.refusals import Code, Denied, Refused


@strawberry.type
class Query:
    @strawberry.field
    def name(self, info: strawberry.Info) -> str:
        """Who is asking."""
        return str(info.context.caller.name)

    @strawberry.field
    def denied(self) -> str:
        raise Denied(Permission.ASSIGN_LEARNER, Scope.COURSE)

    @strawberry.field
    def refused(self) -> str:
        raise Refused(Code.LIMIT_REACHED, "Ten is the limit.", {"limit": 10, "actual": 11})

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError("the password is hunter2")

    @strawberry.field
    async def slow(self, info: strawberry.Info) -> str:
        """Wait for the database longer than it allows."""
        from sqlalchemy import text

        async with info.context.read() as db:
            await db.execute(text("SET LOCAL statement_timeout = 50"))
            await db.execute(text("SELECT pg_sleep(1)"))
        return "never"


SCHEMA = strawberry.Schema(Query)


@dataclass
class Web:
    """A running application and a client that talks to it without a network."""

    app: Starlette
    client: httpx.AsyncClient

    @property
    def here(self) -> Any:
        return self.app.state.installation

    async def ask(self, query: str, token: str | None = None) -> httpx.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.client.post("/graphql", json={"query": query}, headers=headers)


def settings_for(data: Path, database_url: str, redis_url: str, **given: object) -> Settings:
    return read_settings(data_dir=data, database_url=database_url, redis_url=redis_url, **given)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Web]:
    app = create_app(settings, schema=SCHEMA)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://coordinator.test"
        ) as client,
    ):
        yield Web(app, client)


class Socket:
    """A graphql-transport-ws client inside this process."""

    def __init__(self, app: Starlette) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "headers": [(b"host", b"coordinator.test")],
            "subprotocols": ["graphql-transport-ws"],
            "client": ("127.0.0.1", 1),
            "scheme": "ws",
        }
        self._sent.put_nowait({"type": "websocket.connect"})
        self._running = asyncio.create_task(
            cast("Any", app)(scope, self._sent.get, self._said.put), name="socket"
        )

    async def send(self, message: dict[str, object]) -> None:
        await self._sent.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def hear(self) -> Any:
        """The next message of the protocol, or the ASGI message of a close."""
        while True:
            said = await asyncio.wait_for(self._said.get(), 5)
            if said["type"] == "websocket.close":
                return said
            if said["type"] == "websocket.send":
                return json.loads(said.get("text") or said["bytes"])

    async def sign_in(self, token: str) -> Any:
        payload = {"authorization": f"Bearer {token}"}
        await self.send({"type": "connection_init", "payload": payload})
        return await self.hear()

    async def ask(self, query: str) -> Any:
        """The answer to one query, after its `complete`."""
        await self.send({"id": "1", "type": "subscribe", "payload": {"query": query}})
        answer = await self.hear()
        if answer["type"] == "next":
            await self.hear()
        return answer["payload"]

    async def leave(self) -> None:
        await self._sent.put({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._running, 5)
