"""A company per test."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.furnishing import world_of
from tests.world import World


@pytest.fixture
async def world(database_url: str, sessions: async_sessionmaker[AsyncSession]) -> World:
    return await world_of(database_url, sessions)
