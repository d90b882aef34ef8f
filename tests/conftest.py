"""What every test may ask for: a fresh migrated database, a Redis of its own, counted statements.

| fixture         | what it is                                                                    |
|-----------------|-------------------------------------------------------------------------------|
| database_url    | a fresh, migrated database; with a company in it, if the test asks for one    |
| empty_database_url | a fresh database without any table                                         |
| redis_url       | a Redis database number that no other process of this run uses, flushed       |
| sessions        | async sessions on database_url                                                |
| world           | the company in database_url; an empty one, if nothing else is asked for       |
| sync_database   | a synchronous engine on database_url                                          |
| statements      | the SQL that went through `sessions`, in order, without transaction control   |
| postgres_server, redis_server | the servers themselves                                          |
| node_clients    | how to run the JavaScript clients of tests/clients                            |
"""

import gc
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
import redis
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)

from tests import furnishing, sampling
from tests.engines import engine_on
from tests.node import NodeClients, install_node_clients
from tests.servers import PostgresServer, RedisServer, Servers, hang_up
from tests.world import World

_SERVERS = pytest.StashKey[Servers]()


NEW_OBJECTS, YOUNG, OLD = 20_000, 50, 100
"""After how many new objects garbage is looked for among the newest, and after how many such looks
among older ones. Answers and parsed documents are so many objects that Python's own numbers spend
a quarter of the time on it."""


LONG: Final = 90.0
"""Seconds a test may take from which on it is among those that begin."""


def pytest_configure(config: pytest.Config) -> None:
    """The first process will own the servers; nothing starts before something asks."""
    gc.set_threshold(NEW_OBJECTS, YOUNG, OLD)
    if not hasattr(config, "workerinput"):
        config.stash[_SERVERS] = Servers()
        sampling.settle_seed()


def pytest_report_header() -> str:
    return sampling.settle_seed()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, however the run went."""
    hang_up()
    servers = config.stash.get(_SERVERS, None)
    if servers is not None:
        servers.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are."""
    servers = node.config.stash[_SERVERS]
    node.workerinput["postgres"] = servers.postgres.address
    node.workerinput["redis"] = (servers.redis.socket, servers.redis.tcp)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What may take long begins in each of the processes, which get equal shares one after the
    other: so that at the end none waits for another's last test."""
    processes = int(getattr(config, "workerinput", {}).get("workercount", 1))
    items.sort(key=_longest, reverse=True)
    long = [each for each in items if _longest(each) >= LONG]
    rest = items[len(long) :]
    shares = [len(rest) * number // processes for number in range(processes + 1)]
    items[:] = [
        each
        for number, (start, end) in enumerate(pairwise(shares))
        for each in (*long[number::processes], *rest[start:end])
    ]


def pytest_collection_finish() -> None:
    """What is imported by now stays: nobody needs to look through it for garbage again."""
    gc.collect()
    gc.freeze()


def _longest(item: pytest.Item) -> float:
    marked = item.get_closest_marker("timeout")
    return float(marked.args[0]) if marked else 0.0


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures that tests have measured (`record_property`); whole numbers are added up
    over all tests that measured the same."""
    sums: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if isinstance(value, int):
                sums[name] += value
            else:
                terminalreporter.write_line(f"{name}: {value}")
    for name, total in sums.items():
        terminalreporter.write_line(f"{name}: {total:,}")


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    if hasattr(pytestconfig, "workerinput"):
        return PostgresServer(pytestconfig.workerinput["postgres"])
    return pytestconfig.stash[_SERVERS].postgres


@pytest.fixture(scope="session")
def redis_server(pytestconfig: pytest.Config) -> RedisServer:
    if hasattr(pytestconfig, "workerinput"):
        return RedisServer(*pytestconfig.workerinput["redis"])
    return pytestconfig.stash[_SERVERS].redis


@pytest.fixture
def database_url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    template = furnishing.template_for(request, postgres_server)
    name = postgres_server.clone(template)
    url = postgres_server.url(name)
    furnishing.remember(url, template)
    yield url
    postgres_server.drop(name)


@pytest.fixture
def empty_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.clone("template0")
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = redis_server.url(1 + int(worker))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def statements() -> list[str]:
    return []


@pytest.fixture
async def async_database(database_url: str, statements: list[str]) -> AsyncIterator[AsyncEngine]:
    async with engine_on(database_url, statements) as engine:
        yield engine


@pytest.fixture
def sessions(async_database: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(async_database, expire_on_commit=False)


@pytest.fixture
@furnishing.with_a_company
async def world(database_url: str, sessions: async_sessionmaker[AsyncSession]) -> World:
    return await furnishing.world_of(database_url, sessions)


@pytest.fixture
def sync_database(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def node_clients() -> NodeClients:
    return install_node_clients()
