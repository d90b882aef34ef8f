"""A workspace with a SCIM connection, and its door: in this process, and on a real port."""

import asyncio
import datetime as dt
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.applications import Starlette

from access.caller import Caller, Origin
from app.scim import Allowance, routes
from models.identity import Connection, ConnectionKind
from tests.world import World

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
OURS = "urn:lms-coordinator:params:scim:schemas:extension:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Door:
    """One connection, as its provider sees us."""

    world: World
    connection: Connection
    http: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query)

    async def user(self, name: str = "ada", /, **said: Any) -> dict[str, Any]:
        body = {"schemas": [USER], "userName": f"{name}@acme.example", **said}
        answer = await self.http.post("/Users", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def group(self, name: str = "Trainers", members: Any = ()) -> dict[str, Any]:
        listed = [{"value": each["id"]} for each in members]
        answer = await self.http.post(
            "/Groups", json={"schemas": [GROUP], "displayName": name, "members": listed}
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def patch(self, path: str, *operations: Any, **headers: str) -> httpx.Response:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.http.patch(path, json=body, headers=headers)

    async def attributes(self, user: dict[str, Any]) -> dict[str, Any]:
        """What rules see of a user: the member's raw attributes."""
        row = await self.one(
            "SELECT m.attributes FROM member m JOIN directory_person p ON p.member_id = m.id "
            "WHERE p.id = CAST(:id AS uuid)",
            id=user["id"],
        )
        found: dict[str, Any] = row[0]
        return found

    async def state(self, user: dict[str, Any]) -> str:
        row = await self.one(
            "SELECT m.state FROM member m JOIN directory_person p ON p.member_id = m.id "
            "WHERE p.id = CAST(:id AS uuid)",
            id=user["id"],
        )
        return str(row[0])

    async def health(self) -> Connection:
        async with self.world.edge.read() as db:
            return await db.get_one(Connection, self.connection.id)

    async def one(self, statement: str, **values: Any) -> Any:
        async with self.world.edge.read() as db:
            return (await db.execute(text(statement), values)).one()

    async def many(self, statement: str, **values: Any) -> list[Any]:
        async with self.world.edge.read() as db:
            return list(await db.execute(text(statement), values))


async def connect(world: World, name: str = "Okta") -> Connection:
    async with world.edge.transaction() as db:
        connection = Connection(
            workspace_id=world.workspace_id, name=name, kind=ConnectionKind.SCIM, dropped={}
        )
        db.add(connection)
    return connection


def application(world: World, *connections: Connection, **options: Any) -> Starlette:
    """The door; the token of a connection is `token-<its id>`."""

    async def authenticate(token: str | None, client: str | None) -> Caller | None:
        for each in connections:
            if token == f"token-{each.id}":
                return Caller(each.workspace_id, each.name, Origin.SCIM, connection_id=each.id)
        return None

    options.setdefault("allowance", Allowance(per_second=1e6, burst=1e6))
    options.setdefault("now", lambda: dt.datetime.now(dt.UTC))
    return Starlette(routes=routes(edge=world.edge, authenticate=authenticate, **options))


def client(app: Starlette, connection: Connection) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://scim.test/scim/v2",
        headers={"Authorization": f"Bearer token-{connection.id}"},
    )


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await World.new(sessions)


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    connection = await connect(world)
    async with client(application(world, connection), connection) as http:
        yield Door(world, connection, http)


class Server(uvicorn.Server):
    """A real server in this loop, which says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@pytest.fixture
async def address(world: World, door: Door) -> AsyncIterator[str]:
    """The door behind a real HTTP server; the URL of its SCIM root."""
    app = application(world, door.connection)
    server = Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/scim/v2"
    server.should_exit = True
    await serving


def errors_of(answer: httpx.Response) -> tuple[int, str | None]:
    """(status, scimType) of a refusal, which is in SCIM's form."""
    body = json.loads(answer.content)
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(answer.status_code)
    assert body["detail"]
    return answer.status_code, body.get("scimType")
