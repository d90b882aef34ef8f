"""Companies that many tests begin with: built once in a run, and copied for each of them.

    @pytest.fixture
    @furnished
    async def office(world: World) -> World:
        await world.member("Mona")
        return world

The first test that asks for `office` has it built in a database of its own, by the product's
operations. Whoever asks for it then, in whichever process of the run, gets a copy of that database,
and the names of what is in it.
"""

import asyncio
import io
import pickle
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any, Final, TypeVar, cast

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from tests.engine import run_until_idle
from tests.resolvers.asking import Ask
from tests.servers import TEMPLATE, PostgresServer
from tests.world import World

B = TypeVar("B", bound=Callable[..., Awaitable[Any]])

BUILDS: Final = "builds_a_company"
SESSIONS: Final = "sessions"
"""Stands for the connections of a company where it is stored; each copy has its own."""

MADE: Final = "SELECT template, company FROM furnished WHERE build = %s"
MAKE: Final = "INSERT INTO furnished (build, template, company) VALUES (%s, %s, %s)"
MINE: Final = "SELECT pg_advisory_lock(hashtext(%s))"

_templates: dict[Callable[..., Any], str] = {}
_companies: dict[str, tuple[Callable[..., Any], bytes]] = {}
"""What builds it, and the company as it is stored, by template."""

_template_of: dict[str, str] = {}
"""Which template the database of an address is a copy of."""


def furnished(build: B) -> B:
    """Of a fixture that fills a world, and takes only it, `ask` and `sync_database`. It gives one
    of these, or what knows the world by other names."""

    shown = "ask" if build.__annotations__["return"] is Ask else "world"

    @wraps(build)
    async def give(**needs: Any) -> Any:
        world: World = needs["world"]
        if world.furnished_by is not build:
            return await build(**needs)
        return needs[shown] if world.furnished is None else world.furnished

    setattr(give, BUILDS, build)
    return cast("B", give)


async def nobody(world: World) -> World:
    """Builds the company that has nothing in it yet."""
    return world


def with_a_company(give: B) -> B:
    """Of the fixture that gives the company of a database."""
    setattr(give, BUILDS, nobody)
    return give


def template_for(request: pytest.FixtureRequest, server: PostgresServer) -> str:
    """What the database of a test is to be a copy of."""
    wanted = list(_asked_for(request))
    if not wanted:
        return TEMPLATE
    return template_of(next((each for each in wanted if each is not nobody), nobody), server)


def template_of(build: Callable[..., Any], server: PostgresServer) -> str:
    """The database with the company that is built so; built by whoever asks first."""
    build = getattr(build, BUILDS, build)
    if build not in _templates:
        name = f"{build.__module__}.{build.__qualname__}"
        with server.connect() as line:
            line.execute(MINE, [name])
            row = line.execute(MADE, [name]).fetchone()
            if row is None:
                row = _built(build, server)
                line.execute(MAKE, [name, *row])
        _templates[build] = row[0]
        _companies[row[0]] = (build, row[1])
    return _templates[build]


def _asked_for(request: pytest.FixtureRequest) -> Iterator[Callable[..., Awaitable[Any]]]:
    """What builds the companies that a test asks for."""
    known: dict[str, Any] = request.node._fixtureinfo.name2fixturedefs
    for name in request.fixturenames:
        for each in reversed(known.get(name, ())):
            build = getattr(each.func, BUILDS, None)
            if build is not None:
                yield build
            if name not in each.argnames:
                break  # what it overrides is not asked for


def remember(url: str, template: str) -> None:
    _template_of[url] = template


async def world_of(url: str, sessions: async_sessionmaker[AsyncSession]) -> World:
    """The company of this database: what was put into it, or an empty one."""
    template = _template_of.get(url, TEMPLATE)
    if template == TEMPLATE:
        return await World.new(sessions)
    return company_in(template, sessions)


def company_in(template: str, sessions: async_sessionmaker[AsyncSession]) -> World:
    """The names of what is in a copy of this template."""
    build, stored = _companies[template]
    reading = _Reading(io.BytesIO(stored))
    reading.sessions = sessions
    world: World = reading.load()
    world.furnished_by = build
    return world


class _Storing(pickle.Pickler):
    def persistent_id(self, thing: object) -> str | None:
        return SESSIONS if isinstance(thing, async_sessionmaker) else None


class _Reading(pickle.Unpickler):
    sessions: async_sessionmaker[AsyncSession]

    def persistent_load(self, name: str) -> object:
        assert name == SESSIONS
        return self.sessions


def _built(build: Callable[..., Awaitable[Any]], server: PostgresServer) -> tuple[str, bytes]:
    name = server.clone()
    stored = io.BytesIO()
    with ThreadPoolExecutor(1) as elsewhere:
        # The loop of the tests is this thread's.
        made = elsewhere.submit(asyncio.run, _build(build, server.url(name))).result()
    _Storing(stored).dump(made)
    return name, stored.getvalue()


async def _build(build: Callable[..., Awaitable[Any]], url: str) -> World:
    engine, outside = create_async_engine(url), create_engine(url, poolclass=NullPool)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    given = {
        "world": world,
        "ask": Ask(world, settle=partial(run_until_idle, outside)),
        "sync_database": outside,
    }
    made = await build(**{name: given[name] for name in _needs(build)})
    await engine.dispose()
    world.furnished = None if made in (world, given["ask"]) else made
    return world


def _needs(build: Callable[..., Any]) -> list[str]:
    return [each for each in build.__annotations__ if each != "return"]
