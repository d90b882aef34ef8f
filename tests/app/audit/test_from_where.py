"""Every door says from which address it was asked (A3)."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from access.permissions import Principal
from app.asgi import create_app
from models.identity import ConnectionKind, TokenKind
from operations import connections, tokens
from tests.app.serving import Web, settings_for
from tests.furnishing import furnished
from tests.world import World

ADDRESS = "192.0.2.7"
SAID = text("SELECT origin, client FROM journal_entry WHERE verb = :verb")


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    app = create_app(settings_for(tmp_path, database_url, redis_url))
    transport = httpx.ASGITransport(app, client=(ADDRESS, 4711))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://coordinator.test") as client,
    ):
        yield Web(app, client)


@pytest.fixture
@furnished
async def firm(world: World) -> World:
    await world.member("Mo")
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    return world


async def said(world: World, verb: str) -> list[tuple[str, str | None]]:
    async with world.edge.read() as db:
        return [(row.origin, row.client) for row in await db.execute(SAID, {"verb": verb})]


async def test_what_people_do_through_graphql(web: Web, firm: World) -> None:
    now = dt.datetime.now(dt.UTC)
    token = web.here.local_issuer.mint(
        workspace_id=firm.workspace_id,
        member_id=firm.members["Mo"],
        ttl=dt.timedelta(hours=1),
        at=now,
    )

    answer = await web.ask('mutation { createDepartment(name: "Sales") { cursor } }', token)

    assert answer.json()["data"]["createDepartment"]["cursor"]
    assert await said(firm, "department.created") == [("graphql", ADDRESS)]


async def test_what_providers_do_through_scim(web: Web, firm: World) -> None:
    now = dt.datetime.now(dt.UTC)
    async with firm.edge.transaction() as db:
        made, _ = await connections.create(
            db, by=firm.system, name="Okta", kind=ConnectionKind.SCIM, at=now
        )
        _, token = await tokens.create(
            db,
            by=firm.system,
            kind=TokenKind.SCIM,
            name="Okta",
            connection_id=made.id,
            expires_at=None,
            at=now,
        )

    answer = await web.client.post(
        "/scim/v2/Users",
        json={
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "pia@acme.example",
        },
        headers={"authorization": f"Bearer {token}", "content-type": "application/scim+json"},
    )

    assert answer.status_code == 201
    assert ("scim", ADDRESS) in await said(firm, "member.added")
