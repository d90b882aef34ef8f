"""The whole system, as it runs in production: web and worker processes on one database and Redis.

Everything is reached through its doors. People, courses and segments are made by operations, as
an administrator's own connection to the database would make them.
"""

import datetime as dt
import os
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import redis
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.authentication.issuer import local_issuer
from app.embedded import EmbeddedRedis
from app.settings import Settings, read_settings
from models.identity import ConnectionKind, TokenKind
from operations import connections, tokens
from resolvers import ids
from resolvers.seal import Position, Seal
from sync_engine.bell import Bell
from tests.forking import Child, begin
from tests.workers import Workers
from tests.world import World

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass
class System:
    """One running installation; `url` is where it answers."""

    settings: Settings
    redis: EmbeddedRedis
    url: str
    web: Child
    log: Path

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    @property
    def web_socket(self) -> str:
        return self.graphql.replace("http", "ws", 1)

    def forget_redis(self) -> None:
        """FLUSHALL: everything that is not in the database is gone."""
        with redis.Redis.from_url(self.settings.redis_address) as client:
            client.flushall()


@contextmanager
def running(
    database_url: str, home: Path, environment: Mapping[str, str] | None = None
) -> Iterator[System]:
    """A system of one web process and one worker for each queue; all three start together.

    `environment` is what else is set for the web process.
    """
    with EmbeddedRedis(home / "redis") as own_redis, _listening() as listening:
        settings = read_settings(
            database_url=database_url, redis_url=own_redis.url(), data_dir=home / "data"
        )
        settings.keys()
        local_issuer(settings)
        with Workers(database_url, own_redis.url(), home) as workers:
            processes = [workers.begin("now"), workers.begin("later")]
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with _Web(settings, listening, home / "web.log", environment or {}) as web:
                system = System(settings, own_redis, url, web.process, web.log)
                web.wait_until_ready(url)
                for each in processes:
                    workers.wait_until_ready(each)
                yield system
                stopped = [workers.stop(each) for each in processes]
        assert stopped == [0, 0]


class _Web:
    """The web process, stopped as a supervisor stops it."""

    def __init__(
        self,
        settings: Settings,
        listening: socket.socket,
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.log = log
        self._environment = environment
        self._listening = listening
        self._settings = settings

    def __enter__(self) -> Self:
        environment = {
            **os.environ,
            "DATABASE_URL": self._settings.database_address,
            "REDIS_URL": self._settings.redis_address,
            "COORDINATOR_DATA_DIR": str(self._settings.data_dir),
            **self._environment,
        }
        self.process = begin(
            ["serve", "--inherited", "{0}"],
            environment,
            [Path(os.devnull), self.log, self.log],
            self._listening,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self, url: str) -> None:
        until = time.monotonic() + START_SECONDS
        while not _answers(f"{url}/readyz"):
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"The web process did not start:\n{self.log.read_text()}")
            time.sleep(0.03)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def _listening() -> Iterator[socket.socket]:
    """A socket on a free port. Nobody is refused while the process that answers starts."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        server.set_inheritable(True)
        yield server


@dataclass
class Company:
    """One workspace of the running system, and the keys to it."""

    system: System
    world: World

    def id(self, noun: str, name: str) -> str:
        """The global id of what the world calls by this name."""
        named = {
            "Member": self.world.members,
            "Course": self.world.courses,
            "Segment": self.world.segments,
        }
        return ids.encode(noun, named[noun][name])

    def place(self, cursor: str) -> Position:
        """What a cursor means; only the system's own key can tell."""
        return Seal(self.system.settings.keys().signing_keys("cursor")[0]).read_position(cursor)

    def token(self, name: str, *, seconds: float = 3600) -> str:
        """A signed token of a person, from the local issuer."""
        issuer = local_issuer(self.system.settings)
        assert issuer is not None
        return issuer.mint(
            workspace_id=self.world.workspace_id,
            member_id=self.world.members[name],
            ttl=dt.timedelta(seconds=seconds),
            at=dt.datetime.now(dt.UTC),
        )

    async def stored_token(self, name: str) -> tuple[str, str]:
        """A token that can be revoked: its number and its text."""
        async with self.world.edge.transaction() as db:
            token, shown = await tokens.create(
                db,
                by=self.world.system,
                kind=TokenKind.PAT,
                name="Dashboard",
                member_id=self.world.members[name],
                at=dt.datetime.now(dt.UTC),
            )
        return token.id, shown

    async def revoke(self, token_id: str) -> None:
        async with self.world.edge.transaction() as db:
            await tokens.revoke(
                db, by=self.world.system, token_id=token_id, at=dt.datetime.now(dt.UTC)
            )

    async def scim_token(self) -> str:
        """What an identity provider speaks SCIM with."""
        at = dt.datetime.now(dt.UTC)
        async with self.world.edge.transaction() as db:
            connection, _ = await connections.create(
                db, by=self.world.system, name="Directory", kind=ConnectionKind.SCIM, at=at
            )
            _, shown = await tokens.create(
                db,
                by=self.world.system,
                kind=TokenKind.SCIM,
                name="Directory",
                connection_id=connection.id,
                at=at,
            )
        return shown

    async def webhook(self) -> tuple[str, str]:
        """Where a provider knocks, and the secret it signs with."""
        async with self.world.edge.transaction() as db:
            connection, secret = await connections.create(
                db,
                by=self.world.system,
                name="Personnel",
                kind=ConnectionKind.WEBHOOK,
                seals=self.system.settings.keys(),
                at=dt.datetime.now(dt.UTC),
            )
        assert secret is not None
        return f"{self.system.url}/webhooks/{connection.id}", secret


Found = Callable[..., Awaitable[Company]]
"""`found()`: a new workspace; `found("acme")`: one of this short name."""


@asynccontextmanager
async def founding(system: System) -> AsyncIterator[Found]:
    """Founds workspaces in the system; what operations write there rings the system's bell."""
    engine = create_async_engine(system.settings.database_address)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    bell = Bell(system.settings.redis_address)

    async def found(slug: str | None = None) -> Company:
        slug = slug or f"acme-{uuid.uuid4().hex[:8]}"
        return Company(system, await World.new(sessions, slug, ring=bell.ring))

    yield found
    await engine.dispose()
