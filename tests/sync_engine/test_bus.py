"""Whoever follows a journal gets every entry of interest once and in order, whatever happens."""

import asyncio
import random
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.caller import system
from app.embedded import EmbeddedRedis
from models import journal
from operations.edge import Edge, Ring, silent
from sync_engine import bus as bus_module
from sync_engine import tail as tail_module
from sync_engine.bell import Bell
from sync_engine.bus import Bus
from sync_engine.entries import EVERYTHING, Entry, HistoryGone, Interest
from sync_engine.tail import PENDING, RING, Following, Stopped
from tests.tampering import unguarded_session

Sessions = async_sessionmaker[AsyncSession]
NO_REDIS = "redis://127.0.0.1:1"


async def workspace(sessions: Sessions) -> int:
    async with sessions() as db, db.begin():
        made = await db.execute(
            text("INSERT INTO workspace (slug, name) VALUES (:slug, 'A') RETURNING id"),
            {"slug": uuid.uuid4().hex},
        )
        workspace_id: int = made.scalar_one()
        await db.execute(
            text("INSERT INTO workspace_stream (workspace_id) VALUES (:id)"), {"id": workspace_id}
        )
    return workspace_id


async def say(
    sessions: Sessions,
    workspace_id: int,
    *,
    times: int = 1,
    ring: Ring = silent,
    course_id: int | None = None,
    detail: dict[str, object] | None = None,
) -> None:
    """One transaction with `times` entries."""
    async with Edge(sessions, ring).transaction() as db:
        for _ in range(times):
            journal.record(
                db,
                by=system(workspace_id),
                verb="course.edited",
                course_id=course_id,
                detail=detail,
            )


async def read(following: Following, count: int, seconds: float = 10.0) -> list[int]:
    got: list[int] = []
    until = time.monotonic() + seconds
    while len(got) < count and time.monotonic() < until:
        entry = await following.next(max(0.01, until - time.monotonic()))
        if entry is not None:
            got.append(entry.seq)
    return got


async def collect(bus: Bus, workspace_id: int, upto: int, interest: Interest) -> list[Entry]:
    got: list[Entry] = []
    async with bus.follow(workspace_id, after=0, interest=interest) as following:
        while following.position < upto:
            entry = await following.next(0.2)
            if entry is not None:
                got.append(entry)
    return got


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that a test may kill."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def polling(sessions: Sessions) -> AsyncIterator[Bus]:
    """A bus whose Redis is not there at all."""
    async with Bus(sessions, NO_REDIS, poll=0.1) as bus:
        yield bus


async def test_a_follower_gets_what_was_there_before_and_what_comes(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    await say(sessions, acme, times=3)

    async with polling.follow(acme, after=1) as following:
        first = await read(following, 2)
        await say(sessions, acme, times=2)
        then = await read(following, 2)

    assert (first, then) == ([2, 3], [4, 5])


async def test_from_now_on_means_nothing_old(sessions: Sessions, polling: Bus) -> None:
    acme = await workspace(sessions)
    await say(sessions, acme, times=3)

    async with polling.follow(acme) as following:
        await say(sessions, acme)
        assert await read(following, 1) == [4]


async def test_the_doorbell_brings_an_entry_long_before_the_poll(
    sessions: Sessions, redis_url: str
) -> None:
    acme = await workspace(sessions)
    bell = Bell(redis_url)
    async with Bus(sessions, redis_url, poll=30.0) as bus, bus.follow(acme, after=0) as following:
        await asyncio.sleep(0.2)
        delays = []
        for _ in range(10):
            started = time.perf_counter()
            await say(sessions, acme, ring=bell.ring)
            assert await following.next(5.0) is not None
            delays.append(time.perf_counter() - started)
        quiet = bus.seconds_since_doorbell

    assert sorted(delays)[5] < 0.1
    assert quiet is not None
    assert quiet < 1.0


async def test_what_is_of_no_interest_wakes_nobody_but_moves_the_position(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    interest = Interest(courses=frozenset({7}))

    async with polling.follow(acme, after=0, interest=interest) as following:
        assert await following.next(0.05) is None
        for course_id in (1, 7, 2, 7, 3):
            await say(sessions, acme, course_id=course_id)
        got = await read(following, 2)
        assert await following.next(0.3) is None

        assert got == [2, 4]
        assert following.position == 5


async def test_a_change_of_memberships_concerns_its_segments_and_its_people(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    await say(sessions, acme, detail={"segments": {"5": {"added": [11], "removed": [12]}}})
    await say(sessions, acme, detail={"segments": {"6": {"added": [13], "removed": []}}})

    async def seen_by(interest: Interest) -> list[int]:
        return [entry.seq for entry in await collect(polling, acme, 2, interest)]

    assert await seen_by(Interest(segments=frozenset({5}))) == [1]
    assert await seen_by(Interest(segments=frozenset({6}))) == [2]
    assert await seen_by(Interest(members=frozenset({12}))) == [1]
    assert await seen_by(Interest(members=frozenset({11, 13}))) == [1, 2]
    assert await seen_by(Interest(members=frozenset({5}), segments=frozenset({11}))) == []
    assert await seen_by(EVERYTHING) == [1, 2]


async def test_a_new_interest_also_finds_what_was_passed_over(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    async with polling.follow(acme, after=0, interest=Interest(courses=frozenset({1}))) as mine:
        await mine.next(0.05)
        for course_id in (1, 2, 2, 1):
            await say(sessions, acme, course_id=course_id)
        assert await read(mine, 1) == [1]

        mine.refocus(Interest(courses=frozenset({1, 2})))

        assert await read(mine, 3) == [2, 3, 4]


async def test_a_follower_far_behind_reads_the_table_and_then_memory(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    for _ in range(6):
        await say(sessions, acme, times=RING // 2)

    async with polling.follow(acme, after=10) as following:
        await say(sessions, acme, times=5)
        got = await read(following, 3 * RING - 5)

    assert got == list(range(11, 3 * RING + 6))


async def test_a_slow_follower_costs_bounded_memory_and_misses_nothing(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    async with polling.follow(acme, after=0) as slow, polling.follow(acme, after=0) as quick:
        await slow.next(0.05)
        await quick.next(0.05)
        total, largest, got = 4 * PENDING, 0, []
        for _ in range(8):
            await say(sessions, acme, times=PENDING // 2)
            got += await read(quick, PENDING // 2)
            largest = max(largest, len(slow._pending))

        assert got == list(range(1, total + 1))
        assert largest == PENDING
        assert await read(slow, total) == list(range(1, total + 1))


async def cause(trouble: str, server: EmbeddedRedis) -> None:
    for _ in range(3):
        await asyncio.sleep(0.1)
        if trouble == "flushall":
            with redis.Redis.from_url(server.url()) as client:
                client.flushall()
                client.client_kill_filter(_type="pubsub")
        elif trouble == "kill":
            assert server._server is not None
            server._server.kill()
            server.stop()
            await asyncio.sleep(0.05)
            server.start()


@pytest.mark.parametrize("trouble", ["none", "flushall", "kill", "deaf"])
async def test_eight_writers_and_any_trouble_with_redis_cause_no_gap_and_no_repetition(
    database_url: str, sessions: Sessions, own_redis: EmbeddedRedis, trouble: str
) -> None:
    server = own_redis
    bell = Bell(server.url())
    writers, rounds = 8, 40
    total = writers * rounds
    engine = create_async_engine(database_url, pool_size=writers)
    elsewhere = async_sessionmaker(engine, expire_on_commit=False)
    acme = await workspace(sessions)

    async def write(number: int) -> None:
        for _ in range(rounds):
            ring = silent if trouble == "deaf" else bell.ring
            await say(elsewhere, acme, course_id=number, ring=ring)

    async with Bus(sessions, server.url(), poll=0.25) as bus:
        everything = asyncio.gather(
            *(collect(bus, acme, total, EVERYTHING) for _ in range(5)),
            *(
                collect(bus, acme, total, Interest(courses=frozenset({number})))
                for number in range(writers)
            ),
        )
        await asyncio.gather(*(write(number) for number in range(writers)), cause(trouble, server))
        followers = await asyncio.wait_for(everything, 20)
    await engine.dispose()

    for seen in followers[:5]:
        assert [entry.seq for entry in seen] == list(range(1, total + 1))
    for number, seen in enumerate(followers[5:]):
        assert [entry.course_id for entry in seen] == [number] * rounds
        assert [entry.seq for entry in seen] == sorted({entry.seq for entry in seen})


async def test_followers_that_come_and_go_continue_where_they_were(
    sessions: Sessions, polling: Bus
) -> None:
    acme, chance = await workspace(sessions), random.Random(7)
    total = 300

    async def come_and_go() -> list[int]:
        got: list[int] = []
        while len(got) < total:
            async with polling.follow(acme, after=len(got)) as following:
                got += await read(following, chance.randint(1, 40), seconds=1.0)
        return got

    async def write() -> None:
        for _ in range(total // 10):
            await say(sessions, acme, times=10)
            await asyncio.sleep(0.005)

    *journeys, _ = await asyncio.gather(*(come_and_go() for _ in range(6)), write())

    assert journeys == [list(range(1, total + 1))] * 6


async def test_a_position_beyond_the_head_is_refused_unless_the_table_knows_it(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    async with polling.follow(acme, after=0):
        await say(sessions, acme)
        async with polling.follow(acme, after=1) as following:
            assert following.position == 1

        with pytest.raises(HistoryGone, match="ends at entry 1; entry 2 was never written"):
            async with polling.follow(acme, after=2):
                pass


async def test_a_position_of_another_history_is_refused(sessions: Sessions, polling: Bus) -> None:
    acme = await workspace(sessions)
    epoch, head = await polling.head(acme)
    async with polling.follow(acme, after=head, epoch=epoch) as following:
        assert following.epoch == epoch

    with pytest.raises(HistoryGone, match="earlier history"):
        async with polling.follow(acme, after=head, epoch=uuid.uuid4()):
            pass


async def test_a_history_restarted_under_a_follower_ends_its_stream(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    await say(sessions, acme, times=2)
    async with polling.follow(acme, after=1) as following:
        assert await read(following, 1) == [2]
        async with sessions() as db, db.begin():
            await db.execute(text("UPDATE workspace_stream SET epoch = gen_random_uuid()"))

        with pytest.raises(HistoryGone, match="restarted"):
            await following.next(5.0)

    async with polling.follow(acme, after=2) as afterwards:
        assert await afterwards.next(0.05) is None


async def test_entries_that_are_no_longer_kept_are_not_skipped_silently(
    sessions: Sessions, polling: Bus
) -> None:
    acme = await workspace(sessions)
    for _ in range(3):
        await say(sessions, acme, times=RING)
    async with unguarded_session(sessions) as db:
        await db.execute(text("DELETE FROM journal_entry WHERE seq <= 100"))

    async with polling.follow(acme, after=100) as kept:
        assert await read(kept, 1) == [101]
    async with polling.follow(acme, after=99) as lost:
        with pytest.raises(HistoryGone, match="kept from entry 101 on; what follows entry 99"):
            await lost.next(5.0)


async def test_a_workspace_that_is_not_there_has_no_history(polling: Bus) -> None:
    with pytest.raises(HistoryGone, match="no workspace 404"):
        async with polling.follow(404, after=0):
            pass
    with pytest.raises(HistoryGone, match="no workspace 404"):
        await polling.head(404)


async def test_workspaces_are_kept_apart(sessions: Sessions, polling: Bus) -> None:
    acme, other = await workspace(sessions), await workspace(sessions)
    async with polling.follow(acme, after=0) as mine, polling.follow(other, after=0) as theirs:
        await say(sessions, acme, times=2, course_id=1)
        await say(sessions, other, times=1, course_id=1)

        ours = [entry for entry in [await mine.next(5.0), await mine.next(5.0)] if entry]
        others = [entry for entry in [await theirs.next(5.0), await theirs.next(0.3)] if entry]

    assert {entry.workspace_id for entry in ours} == {acme}
    assert [entry.workspace_id for entry in others] == [other]


async def test_closing_the_bus_tells_every_follower(sessions: Sessions) -> None:
    acme = await workspace(sessions)
    ended = []

    async def follow(bus: Bus) -> None:
        async with bus.follow(acme, after=0) as following:
            with suppress(Stopped):
                await following.next(20.0)
            ended.append(following.position)

    async with Bus(sessions, NO_REDIS) as bus:
        tasks = [asyncio.create_task(follow(bus)) for _ in range(3)]
        await asyncio.sleep(0.1)
    await asyncio.wait_for(asyncio.gather(*tasks), 2)

    assert ended == [0, 0, 0]


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8])
async def test_a_bus_that_is_closed_while_it_connects_ends(
    sessions: Sessions, redis_url: str, turns: int
) -> None:
    async with asyncio.timeout(2):
        async with Bus(sessions, redis_url):
            for _ in range(turns):
                await asyncio.sleep(0)


async def test_a_silent_redis_is_noticed_and_the_poll_delivers(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await workspace(sessions)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        url = f"redis://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setattr("sync_engine.bus._ANSWER_SECONDS", 0.1)
        async with Bus(sessions, url, poll=0.1) as bus, bus.follow(acme, after=0) as following:
            await asyncio.sleep(0.5)
            await say(sessions, acme)

            assert await read(following, 1, seconds=2.0) == [1]
            assert bus._redis.failures > 0
            assert bus.seconds_since_doorbell is None


async def test_a_background_task_that_fails_is_started_again(
    sessions: Sessions, polling: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await workspace(sessions)
    async with polling.follow(acme, after=0) as following:
        await following.next(0.05)
        with monkeypatch.context() as broken:
            broken.setattr(tail_module.Tail, "_take", lambda tail, entry: 1 / 0)
            await say(sessions, acme)
            assert await following.next(0.3) is None

        assert await read(following, 1, seconds=3.0) == [1]


async def test_a_journal_long_unfollowed_is_not_dropped_under_a_new_follower(
    sessions: Sessions, polling: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = await workspace(sessions)
    await say(sessions, acme)
    async with polling.follow(acme):
        pass
    monkeypatch.setitem(polling._unfollowed_since, acme, time.monotonic() - 3600.0)
    check = bus_module._check

    async def check_while_polled(*asked: Any) -> None:
        polling._forget_unfollowed()
        await check(*asked)

    monkeypatch.setattr(bus_module, "_check", check_while_polled)
    async with polling.follow(acme, after=0) as following:
        assert await read(following, 1) == [1]
