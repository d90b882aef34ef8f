"""The door for programs that watch the engine: gauges for who knows the token, for nobody else."""

import asyncio
import datetime as dt
import re
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from app import metrics
from operations import health
from operations.metrics import as_metrics
from tests.app.serving import Web, running, settings_for
from tests.world import World

pytestmark = [pytest.mark.timeout(60), pytest.mark.spec("S13")]

TOKEN: Final = "a-token-of-thirty-two-characters"
PARKED: Final = text(
    "INSERT INTO parked_member (member_id, workspace_id, lane, since, failures, error)"
    " VALUES (:id, :w, 0, now(), 5, 'ValueError: Lea has a secret.')"
)
VERIFIED: Final = text(
    "INSERT INTO verification (workspace_id, ended_at, missing)"
    " VALUES (:w, '2026-11-23 02:00:00.25Z', 1234567)"
)
METADATA: Final = re.compile(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)")
SAMPLE: Final = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*=\"[^\"\\\n]*\",?)*)\} (\S+)"
)


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    """A company in which the engine has given up on Lea, who manages it."""
    world = await World.new(sessions)
    await world.member("Lea")
    await world.grant("Lea", Principal.WORKSPACE_MANAGER)
    async with sessions() as db, db.begin():
        about = {"w": world.workspace_id, "id": world.members["Lea"]}
        await db.execute(PARKED, about)
        await db.execute(VERIFIED, {"w": world.workspace_id})
    return world


@pytest.fixture
async def web(
    world: World, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[Web]:
    settings = settings_for(tmp_path, database_url, redis_url, metrics_token=TOKEN)
    async with running(settings) as started:
        yield started


async def get(web: Web, token: str | None = TOKEN) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await web.client.get("/metrics", headers=headers)


def parsed(exposition: str) -> Mapping[tuple[str, str], float]:
    """Values by name and labels, read as strictly as the format is written: HELP and TYPE once
    before the samples of their name, which stand together, and every line ends."""
    assert exposition.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    announced: list[tuple[str, str]] = []
    for line in exposition.splitlines():
        if said := METADATA.fullmatch(line):
            announced.append((said[1], said[2]))
            assert said[1] != "TYPE" or said[3] == "gauge"
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert announced[-2:] == [("HELP", sample[1]), ("TYPE", sample[1])], line
        assert (sample[1], sample[2]) not in found, line
        found[sample[1], sample[2]] = float(sample[3])
    assert len(set(announced)) == len(announced)
    return found


async def test_who_knows_the_token_is_given_the_gauges_in_the_format_of_prometheus(
    web: Web,
) -> None:
    answer = await get(web)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed(answer.text)
    acme = 'workspace="acme"'
    assert found["coordinator_parked_people", acme] == 1
    assert found["coordinator_given_up_people", acme] == 1
    assert found["coordinator_drift_pairs", acme] == 1_234_567
    assert found["coordinator_verified_timestamp_seconds", acme] == 1_795_399_200.25
    assert found["coordinator_waiting_markers", f'{acme},lane="interactive"'] == 1
    assert 0 < found["coordinator_oldest_marker_seconds", f'{acme},lane="interactive"'] < 600
    assert "Lea" not in answer.text


async def test_they_are_those_that_the_command_line_prints(web: Web, world: World) -> None:
    async with world.edge.read() as db:
        printed = "\n".join(as_metrics(await health.of_all(db))) + "\n"

    assert parsed((await get(web)).text).keys() == parsed(printed).keys()


async def test_nobody_else_is_given_anything_not_even_a_manager_s_token(
    web: Web, world: World
) -> None:
    of_a_manager = web.here.local_issuer.mint(
        workspace_id=world.workspace_id,
        member_id=world.members["Lea"],
        ttl=dt.timedelta(hours=1),
        at=dt.datetime.now(dt.UTC),
    )
    for token in (None, "wrong", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), of_a_manager):
        answer = await get(web, token)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "acme" not in answer.text
    basic = await web.client.get("/metrics", headers={"authorization": f"Basic {TOKEN}"})
    named = await web.client.get("/metrics", params={"token": TOKEN})
    assert (basic.status_code, named.status_code) == (401, 401)


async def test_without_a_token_in_the_settings_there_is_no_such_door(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with running(settings_for(tmp_path, database_url, redis_url)) as web:
        assert (await get(web)).status_code == 404
        assert (await get(web, None)).status_code == 404


async def test_who_guesses_is_slowed_down_and_who_knows_the_token_is_not(web: Web) -> None:
    guesses = [await get(web, "guess") for _ in range(25)]

    assert [each.status_code for each in guesses[:20]] == [401] * 20
    assert guesses[-1].status_code == 429
    assert int(guesses[-1].headers["retry-after"]) > 0
    assert (await get(web)).status_code == 200


async def test_however_often_it_is_asked_the_database_is_looked_at_once(
    web: Web, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = health.of_all

    async def counted(db: AsyncSession) -> list[health.Health]:
        nonlocal looks
        looks += 1
        return await look(db)

    monkeypatch.setattr(health, "of_all", counted)
    await asyncio.gather(*(get(web) for _ in range(20)))
    assert looks == 1

    monkeypatch.setattr(metrics, "GOOD_FOR", 0.0)
    await get(web)
    assert looks == 2


async def test_a_database_that_does_not_answer_is_said_to_be_away(
    web: Web, sessions: async_sessionmaker[AsyncSession]
) -> None:
    async with sessions() as db, db.begin():
        await db.execute(text("ALTER TABLE verification RENAME TO elsewhere"))

    answer = await get(web)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_it_is_read_over_a_socket_as_a_watching_program_reads_it(web: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(web.app, lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(
                f"http://127.0.0.1:{listening.getsockname()[1]}/metrics",
                headers={
                    "authorization": f"Bearer {TOKEN}",
                    "accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
                },
            )
        server.should_exit = True
        await task

    assert answer.status_code == 200
    assert parsed(answer.text)["coordinator_parked_people", 'workspace="acme"'] == 1
