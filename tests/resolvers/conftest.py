"""A company, and asking its schema."""

from functools import partial

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.engine import run_until_idle
from tests.resolvers.asking import Ask
from tests.world import World


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await World.new(sessions)


@pytest.fixture
def ask(world: World, sync_database: Engine) -> Ask:
    return Ask(world, settle=partial(run_until_idle, sync_database))
