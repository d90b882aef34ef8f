"""A class that takes a quiz."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.app.workbooks.classroom import Classroom


@pytest.fixture
async def classroom(sessions: async_sessionmaker[AsyncSession]) -> Classroom:
    return await Classroom.new(sessions)
