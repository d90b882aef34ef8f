"""Real worker processes: a commit takes effect at once with Redis, and soon without it.

The rule throughout: whoever is in the department Sales coordinates the course Selling.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from app.database import WORKER_LIMITS, worker_engine
from app.embedded import EmbeddedPostgres, EmbeddedRedis
from operations.edge import Ring, silent
from sync_engine.actors import ACTORS
from sync_engine.bell import Bell, Wake
from sync_engine.sweep import EVERY
from tests.servers import migrate
from tests.workers import Workers
from tests.world import World

Sessions = async_sessionmaker[AsyncSession]
NO_REDIS = "redis://127.0.0.1:1"

# Starting processes takes long where the machine is busy.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def workers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(database_url, redis_url, tmp_path) as started:
        yield started


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that a test may kill."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def pooled(database_url: str) -> AsyncIterator[Sessions]:
    engine = create_async_engine(database_url, pool_size=8)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


async def selling(sessions: Sessions, *, ring: Ring = silent, people: int = 1) -> World:
    world = await World.new(sessions, ring=ring)
    for number in range(people):
        await world.member(f"P{number}", department="Support")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Selling", segments_attached=["Sales"])
    return world


async def seconds_until(world: World, expected: set[str], patience: float = 10.0) -> float:
    started = time.monotonic()
    while True:
        found = await world.coordinators_of("Selling")
        if found == expected:
            return time.monotonic() - started
        if time.monotonic() - started > patience:
            raise AssertionError(f"Missing {expected - found}, too many {found - expected}.")
        await asyncio.sleep(0.005)


async def at_rest(sessions: Sessions, patience: float = 10.0) -> None:
    until = time.monotonic() + patience
    async with sessions() as db:
        while await db.scalar(
            text("SELECT EXISTS (SELECT FROM dirty_member) OR EXISTS (SELECT FROM dirty_segment)")
        ):
            assert time.monotonic() < until
            await asyncio.sleep(0.01)


async def move_at_random(world: World, mine: list[str], rounds: int, chance: random.Random) -> None:
    for _ in range(rounds):
        department = chance.choice(["Sales", "Support"])
        await world.change(chance.choice(mine), department=department)


async def in_sales(sessions: Sessions) -> set[str]:
    async with sessions() as db:
        rows = await db.scalars(
            text("SELECT display_name FROM member WHERE attributes->>'department' = 'Sales'")
        )
        return set(rows)


async def test_a_committed_change_is_visible_at_once(
    pooled: Sessions, redis_url: str, workers: Workers
) -> None:
    workers.start("now", "later")
    world = await selling(pooled, ring=Bell(redis_url).ring)
    await at_rest(pooled)

    delays = []
    for number in range(10):
        department, expected = ("Sales", {"P0"}) if number % 2 == 0 else ("Support", set())
        await world.change("P0", department=department)
        delays.append(await seconds_until(world, expected))

    # A sweep would find it a quarter of a second later.
    assert sorted(delays)[5] < 0.1


async def test_without_redis_a_change_takes_effect_within_a_sweep(
    pooled: Sessions, workers: Workers
) -> None:
    workers.redis_url = NO_REDIS
    process = workers.start("now", "later")
    world = await selling(pooled)
    await at_rest(pooled)

    await world.change("P0", department="Sales")

    assert await seconds_until(world, {"P0"}) < EVERY + 0.5
    assert workers.stop(process) == 0
    assert workers.said(process).count("Redis does not answer") <= 3


async def test_the_work_of_a_worker_killed_in_mid_drain_is_done_by_another(
    pooled: Sessions, workers: Workers, database_url: str
) -> None:
    first, second = workers.begin("now", "later"), workers.begin("now", "later")
    for process in (first, second):
        workers.wait_until_ready(process)
    world = await selling(pooled)
    await at_rest(pooled)
    workers.halt(first, second)
    await world.change("P0", department="Sales")

    async with pooled() as hindering:
        # The journal's row is the last thing a drain locks: it has claimed and written by then.
        await hindering.execute(text("SELECT FROM workspace_stream FOR UPDATE"))
        first.send_signal(signal.SIGCONT)
        assert await somebody_waits(pooled)
        first.kill()
        first.wait()
        second.send_signal(signal.SIGCONT)
    assert await seconds_until(world, {"P0"}) < EVERY + 0.5


async def test_a_worker_that_hangs_in_mid_transaction_holds_nobody_up_for_long(
    pooled: Sessions, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await selling(pooled)
    assert WORKER_LIMITS == {"idle_in_transaction_session_timeout": 60_000}
    monkeypatch.setitem(WORKER_LIMITS, "idle_in_transaction_session_timeout", 300)

    engine = worker_engine(database_url)
    with engine.connect() as hanging:
        hanging.execute(text("SELECT FROM workspace_stream FOR UPDATE"))
        async with asyncio.timeout(5):
            await world.change("P0", department="Sales")
        with pytest.raises(DBAPIError, match="idle-in-transaction timeout"):
            hanging.execute(text("SELECT"))
    engine.dispose()


async def somebody_waits(sessions: Sessions, patience: float = 5.0) -> bool:
    until = time.monotonic() + patience
    async with sessions() as db:
        while time.monotonic() < until:
            waiting = await db.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND application_name LIKE 'coordinator worker%'"
                    " AND datname = current_database()"
                )
            )
            await db.rollback()
            if waiting:
                return True
            await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("trouble", ["flushed or killed", "doubled and disordered"])
async def test_trouble_with_redis_under_load_loses_nothing(
    pooled: Sessions, workers: Workers, own_redis: EmbeddedRedis, trouble: str
) -> None:
    workers.redis_url = own_redis.url()
    bell = Bell(own_redis.url())
    process = workers.start("now", "later")
    world = await selling(pooled, ring=bell.ring, people=10)
    everybody = list(world.members)
    chance = random.Random(11)

    writers = asyncio.gather(
        *(move_at_random(world, everybody[n::4], 25, random.Random(n)) for n in range(4))
    )
    while not writers.done():
        await asyncio.sleep(0.1)
        make_trouble(trouble, own_redis, bell, chance)
    await writers
    workers.halt(process)
    await move_at_random(world, everybody, 10, chance)
    assert bell.rest(5.0)
    make_trouble(trouble, own_redis, bell, chance)
    process.send_signal(signal.SIGCONT)

    assert await seconds_until(world, await in_sales(pooled)) < 2 * (EVERY + 0.5)
    await at_rest(pooled)
    assert await world.coordinators_of("Selling") == await in_sales(pooled)
    assert await intervals_are_exact(pooled)
    assert process.poll() is None


def make_trouble(trouble: str, server: EmbeddedRedis, bell: Bell, chance: random.Random) -> None:
    if trouble == "doubled and disordered":
        wakes: list[Wake] = [declared.wake for declared in ACTORS] * 3
        chance.shuffle(wakes)
        for wake in wakes:
            bell.tell(wakes=[wake])
            bell.rest(1.0)
    elif chance.random() < 0.5:
        with redis.Redis.from_url(server.url()) as client:
            client.flushall()
            client.script_flush()
    else:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
        time.sleep(0.05)
        server.start()


async def intervals_are_exact(sessions: Sessions) -> bool:
    """Nobody's intervals overlap, and the journal's additions and removals add up to them."""
    async with sessions() as db:
        overlapping = await db.scalar(
            text(
                "SELECT count(*) FROM membership a JOIN membership b USING (member_id, segment_id)"
                " WHERE a.since < b.since AND (a.until IS NULL OR a.until > b.since)"
            )
        )
        opened, still_open, added, removed = (
            await db.execute(
                text(
                    "SELECT (SELECT count(*) FROM membership),"
                    " (SELECT count(*) FROM membership WHERE until IS NULL),"
                    " sum(added), sum(removed) FROM change_set"
                )
            )
        ).one()
    return (overlapping, opened, opened - still_open) == (0, added, removed)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop."""
    with EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "32MB"}) as server:
        migrate(server.url())
        yield server


async def test_a_restarted_database_under_load_loses_nothing(
    tmp_path: Path, own_postgres: EmbeddedPostgres
) -> None:
    server = own_postgres
    engine = create_async_engine(server.url(), pool_size=8, pool_pre_ping=True)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    world = await selling(sessions, people=8)
    acknowledged = dict.fromkeys(world.members, "Support")

    async def write(name: str) -> None:
        for number in range(25):
            department = ["Sales", "Support"][number % 2]
            try:
                await world.change(name, department=department)
                acknowledged[name] = department
            except (psycopg.Error, OSError, SQLAlchemyError):
                acknowledged.pop(name, None)
                await asyncio.sleep(0.1)

    with Workers(server.url(), NO_REDIS, tmp_path) as workers:
        process = workers.start("now", "later")
        writers = asyncio.gather(*(write(name) for name in world.members))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(2 * EVERY)
        await asyncio.to_thread(server.start)
        await writers
        await seconds_until(world, await in_sales(sessions))
        await asyncio.sleep(EVERY)

        said = workers.said(process)
        assert process.poll() is None
        assert said.count("PostgreSQL does not answer") == said.count("PostgreSQL is back") == 1
        assert "Traceback" not in said
    found = await in_sales(sessions)
    assert {name: name in found for name in acknowledged} == {
        name: department == "Sales" for name, department in acknowledged.items()
    }
    await engine.dispose()


async def test_a_worker_told_to_stop_finishes_and_leaves_the_rest_to_others(
    pooled: Sessions, redis_url: str, workers: Workers
) -> None:
    process = workers.start("now", "later")
    world = await selling(pooled, ring=Bell(redis_url).ring, people=10)
    writing = asyncio.create_task(move_at_random(world, list(world.members), 40, random.Random(3)))
    await asyncio.sleep(0.3)
    started = time.monotonic()

    code = await asyncio.to_thread(workers.stop, process)

    assert code == 0
    assert time.monotonic() - started < 5.0
    assert "Traceback" not in workers.said(process)
    await writing
    workers.start("now", "later")
    await seconds_until(world, await in_sales(pooled))
