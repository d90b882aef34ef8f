"""A school per test."""

import asyncio

import pytest
from sqlalchemy import Engine

from tests.furnishing import furnished
from tests.operations.content.writing import open_school
from tests.world import World, settle


@pytest.fixture
@furnished
async def school(world: World, sync_database: Engine) -> World:
    await open_school(world)
    await asyncio.to_thread(settle, sync_database)
    return world
