"""A workspace with a webhook connection, and a provider that signs what it sends."""

import base64
import datetime as dt
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette

from app.keyring import Keyring
from app.webhooks import apply_pending, routes
from models.identity import Connection, ConnectionKind
from operations import connections
from tests.world import MONDAY, World

KEYRING = Keyring({"k1": bytes(range(32))})


@dataclass
class Provider:
    """One connection, as the provider behind it sees us."""

    world: World
    connection: Connection
    secret: str
    http: httpx.AsyncClient
    rung: list[str] = field(default_factory=list)
    sent: int = 0

    def signed(
        self, body: bytes, *, id: str | None = None, at: dt.datetime = MONDAY, secret: str = ""
    ) -> dict[str, str]:
        """Headers made by an independent signer, PyPI's standardwebhooks."""
        self.sent += 1
        id = id or f"msg_{self.sent}"
        signature = Webhook(secret or self.secret).sign(id, at, body.decode())
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
            "content-type": "application/json",
        }

    async def post(self, body: bytes, headers: Any) -> httpx.Response:
        return await self.http.post(
            f"/webhooks/{self.connection.id}", content=body, headers=headers
        )

    async def send(self, event: Any, **signed: Any) -> httpx.Response:
        body = json.dumps({"timestamp": MONDAY.isoformat(), **event}).encode()
        return await self.post(body, self.signed(body, **signed))

    async def user(self, external_id: str = "u1", **data: Any) -> httpx.Response:
        said = {"externalId": external_id, **data}
        return await self.send({"type": "user.changed", "data": said})

    async def apply(self, at: dt.datetime = MONDAY) -> int:
        return await apply_pending(self.world.edge, limit=100, at=at)

    async def inbox(self) -> list[tuple[str, str | None]]:
        rows = await self.many("SELECT status, reason FROM inbox_delivery ORDER BY id")
        return [(status, reason) for status, reason in rows]

    async def statuses(self) -> list[str]:
        return [status for status, _ in await self.inbox()]

    async def many(self, statement: str) -> list[Any]:
        async with self.world.edge.read() as db:
            return list(await db.execute(text(statement)))

    async def member(self, external_id: str = "u1") -> tuple[str, dict[str, Any]]:
        """(state, attributes) of the member behind a directory person."""
        async with self.world.edge.read() as db:
            found = await db.execute(
                text(
                    "SELECT m.state, m.attributes FROM member m "
                    "JOIN directory_person p ON p.member_id = m.id WHERE p.external_id = :id"
                ),
                {"id": external_id},
            )
            row = found.one()
        return row[0], row[1]


def application(world: World, rung: list[str]) -> Starlette:
    def wake() -> None:
        rung.append("inbox")

    return Starlette(routes=routes(edge=world.edge, seals=KEYRING, wake=wake, now=lambda: MONDAY))


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await World.new(sessions)


async def connect(world: World, name: str = "HR") -> tuple[Connection, str]:
    async with world.edge.transaction() as db:
        connection, secret = await connections.create(
            db, by=world.system, name=name, kind=ConnectionKind.WEBHOOK, seals=KEYRING, at=MONDAY
        )
    assert secret is not None
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    return connection, secret


@pytest.fixture
async def provider(world: World) -> AsyncIterator[Provider]:
    connection, secret = await connect(world)
    rung: list[str] = []
    transport = httpx.ASGITransport(application(world, rung))
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks.test") as http:
        yield Provider(world, connection, secret, http, rung)
