"""A company per test."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.world import World


@pytest.fixture
async def world(sessions: async_sessionmaker[AsyncSession]) -> World:
    return await World.new(sessions)
