"""Health: what the process depends on decides whether it gets work, never whether it lives."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app import health
from app.embedded import EmbeddedPostgres, EmbeddedRedis
from app.health import LoopLag
from tests.app.authentication import elsewhere as issuers
from tests.app.serving import Web, running, settings_for
from tests.servers import migrate

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look anew at every question."""
    monkeypatch.setattr(health, "GOOD_FOR", 0.0)


@pytest.fixture
async def web(
    tmp_path: Path, database_url: str, redis_url: str, impatience: None
) -> AsyncIterator[Web]:
    async with running(settings_for(tmp_path, database_url, redis_url)) as started:
        yield started


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    server.start()
    migrate(server.url())
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def hold_up_the_loop(seconds: float) -> None:
    time.sleep(seconds)


async def asked(web: Web, path: str) -> tuple[int, Any]:
    answer = await web.client.get(path)
    return answer.status_code, answer.json()


async def test_a_healthy_process_is_alive_started_and_ready(web: Web) -> None:
    assert await asked(web, "/livez") == (200, {"status": "alive"})
    assert await asked(web, "/startupz") == (200, {"status": "started"})
    assert await asked(web, "/readyz") == (
        200,
        {
            "status": "ready",
            "checks": {
                "postgresql": "ok",
                "migration": "ok",
                "eventLoop": "ok",
                "redis": "ok",
            },
        },
    )


async def test_without_postgresql_it_lives_is_not_ready_and_recovers_by_itself(
    tmp_path: Path, own_postgres: EmbeddedPostgres, redis_url: str, impatience: None
) -> None:
    async with running(settings_for(tmp_path, own_postgres.url(), redis_url)) as web:
        assert (await asked(web, "/readyz"))[0] == 200

        own_postgres.stop()

        assert await asked(web, "/livez") == (200, {"status": "alive"})
        assert (await asked(web, "/startupz"))[0] == 200
        started = time.monotonic()
        status, found = await asked(web, "/readyz")
        assert time.monotonic() - started < 2
        assert (status, found["status"]) == (503, "unavailable")
        assert found["checks"] == {
            "postgresql": "unreachable",
            "migration": "unknown",
            "eventLoop": "ok",
            "redis": "ok",
        }

        own_postgres.start()

        assert (await asked(web, "/readyz"))[0] == 200


async def test_without_redis_it_is_degraded_and_gets_work(
    tmp_path: Path, database_url: str, own_redis: EmbeddedRedis, impatience: None
) -> None:
    async with running(settings_for(tmp_path, database_url, own_redis.url())) as web:
        assert (await asked(web, "/readyz"))[1]["status"] == "ready"

        own_redis.stop()

        status, found = await asked(web, "/readyz")
        assert (status, found["status"]) == (200, "degraded")
        assert found["checks"]["redis"] == "unreachable"

        own_redis.start()

        assert (await asked(web, "/readyz"))[1]["status"] == "ready"


async def test_a_database_migrated_under_a_running_process_takes_it_out_of_service(
    web: Web, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as db, db.begin():
        await db.execute(text("UPDATE alembic_version SET version_num = 'next'"))
    status, found = await asked(web, "/readyz")
    assert (status, found["checks"]["migration"]) == (503, "other")

    async with sessions() as db, db.begin():
        await db.execute(text("DROP TABLE alembic_version"))
    status, found = await asked(web, "/readyz")
    assert (status, found["checks"]["migration"]) == (503, "other")


async def test_a_late_event_loop_gets_no_new_work_until_it_has_caught_up(web: Web) -> None:
    await asyncio.sleep(0.15)
    hold_up_the_loop(health.LONGEST_LAG + 0.2)

    status, found = await asked(web, "/readyz")
    assert (status, found["checks"]["eventLoop"]) == (503, "late")
    assert (await asked(web, "/livez"))[0] == 200


async def test_the_lag_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LAG_EVERY", 0.005)
    lag = LoopLag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(0.02)

    hold_up_the_loop(0.3)
    await asyncio.sleep(0)
    worst = lag.seconds
    await asyncio.sleep(0.3)

    watching.cancel()
    assert worst > 0.25
    assert lag.seconds < 0.2


async def test_however_often_it_is_asked_readiness_is_looked_at_once(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "GOOD_FOR", 60.0)
    looks = 0
    look = health.Health._look

    async def counted(self: health.Health) -> health.Condition:
        nonlocal looks
        looks += 1
        return await look(self)

    monkeypatch.setattr(health.Health, "_look", counted)
    async with running(settings_for(tmp_path, database_url, redis_url)) as web:
        answers = await asyncio.gather(*(asked(web, "/readyz") for _ in range(50)))

    assert {status for status, _ in answers} == {200}
    assert looks == 1


async def test_before_it_has_started_and_after_it_ended_it_says_so(web: Web) -> None:
    web.here.health.has_started = False

    assert await asked(web, "/startupz") == (503, {"status": "starting"})


async def test_issuers_are_asked_at_the_start_and_starting_does_not_wait_for_them(
    tmp_path: Path, database_url: str, redis_url: str, impatience: None
) -> None:
    async with issuers.serving() as server:
        server.publish(ECKey.generate_key("P-256", {"kid": "k"}))
        written = [
            {"issuer": each, "audience": "urn:lms", "workspaces": "acme", "match": "userName"}
            for each in (server.address, NOBODY)
        ]
        for trusted, word, status in (
            (written[:1], "ok", "ready"),
            (written, "unreachable", "degraded"),
        ):
            settings = settings_for(tmp_path, database_url, redis_url, issuers=json.dumps(trusted))
            async with running(settings) as web:
                code, said = await asked(web, "/readyz")
                for _ in range(500):
                    if said["checks"]["issuers"] == word:
                        break
                    await asyncio.sleep(0.01)
                    code, said = await asked(web, "/readyz")
                assert (code, said["status"], said["checks"]["issuers"]) == (200, status, word)
