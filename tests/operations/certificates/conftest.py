"""A school per test."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.certifying import School


@pytest.fixture
async def school(sessions: async_sessionmaker[AsyncSession]) -> School:
    return await School.open(sessions)
