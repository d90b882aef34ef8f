"""The bell tells everybody after a commit, and costs the one who rings it nothing, ever."""

import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis

from sync_engine.bell import (
    APPLY_INBOX,
    ENOUGH_WAITING,
    JOURNAL_CHANNEL,
    Bell,
)
from sync_engine.broker import DoorbellBroker
from sync_engine.markers import Lane


@dataclass(frozen=True)
class Reached:
    heads: dict[int, int] = field(default_factory=dict)
    lanes: frozenset[int] = frozenset()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The address of a server that accepts and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"


def waiting(url: str) -> dict[str, int]:
    broker = DoorbellBroker(url)
    return {queue: broker.waiting(queue) for queue in ("now", "later")}


def test_each_lane_wakes_its_own_queue(redis_url: str) -> None:
    bell = Bell(redis_url)

    bell.ring(Reached(lanes=frozenset({Lane.INTERACTIVE})))
    assert bell.rest(5)
    assert waiting(redis_url) == {"now": 1, "later": 0}

    bell.ring(Reached(lanes=frozenset({Lane.BULK})))
    assert bell.rest(5)
    assert waiting(redis_url) == {"now": 1, "later": 2}

    bell.tell(wakes=[APPLY_INBOX])
    assert bell.rest(5)
    assert waiting(redis_url) == {"now": 2, "later": 2}


def test_a_transaction_that_reached_nothing_rings_nobody(redis_url: str) -> None:
    bell = Bell(redis_url)

    bell.ring(Reached())

    assert bell.rest(0)
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_the_head_reached_is_published(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        listening = client.pubsub(ignore_subscribe_messages=True)
        listening.subscribe(JOURNAL_CHANNEL)
        listening.get_message(timeout=1)

        Bell(redis_url).ring(Reached(heads={700_001: 41}))

        until = time.monotonic() + 5
        heard = None
        while heard is None and time.monotonic() < until:
            said = listening.get_message(timeout=0.1)
            if said is not None and said["data"].startswith("700001:"):
                heard = said["data"]
        listening.close()
    assert heard == "700001:41"


def test_a_thousand_rings_become_few_messages(redis_url: str) -> None:
    bell = Bell(redis_url)

    for seq in range(1_000):
        bell.ring(Reached(heads={1: seq}, lanes=frozenset({Lane.INTERACTIVE})))

    assert bell.rest(5)
    assert 1 <= waiting(redis_url)["now"] <= ENOUGH_WAITING


def test_without_any_worker_the_queue_stays_short(redis_url: str) -> None:
    bell = Bell(redis_url)

    for _ in range(ENOUGH_WAITING + 20):
        bell.ring(Reached(lanes=frozenset({Lane.INTERACTIVE})))
        assert bell.rest(5)

    assert waiting(redis_url)["now"] == ENOUGH_WAITING


def test_ringing_into_a_black_hole_takes_no_time(black_hole: str) -> None:
    bell = Bell(black_hole)
    slowest = 0.0

    for seq in range(200):
        started = time.perf_counter()
        bell.ring(Reached(heads={1: seq}, lanes=frozenset({Lane.INTERACTIVE})))
        slowest = max(slowest, time.perf_counter() - started)
        time.sleep(0.005)

    assert slowest < 0.05
    assert bell.rest(3)
    assert bell.dropped > 0


def test_a_redis_that_is_away_is_mentioned_once(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bell = Bell(f"redis://127.0.0.1:{unused.getsockname()[1]}")
        with caplog.at_level(logging.WARNING, logger="sync_engine.bell"):
            for seq in range(20):
                bell.ring(Reached(heads={1: seq}))
                assert bell.rest(5)

    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("Redis does not answer (ConnectionError")
    assert bell.dropped == 20


def test_the_bell_outlives_what_nobody_foresaw(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = Bell(redis_url)
    ended = []
    monkeypatch.setattr("threading.excepthook", lambda args: ended.append(args.exc_type))
    with monkeypatch.context() as broken:
        broken.setattr(bell._broker, "send_all", lambda wakes, news: 1 / 0)
        bell.ring(Reached(lanes=frozenset({Lane.INTERACTIVE})))
        until = time.monotonic() + 5
        while not ended and time.monotonic() < until:
            time.sleep(0.01)

    bell.ring(Reached(lanes=frozenset({Lane.INTERACTIVE})))

    assert bell.rest(5)
    assert ended == [ZeroDivisionError]
    assert waiting(redis_url)["now"] == 1
