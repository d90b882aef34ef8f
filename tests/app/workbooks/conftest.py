"""A class that takes a quiz."""

import pytest

from tests.app.workbooks.classroom import Classroom
from tests.furnishing import furnished
from tests.world import World


@pytest.fixture
@furnished
async def classroom(world: World) -> Classroom:
    return await Classroom.new(world)
