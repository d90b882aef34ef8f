"""How the process is: for whoever restarts it, routes to it, or waits for it.

| path      | asks                                                              | answers         |
|-----------|-------------------------------------------------------------------|-----------------|
| /livez    | whether the process runs, and nothing it depends on               | 200             |
| /startupz | whether it has started: database reached, migration as expected   | 200 or 503      |
| /readyz   | PostgreSQL, migration, event loop; Redis and issuers only degrade | 200 or 503      |

Anybody may ask, so the answers are single words, and readiness is looked at once a second however
often it is asked for.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PATIENCE: Final = 1.0
"""Seconds that a look at one dependency may take."""

GOOD_FOR: Final = 1.0
LONGEST_LAG: Final = 0.5
"""Seconds the event loop may be late; beyond, the process should get no new work for a while."""

_LAG_EVERY: Final = 0.1
_LAG_WINDOW: Final = 20


class LoopLag:
    """How late the event loop ran what was due, at worst, during the last two seconds."""

    def __init__(self) -> None:
        self._late: deque[float] = deque([0.0], maxlen=_LAG_WINDOW)
        self._due = time.monotonic()

    @property
    def seconds(self) -> float:
        """The worst lateness seen, one still going on included."""
        return max(*self._late, time.monotonic() - self._due, 0.0)

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = time.monotonic() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            self._late.append(time.monotonic() - self._due)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a look found. Each is one word: ok, or what is wrong."""

    postgresql: str
    migration: str
    event_loop: str
    redis: str
    issuers: str | None

    @property
    def is_ready(self) -> bool:
        return self.postgresql == self.migration == self.event_loop == "ok"

    @property
    def status(self) -> str:
        if not self.is_ready:
            return "unavailable"
        is_whole = self.redis == "ok" and self.issuers in (None, "ok", "unasked")
        return "ready" if is_whole else "degraded"


class Health:
    """Looks at what the process depends on. `revision` is the migration the program needs;
    `issuers` says how those are who sign people in, None where there are none elsewhere."""

    def __init__(
        self,
        engine: AsyncEngine,
        redis_url: str,
        revision: str,
        lag: LoopLag,
        *,
        issuers: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._redis = redis.asyncio.Redis.from_url(
            redis_url, socket_timeout=PATIENCE / 4, socket_connect_timeout=PATIENCE / 4
        )
        self._revision = revision
        self._lag = lag
        self._issuers = issuers
        self._one_at_a_time = asyncio.Lock()
        self._seen: tuple[float, Condition] | None = None
        self.has_started = False

    async def close(self) -> None:
        await self._redis.aclose()

    async def condition(self) -> Condition:
        """What was found during the last second, or a new look."""
        async with self._one_at_a_time:
            if self._seen is None or time.monotonic() - self._seen[0] > GOOD_FOR:
                condition = await self._look()
                self._seen = time.monotonic(), condition
            return self._seen[1]

    def routes(self) -> list[Route]:
        return [
            Route("/livez", self._livez),
            Route("/startupz", self._startupz),
            Route("/readyz", self._readyz),
        ]

    async def _livez(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def _startupz(self, _: Request) -> JSONResponse:
        status = "started" if self.has_started else "starting"
        return JSONResponse({"status": status}, 200 if self.has_started else 503)

    async def _readyz(self, _: Request) -> JSONResponse:
        found = await self.condition()
        checks = {
            "postgresql": found.postgresql,
            "migration": found.migration,
            "eventLoop": found.event_loop,
            "redis": found.redis,
            **({} if found.issuers is None else {"issuers": found.issuers}),
        }
        return JSONResponse(
            {"status": found.status, "checks": checks}, 200 if found.is_ready else 503
        )

    async def _look(self) -> Condition:
        revision, pong = await asyncio.gather(self._read_revision(), self._ping())
        return Condition(
            postgresql="unreachable" if revision is None else "ok",
            migration=_migration(revision, self._revision),
            event_loop="ok" if self._lag.seconds <= LONGEST_LAG else "late",
            redis="ok" if pong else "unreachable",
            issuers=self._issuers(),
        )

    async def _read_revision(self) -> str | None:
        """The revision of the database; "" when it has none, None when it does not answer."""
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE), self._engine.connect() as connection:
                exists = await connection.scalar(text("SELECT to_regclass('alembic_version')"))
                if exists is None:
                    return ""
                found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
                return str(found or "")
        return None

    async def _ping(self) -> bool:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return bool(await self._redis.ping())
        return False


def _migration(found: str | None, needed: str) -> str:
    if found is None:
        return "unknown"
    return "ok" if found == needed else "other"
