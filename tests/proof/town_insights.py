"""What figures of a town hang on beside everything else: the quiz of Selling, in Archive too."""

from typing import TYPE_CHECKING, Final

from models.catalog import CourseModule
from tests.proof.town_grading import QUIZZES

if TYPE_CHECKING:
    from tests.proof.town import City

LAST: Final = 99
"""A place of a course after all others."""


async def furnish(city: "City") -> None:
    world = city.world
    async with world.edge.transaction() as db:
        db.add(
            CourseModule(
                workspace_id=world.workspace_id,
                course_id=world.courses["Archive"],
                module_id=world.modules[QUIZZES["Selling"]],
                place=LAST,
            )
        )
