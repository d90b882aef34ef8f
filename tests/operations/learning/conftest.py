"""A course with a lesson and a quiz, and one person of each kind around it."""

import pytest

from access.permissions import Principal
from models.catalog import ModuleKind
from tests.furnishing import furnished
from tests.operations.learning.attempting import consist_of
from tests.world import World


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """“Safety” is a lesson “Read” and a quiz “Quiz”. Mona manages, Ines instructs, Cora
    coordinates, Lea and Leo learn; Nora has nothing to do with it."""
    for name in ("Mona", "Ines", "Cora", "Lea", "Leo", "Nora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await consist_of(world, "Safety", Read=ModuleKind.LESSON, Quiz=ModuleKind.QUIZ)
    await world.enrol("Safety", "Lea", "Leo")
    return world
