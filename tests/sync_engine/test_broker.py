"""The doorbell wakes consumers at once, loses no wake-up, and survives what Redis can do."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dramatiq
import pytest
import redis
from dramatiq import Worker
from dramatiq.message import Message
from dramatiq.middleware import Middleware

from app.embedded import EmbeddedRedis
from sync_engine.broker import BELL_TOKENS, DoorbellBroker, DoorbellConsumer, worker_middleware


def broker_on(
    url: str, middleware: tuple[Middleware, ...] = (), heartbeat: int = 15_000
) -> DoorbellBroker:
    broker = DoorbellBroker(
        url,
        namespace=f"test-{uuid.uuid4().hex[:8]}",
        middleware=middleware,
        heartbeat_timeout=heartbeat,
    )
    broker.declare_queue("now")
    return broker


def message(actor: str = "times.note", queue: str = "now") -> "Message[None]":
    return Message(queue_name=queue, actor_name=actor, args=(), kwargs={}, options={})


@contextmanager
def working(broker: DoorbellBroker, note: Callable[[], None]) -> Iterator[None]:
    dramatiq.actor(actor_name="times.note", queue_name="now", broker=broker)(note)
    broker.emit_after("process_boot")
    worker = Worker(broker, worker_threads=2, worker_timeout=250)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


class Noted:
    """When the actor ran, for somebody who waits for it."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self._arrived = threading.Condition()

    def __call__(self) -> None:
        with self._arrived:
            self.at.append(time.perf_counter())
            self._arrived.notify_all()

    def wait_for(self, count: int, seconds: float = 5.0) -> bool:
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.at) >= count, seconds)


def test_a_message_on_an_idle_queue_runs_within_milliseconds(redis_url: str) -> None:
    broker, noted, sent = broker_on(redis_url), Noted(), []
    with working(broker, noted):
        for number in range(1, 11):
            time.sleep(0.1)
            sent.append(time.perf_counter())
            broker.enqueue(message())
            assert noted.wait_for(number)

    delays = sorted(there - here for here, there in zip(sent, noted.at, strict=True))
    assert delays[4] < 0.05


def test_everything_sent_at_once_is_run(redis_url: str) -> None:
    broker, noted = broker_on(redis_url), Noted()
    with working(broker, noted):
        for _ in range(200):
            broker.enqueue(message())

        assert noted.wait_for(200)

    assert broker.client.hlen(f"{broker.namespace}:now.msgs") == 0


def test_the_bell_keeps_only_a_few_tokens(redis_url: str) -> None:
    broker = broker_on(redis_url)

    for _ in range(3 * BELL_TOKENS):
        broker.enqueue(message())

    assert broker.client.llen(broker.bell("now")) == BELL_TOKENS
    assert broker.waiting("now") == 3 * BELL_TOKENS


def test_a_token_pushed_between_look_and_wait_is_not_lost(redis_url: str) -> None:
    broker = broker_on(redis_url)
    consumer = DoorbellConsumer(broker, "now", prefetch=1, timeout=5_000)
    fetch = consumer._fetch

    def fetch_and_then_somebody_sends() -> bool:
        found = fetch()
        broker.enqueue(message())
        return found

    consumer._fetch = fetch_and_then_somebody_sends  # type: ignore[method-assign]
    started = time.perf_counter()
    assert next(consumer) is None
    consumer._fetch = fetch  # type: ignore[method-assign]

    assert next(consumer) is not None
    assert time.perf_counter() - started < 1.0
    consumer.close()


def test_a_full_consumer_waits_for_room_and_not_longer(redis_url: str) -> None:
    broker = broker_on(redis_url)
    consumer = DoorbellConsumer(broker, "now", prefetch=1, timeout=5_000)
    for _ in range(2):
        broker.enqueue(message())
    first = next(consumer)
    assert first is not None
    threading.Timer(0.2, consumer.ack, [first]).start()

    started = time.perf_counter()
    assert next(consumer) is None
    waited = time.perf_counter() - started

    assert 0.15 < waited < 1.0
    assert next(consumer) is not None
    consumer.close()


def test_what_was_fetched_and_not_begun_is_put_back(redis_url: str) -> None:
    broker = broker_on(redis_url)
    consumer = DoorbellConsumer(broker, "now", prefetch=2, timeout=100)
    broker.enqueue(message())
    fetched = next(consumer)
    assert fetched is not None
    assert broker.waiting("now") == 0

    consumer.requeue([fetched])

    assert broker.waiting("now") == 1
    consumer.close()


def test_messages_of_a_dead_worker_come_back(redis_url: str) -> None:
    dead = broker_on(redis_url)
    dead.enqueue(message())
    assert next(DoorbellConsumer(dead, "now", prefetch=1, timeout=100)) is not None
    living = DoorbellBroker(redis_url, namespace=dead.namespace, heartbeat_timeout=200)
    living.maintenance_chance = 1_000_000
    consumer = DoorbellConsumer(living, "now", prefetch=1, timeout=100)
    time.sleep(0.25)

    found = [next(consumer) for _ in range(3)]

    assert sum(each is not None for each in found) == 1
    consumer.close()


def test_a_failed_actor_is_retried_soon(redis_url: str) -> None:
    broker, noted = broker_on(redis_url, middleware=worker_middleware()), Noted()

    def fail_once() -> None:
        noted()
        if len(noted.at) == 1:
            raise LookupError("only the first time")

    with working(broker, fail_once):
        broker.enqueue(message())

        assert noted.wait_for(2, seconds=3.0)

    assert 0.05 < noted.at[1] - noted.at[0] < 2.5


def test_a_flushed_redis_and_a_forgotten_script_do_not_stop_the_work(redis_url: str) -> None:
    broker, noted = broker_on(redis_url), Noted()
    with working(broker, noted):
        broker.enqueue(message())
        assert noted.wait_for(1)

        broker.client.flushdb()
        broker.client.script_flush()
        broker.enqueue(message())

        assert noted.wait_for(2)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that a test may kill."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restarted_redis_is_used_again(own_redis: EmbeddedRedis, how: str) -> None:
    server = own_redis
    broker, noted = broker_on(server.url()), Noted()
    with working(broker, noted):
        broker.enqueue(message())
        assert noted.wait_for(1)

        if how == "kill":
            assert server._server is not None
            server._server.kill()
        server.stop()
        with pytest.raises(redis.ConnectionError):
            broker.enqueue(message())
        server.start()
        broker.enqueue(message())

        assert noted.wait_for(2, seconds=3.0)
