"""A company, and asking its schema."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from sync_engine.bus import Bus
from tests.engine import run_until_idle
from tests.furnishing import furnished
from tests.proof.furnishing import settled_town
from tests.resolvers.asking import Ask
from tests.resolvers.following import Follow
from tests.resolvers.school import open_school, settled
from tests.world import World

NO_REDIS = "redis://127.0.0.1:1"


@pytest.fixture
def ask(world: World, sync_database: Engine) -> Ask:
    return Ask(world, settle=partial(run_until_idle, sync_database))


@pytest.fixture
async def follow(ask: Ask, database_url: str) -> AsyncIterator[Follow]:
    """Streams over a bus that polls often; it has connections of its own."""
    engine = create_async_engine(database_url)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with Bus(sessions, NO_REDIS, poll=0.01) as bus:
        yield Follow(ask, bus)
    await engine.dispose()


@pytest.fixture
@furnished
async def school(world: World, ask: Ask) -> World:
    """The small school of `tests.resolvers.school`, everything in it settled."""
    await open_school(world)
    await settled(ask)
    return world


town = pytest.fixture(settled_town)
