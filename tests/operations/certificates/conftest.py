"""A school per test."""

import pytest

from tests.certifying import School
from tests.furnishing import furnished
from tests.world import World


@pytest.fixture
@furnished
async def school(world: World) -> School:
    return await School.open(world)
