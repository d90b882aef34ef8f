"""The doors stand together: one identity, one manner of refusing, nothing of the inside shown."""

import asyncio
import datetime as dt
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import structlog
from joserfc.jwk import KeySet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.asgi import create_app
from app.embedded import CannotStart
from app.installation import at_the_signal_to_end
from models.identity import TokenKind
from models.people import MemberState
from operations import tokens
from tests.app.serving import SCHEMA, Socket, Web, running, settings_for
from tests.furnishing import furnished
from tests.world import World

HOUR = dt.timedelta(hours=1)


@pytest.fixture
async def web(tmp_path: Path, database_url: str, redis_url: str) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


@pytest.fixture
@furnished
async def ada(world: World) -> World:
    await world.member("Ada")
    return world


def minted(web: Web, world: World, name: str = "Ada") -> str:
    token: str = web.here.local_issuer.mint(
        workspace_id=world.workspace_id,
        member_id=world.members[name],
        ttl=HOUR,
        at=dt.datetime.now(dt.UTC),
    )
    return token


async def test_a_minted_token_opens_graphql(web: Web, ada: World) -> None:
    answer = await web.ask("{ name }", minted(web, ada))

    assert answer.json() == {"data": {"name": "Ada"}}


async def test_without_a_good_token_nothing_is_even_read(web: Web) -> None:
    for token in (None, "x", "a.b.c", "lmsc_pat_" + "a" * 12):
        answer = await web.ask("this is no GraphQL", token)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        [error] = answer.json()["errors"]
        assert error == {
            "message": "The token is missing or not valid.",
            "extensions": {"code": "UNAUTHENTICATED"},
        }


async def test_a_deactivated_person_is_told_so(web: Web, ada: World) -> None:
    token = minted(web, ada)
    assert (await web.ask("{ name }", token)).status_code == 200

    await ada.set_state("Ada", MemberState.DEACTIVATED)

    answer = await web.ask("{ name }", token)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


async def own_token(web: Web, world: World) -> str:
    async with world.edge.transaction() as db:
        _, shown = await tokens.create(
            db,
            by=world.system,
            kind=TokenKind.PAT,
            name="dashboard",
            member_id=world.members["Ada"],
            at=dt.datetime.now(dt.UTC),
        )
    return shown


async def test_an_open_socket_is_worth_nothing_once_its_token_is_revoked(
    web: Web, ada: World
) -> None:
    shown = await own_token(web, ada)
    socket = Socket(web.app)
    assert (await socket.sign_in(shown))["type"] == "connection_ack"
    assert await socket.ask("{ name }") == {"data": {"name": "Ada"}}

    async with ada.edge.transaction() as db:
        await tokens.revoke(
            db, by=ada.system, token_id=shown.split("_")[2], at=dt.datetime.now(dt.UTC)
        )

    [error] = await socket.ask("{ name }")
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    await socket.leave()


async def test_an_open_socket_is_worth_nothing_once_its_person_is_deactivated(
    web: Web, ada: World
) -> None:
    socket = Socket(web.app)
    ack = await socket.sign_in(minted(web, ada))
    assert set(ack["payload"]) == {"expiresAt"}
    assert await socket.ask("{ name }") == {"data": {"name": "Ada"}}

    await ada.set_state("Ada", MemberState.DEACTIVATED)

    [error] = await socket.ask("{ name }")
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    await socket.leave()


async def test_a_socket_without_a_good_token_is_closed(web: Web) -> None:
    for token in ("x", "a.b.c"):
        closed = await Socket(web.app).sign_in(token)

        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_streams_end_when_the_process_is_told_to_and_then_the_server_hears_it() -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("server"))
    try:
        with at_the_signal_to_end(lambda: heard.append("streams")):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
        handler_is_back = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert sorted(heard) == ["server", "streams"]
    assert callable(handler_is_back)
    handler_is_back(signal.SIGTERM, None)
    assert heard[-1] == "server"


async def test_a_webhook_nobody_signed_is_not_believed(web: Web) -> None:
    answer = await web.client.post("/webhooks/1", json={"type": "user.changed"})

    assert (answer.status_code, answer.content) == (401, b"")


async def test_the_published_keys_are_those_tokens_are_signed_with(web: Web, ada: World) -> None:
    from joserfc import jwt

    published = (await web.client.get("/.well-known/jwks.json")).json()

    token = jwt.decode(minted(web, ada), KeySet.import_key_set(published), algorithms=["ES256"])
    assert token.claims["iss"] == "urn:lms-coordinator:local"
    assert all("d" not in key for key in published["keys"])


async def test_without_a_local_issuer_no_keys_are_published_and_its_tokens_end(
    web: Web, ada: World, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    token = minted(web, ada)
    settings = settings_for(tmp_path, database_url, redis_url, local_issuer=False)

    async with running(settings) as without:
        assert (await without.client.get("/.well-known/jwks.json")).json() == {"keys": []}
        assert (await without.ask("{ name }", token)).status_code == 401


async def test_refusals_of_the_domain_are_shown_with_their_codes(web: Web, ada: World) -> None:
    token = minted(web, ada)

    denied = (await web.ask("{ denied }", token)).json()["errors"][0]
    refused = (await web.ask("{ refused }", token)).json()["errors"][0]

    assert denied["extensions"] == {
        "code": "PERMISSION_DENIED",
        "requiredAnyOf": [["ASSIGN_LEARNER"]],
        "scope": "COURSE",
        "held": [],
        "reason": "ASSIGN_LEARNER is needed on this course.",
    }
    assert refused["message"] == "Ten is the limit."
    assert refused["extensions"] == {"code": "LIMIT_REACHED", "limit": 10, "actual": 11}


async def test_a_statement_out_of_time_is_a_reason_to_try_again(web: Web, ada: World) -> None:
    answer = await web.ask("{ slow }", minted(web, ada))

    [error] = answer.json()["errors"]
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert "pg_sleep" not in answer.text


async def test_an_incident_shows_nothing_of_the_inside(web: Web, ada: World) -> None:
    answer = await web.ask("{ broken }", minted(web, ada))

    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "hunter2" not in answer.text


async def test_whatever_breaks_elsewhere_is_an_apology_too(web: Web) -> None:
    async def break_down(_: Request) -> Response:
        raise RuntimeError("the password is hunter2")

    web.app.router.routes.append(Route("/broken", break_down))

    with structlog.testing.capture_logs() as logged:
        answer = await web.client.get("/broken", headers={"x-request-id": "r-42"})

    assert answer.status_code == 500
    assert answer.json() == {"error": "Something went wrong on our side.", "requestId": "r-42"}
    incident, line = logged
    assert (incident["event"], incident["raised"]) == ("web.incident", "RuntimeError")
    assert (line["event"], line["status"]) == ("web.request", 500)


async def test_what_is_not_here_is_a_short_refusal(web: Web) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("POST", "/livez", 405),
        ("DELETE", "/", 405),
        ("GET", "/../etc/passwd", 404),
    ):
        answer = await web.client.request(method, path)

        assert answer.status_code == status
        assert set(answer.json()) == {"error"}


async def test_every_answer_carries_a_request_id_and_safe_headers(web: Web) -> None:
    for path in ("/", "/livez", "/readyz", "/nowhere", "/.well-known/jwks.json", "/graphql"):
        answer = await web.client.get(path, headers={"x-request-id": "from-the-client"})

        assert answer.headers["x-request-id"] == "from-the-client"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers


async def test_a_request_id_that_is_not_safe_is_replaced(web: Web) -> None:
    for given in ("", "a b", "x" * 65, "<script>", "å", '"'):
        answer = await web.client.get(
            "/livez", headers=[(b"x-request-id", given.encode("latin-1"))]
        )

        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["x-request-id"] != given


async def test_each_request_is_one_line_without_secrets(web: Web, ada: World) -> None:
    token = minted(web, ada)
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logged:
        await web.client.get(
            "/livez?token=s3cret",
            headers={
                "authorization": f"Bearer {token}",
                "x-request-id": "r1",
                "user-agent": "a\x1b[1mb",
            },
        )
        await web.ask("{ name }", token)

    first, second = logged
    assert (first["event"], first["path"], first["status"]) == ("web.request", "/livez", 200)
    assert (first["request_id"], first["agent"]) == ("r1", "a [1mb")
    assert second["event"] == "graphql.request"
    assert "s3cret" not in str(logged)
    assert token not in str(logged)


async def test_browsers_of_other_origins_are_let_in_only_by_name(
    web: Web, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    asking = {
        "origin": "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    settings = settings_for(
        tmp_path, database_url, redis_url, cors_origins=("https://app.example.com",)
    )

    closed = await web.client.options("/graphql", headers=asking)
    async with running(settings) as open_to_one:
        named = await open_to_one.client.options("/graphql", headers=asking)
        other = await open_to_one.client.options(
            "/graphql", headers={**asking, "origin": "https://evil.example"}
        )

    assert "access-control-allow-origin" not in closed.headers
    assert named.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-credentials" not in named.headers
    assert "access-control-allow-origin" not in other.headers


async def test_the_start_page_says_what_is_here(web: Web) -> None:
    page = await web.client.get("/")

    assert page.headers["content-type"].startswith("text/html")
    for path in ('href="/graphql"', "/scim/v2", "/webhooks/", 'href="/readyz"', "jwks.json"):
        assert path in page.text


async def test_in_production_nothing_for_developers_is_served(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    settings = settings_for(
        tmp_path,
        database_url,
        redis_url,
        environment="production",
        public_url="https://lms.example.com",
        keyring="k1:mZ3v8Qk0b2hJx1c9T7yWq4uRr5sEe6oPp0aAdDfFgGg=",
        smtp_url="smtp://mail.example.com",
        mail_from="no-reply@example.com",
        storage_url="s3://files",
    )

    async with running(settings) as web:
        page = await web.client.get("/")
        explorer = await web.client.get("/graphql", headers={"accept": "text/html"})

        assert web.here.local_issuer is None
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        assert 'href="/graphql"' not in page.text
        assert "<html" not in explorer.text
    assert not (tmp_path / "keyring").exists()
    assert not (tmp_path / "issuer.jwk").exists()


async def test_a_database_of_another_version_is_one_sentence(
    tmp_path: Path,
    database_url: str,
    empty_database_url: str,
    redis_url: str,
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    empty = create_app(settings_for(tmp_path, empty_database_url, redis_url), schema=SCHEMA)
    with pytest.raises(CannotStart, match=r"has no tables yet.*coordinator migrate"):
        await empty.router.lifespan_context(empty).__aenter__()

    async with sessions() as db, db.begin():
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = create_app(settings_for(tmp_path, database_url, redis_url), schema=SCHEMA)
    with pytest.raises(CannotStart, match=r"9999.* a newer version has migrated it"):
        await newer.router.lifespan_context(newer).__aenter__()


async def test_a_client_that_leaves_is_not_an_incident(web: Web) -> None:
    started = asyncio.Event()

    async def wait(_: Request) -> Response:
        started.set()
        await asyncio.sleep(30)
        return Response()

    web.app.router.routes.append(Route("/wait", wait))

    with structlog.testing.capture_logs() as logged:
        asking = asyncio.create_task(web.client.get("/wait"))
        await started.wait()
        asking.cancel()
        with pytest.raises((asyncio.CancelledError, httpx.HTTPError)):
            await asking

    assert [line for line in logged if line["log_level"] == "error"] == []
