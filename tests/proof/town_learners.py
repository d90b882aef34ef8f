"""Who learns in the courses of a town beside everybody else and stays there: one in no group, one
in the group of everybody who has made one."""

from typing import TYPE_CHECKING, Final

from tests.proof.table import PEOPLE
from tests.proof.town_learning import group_of

if TYPE_CHECKING:
    from tests.proof.town import City

CLASSMATE: Final = "Classmate"
GROUPMATE: Final = "Groupmate"


async def furnish(city: "City") -> None:
    world = city.world
    await world.member(CLASSMATE, department="None")
    for course in ("Selling", "Law"):
        await world.enrol(course, CLASSMATE)
    await world.member(GROUPMATE, department="None")
    for principal in PEOPLE:
        await world.enrol("Selling", GROUPMATE, group=group_of(principal))
