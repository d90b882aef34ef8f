"""The running whole on one data directory: who runs it, and how other commands find it."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from app.embedded import CannotStart, EmbeddedPostgres, EmbeddedRedis
from app.embedded.claim import Claim, is_claimed
from app.settings import Settings

DATABASE = "coordinator"


class Stack:
    """Holds the data directory, and the embedded servers for whatever address is not set.

    While it is open, `settings` has both addresses, and `run.json` in the data directory tells
    them to commands that start beside it. `redis=False` leaves Redis out.
    """

    def __init__(self, settings: Settings, *, redis: bool = True) -> None:
        self.settings = settings
        data = settings.data_dir
        self._wants_redis = redis
        self._claim = Claim(data)
        self._runtime = _runtime_file(data)
        self._postgres = EmbeddedPostgres(data / "postgres")
        self._redis = EmbeddedRedis(data / "redis")

    def __enter__(self) -> Self:
        self._claim.take()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def embedded(self) -> tuple[str, ...]:
        """Names of the servers this stack runs itself."""
        running = (("PostgreSQL", self._postgres), ("Redis", self._redis))
        return tuple(name for name, server in running if server.is_running())

    def revive(self) -> tuple[str, ...]:
        """Restart embedded servers that ended by themselves; their names."""
        servers = (("PostgreSQL", self._postgres), ("Redis", self._redis))
        return tuple(name for name, server in servers if server.revive())

    def announce(self, base_url: str) -> None:
        """Write run.json, readable by its owner only."""
        told = {
            "pid": os.getpid(),
            "database_url": self.settings.database_address,
            "redis_url": self.settings.redis_address,
            "base_url": base_url,
        }
        unfinished = self._runtime.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(told, indent=2))
        unfinished.replace(self._runtime)

    def _start(self) -> None:
        addresses: dict[str, SecretStr] = {}
        if self.settings.database_url is None:
            self._postgres.start()
            self._postgres.create_database(DATABASE)
            addresses["database_url"] = SecretStr(self._postgres.url(DATABASE))
        if self.settings.redis_url is None and self._wants_redis:
            self._redis.start()
            addresses["redis_url"] = SecretStr(self._redis.url())
        self.settings = self.settings.model_copy(update=addresses)

    def _stop(self) -> None:
        self._runtime.unlink(missing_ok=True)
        self._redis.stop()
        self._postgres.stop()
        self._claim.give_back()


def located(settings: Settings, *, redis: bool = True) -> Settings:
    """The settings with both addresses: as set, else those of the stack that runs on the data
    directory; raises CannotStart when there is none. `redis=False`: the database is enough."""
    if settings.database_url is not None and (settings.redis_url is not None or not redis):
        return settings
    told = _read(settings.data_dir)
    found = {
        "database_url": settings.database_url or SecretStr(told["database_url"]),
        "redis_url": settings.redis_url or SecretStr(told["redis_url"]),
    }
    return settings.model_copy(update=found)


def is_running(data: Path) -> bool:
    """Whether a stack runs on a data directory; what a killed one left behind does not count."""
    return is_claimed(data) and _runtime_file(data).exists()


def _read(data: Path) -> dict[str, str]:
    if not is_running(data):
        raise CannotStart(
            f"Nothing is running on {data}; start it with `coordinator up`, name its directory "
            "with --data-dir, or set DATABASE_URL and REDIS_URL."
        )
    told: dict[str, str] = json.loads(_runtime_file(data).read_text())
    return told


def _runtime_file(data: Path) -> Path:
    return data / "run.json"
