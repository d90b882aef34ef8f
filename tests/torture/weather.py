"""What the machine does to everybody at once: PostgreSQL killed and restarted, Redis emptied and
restarted, and a worker process of the product, woken through Redis, killed beside the crew."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from app.embedded import EmbeddedPostgres, EmbeddedRedis
from sync_engine.bell import Bell
from tests.forking import Child
from tests.workers import Workers

STORMS = 0.08
"""In how many rounds PostgreSQL is killed; Redis, and the worker, twice as often."""


@dataclass(slots=True)
class Weather:
    """How often each of them went."""

    server: EmbeddedPostgres
    redis: EmbeddedRedis
    workers: Workers
    bell: Bell
    worker: Child
    crashes: int = 0
    forgotten: int = 0
    killed: int = 0

    def strike(self, dice: random.Random) -> bool:
        """Whatever happens in this round; whether PostgreSQL was away."""
        kind = dice.random() / STORMS
        if kind < 1:
            self._crash()
            return True
        if kind < 2:
            self._forget()
        elif kind < 3:
            self._restart_redis()
        elif kind < 5:
            self._kill_worker()
        return False

    def _crash(self) -> None:
        """SIGKILL PostgreSQL's first process, and start it again: recovery from the log."""
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()
        self.server.start()
        self.crashes += 1

    def _forget(self) -> None:
        with redis.Redis.from_url(self.redis.url()) as client:
            client.flushall()
        self.forgotten += 1

    def _restart_redis(self) -> None:
        self.redis.stop()
        self.redis.start()
        self.forgotten += 1

    def _kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()
        self.worker = self.workers.begin("now", "later")
        self.killed += 1


@contextmanager
def weather(server: EmbeddedPostgres, url: str, home: Path) -> Iterator[Weather]:
    """A Redis and a worker of the product beside this PostgreSQL."""
    with EmbeddedRedis(home / "redis") as own, Workers(url, own.url(), home) as workers:
        bell = Bell(own.url())
        yield Weather(server, own, workers, bell, workers.start("now", "later"))
