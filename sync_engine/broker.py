"""Dramatiq's Redis broker with a doorbell instead of polling.

The stock consumer sleeps up to a second between looks at an idle queue (p50 0.3 s). Here every
enqueue also pushes a token on a short list, and a consumer that found nothing waits on that list.
A token pushed between look and wait stays in the list, so no wake-up is lost.

Nothing in Redis is work: a message means "look at the database". So a message may be lost,
doubled, late or out of order, an acknowledgement that cannot be delivered is dropped, and a Redis
that is away is an ordinary state, bridged by the sweeper (sync_engine/sweep.py).
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import uuid4

import redis
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import current_millis
from dramatiq.message import Message
from dramatiq.middleware import AsyncIO, Middleware, Retries, TimeLimit
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from sync_engine.outage import Outage

NAMESPACE: Final = "coordinator"
NOW: Final = "now"
LATER: Final = "later"
FILES: Final = "files"

BELL_TOKENS: Final = 16
"""Tokens kept per queue: as many sleeping consumers wake at once."""

AWAY: Final = (redis.ConnectionError, redis.TimeoutError)
"""What redis-py raises when the server cannot be reached or does not answer in time."""

_HEARTBEAT_MS: Final = 15_000
_MAINTENANCE_PER_MILLION: Final = 50_000
_DEAD_MESSAGE_MS: Final = 3_600_000
_PAUSE_SECONDS: Final = 0.25
_DELAYED_LOOK_SECONDS: Final = 0.1

_log = logging.getLogger(__name__)


def connect(url: str, *, patience: float) -> "redis.Redis":
    """A client that gives up after `patience` seconds per try, and tries twice.

    The second try is for a connection that died unnoticed with an earlier server.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 1),
    )


def worker_middleware() -> tuple[Middleware, ...]:
    """What surrounds an actor: a time limit, three quick retries, an event loop. Nothing listens.

    A drain limits itself to 5 s; 60 s is for one that hangs. Retries are few because the sweeper
    finds whatever was not done.
    """
    return (
        TimeLimit(time_limit=60_000),
        Retries(max_retries=3, min_backoff=200, max_backoff=5_000),
        AsyncIO(),
    )


class DoorbellBroker(RedisBroker):
    """A Redis broker whose consumers are woken by the enqueue itself.

    Without `middleware` it only sends. Every Redis command is answered or given up within twice
    `patience` seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        middleware: Sequence[Middleware] = (),
        namespace: str = NAMESPACE,
        heartbeat_timeout: int = _HEARTBEAT_MS,
        patience: float = 1.0,
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=connect(url, patience=patience),
            middleware=list(middleware),
            namespace=namespace,
            maintenance_chance=_MAINTENANCE_PER_MILLION,
            heartbeat_timeout=heartbeat_timeout,
            dead_message_ttl=_DEAD_MESSAGE_MS,
        )
        self.url = url
        self.outage = Outage("Redis", _log, meanwhile="the sweeper finds the work meanwhile")

    @property
    def consumer_class(self) -> type["DoorbellConsumer"]:
        """Which consumer the worker's threads get."""
        return DoorbellConsumer

    def bell(self, queue_name: str) -> str:
        """The key of the list whose tokens wake a queue's consumers."""
        return f"{self.namespace}:bell:{queue_name}"

    def waiting(self, queue_name: str) -> int:
        """How many messages nobody has fetched yet."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))

    def do_enqueue(self, queue_name: str, message_id: str, data: bytes) -> None:
        """Store a message and ring, in one round trip."""
        self._send([(queue_name, message_id, data)], [])

    def send_all(
        self, wakes: Iterable[tuple[str, str]], news: Sequence[tuple[str, str]]
    ) -> dict[str, int]:
        """Everything in one round trip: a message without content for each (actor, queue), and
        each of `news`, (channel, what is said). How many messages now wait in these queues."""
        stored = []
        for actor, queue in wakes:
            message_id = str(uuid4())
            message: Message[None] = Message(
                queue_name=queue,
                actor_name=actor,
                args=(),
                kwargs={},
                options={"redis_message_id": message_id},
            )
            stored.append((queue, message_id, message.encode()))
        return self._send(stored, news)

    def _send(
        self, messages: Sequence[tuple[str, str, bytes]], news: Sequence[tuple[str, str]]
    ) -> dict[str, int]:
        queues = sorted({queue for queue, _, _ in messages})
        try:
            return dict(zip(queues, self._send_once(messages, queues, news), strict=True))
        except NoScriptError:
            # A restarted Redis has forgotten the script; what was done beside it is harmless.
            self.client.script_load(self.scripts["dispatch"].script)
            return dict(zip(queues, self._send_once(messages, queues, news), strict=True))

    def _send_once(
        self,
        messages: Sequence[tuple[str, str, bytes]],
        queues: Sequence[str],
        news: Sequence[tuple[str, str]],
    ) -> list[int]:
        pipe = self.client.pipeline(transaction=False)
        for queue, message_id, data in messages:
            self._store(pipe, queue, message_id, data)
            pipe.lpush(self.bell(queue), 1)
            pipe.ltrim(self.bell(queue), 0, BELL_TOKENS - 1)
        for channel, said in news:
            pipe.publish(channel, said)
        for queue in queues:
            pipe.llen(f"{self.namespace}:{queue}")
        answers = pipe.execute()
        return [int(answer) for answer in answers[len(answers) - len(queues) :]]

    def _store(self, pipe: Any, queue: str, message_id: str, data: bytes) -> None:
        without_maintenance = 0
        pipe.evalsha(
            self.scripts["dispatch"].sha,
            1,
            self.namespace,
            "enqueue",
            current_millis(),
            queue,
            self.broker_id,
            self.heartbeat_timeout,
            self.dead_message_ttl,
            without_maintenance,
            self._max_unpack_size(),  # type: ignore[no-untyped-call]
            message_id,
            data,
        )


class DoorbellConsumer(_RedisConsumer):
    """Fetches; when there was nothing, waits for the bell; when there is no room, for an ack.

    `timeout` (ms) is the longest wait. It also bounds how long a message put back by Dramatiq's
    maintenance, which does not ring, stays unnoticed.
    """

    broker: DoorbellBroker

    def __init__(
        self, broker: DoorbellBroker, queue_name: str, prefetch: int, timeout: int
    ) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self._longest = timeout / 1000
        self._bell = connect(broker.url, patience=self._longest + 1.0)
        self._room = threading.Event()

    def __next__(self) -> MessageProxy | None:
        try:
            if not self.message_cache and not self._fetch():
                self._wait()
                return None
            self.broker.outage.worked()
        except AWAY as problem:
            self.broker.outage.failed(problem)
            time.sleep(_PAUSE_SECONDS)
            return None
        return self._next_in_cache()

    def ack(self, message: MessageProxy) -> None:
        """Acknowledge; when Redis is away the message will merely run once more."""
        self._settle("do_ack", message)

    def nack(self, message: MessageProxy) -> None:
        """Give a message up; when Redis is away it will merely run once more."""
        self._settle("do_nack", message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Put fetched messages back at shutdown, if Redis can be reached."""
        try:
            super().requeue(messages)  # type: ignore[no-untyped-call]
        except AWAY as problem:
            self.broker.outage.failed(problem)

    def close(self) -> None:
        """Let go of the connection that waits."""
        self._bell.close()

    def _fetch(self) -> bool:
        room = self.prefetch - self.outstanding_message_count
        if room > 0:
            self.message_cache = self.broker.do_fetch(self.queue_name, room)
        return bool(self.message_cache)

    def _next_in_cache(self) -> MessageProxy | None:
        data = self.message_cache.pop(0)
        if data is None:
            return None
        message: Message[Any] = Message.decode(data)
        self.queued_message_ids.add(message.message_id)
        return MessageProxy(message)

    def _wait(self) -> None:
        self._room.clear()
        if self.outstanding_message_count >= self.prefetch:
            self._room.wait(self._longest)
        else:
            self._bell.blpop([self.broker.bell(self.queue_name)], timeout=self._patience())

    def _patience(self) -> float:
        """Delayed messages are held here and looked at between waits."""
        holds_delayed = self.queue_name.endswith(".DQ") and self.queued_message_ids
        return _DELAYED_LOOK_SECONDS if holds_delayed else self._longest

    def _settle(self, command: str, message: MessageProxy) -> None:
        try:
            getattr(self.broker, command)(self.queue_name, message.options["redis_message_id"])
        except AWAY as problem:
            self.broker.outage.failed(problem)
        finally:
            self.queued_message_ids.discard(message.message_id)
            self._room.set()
