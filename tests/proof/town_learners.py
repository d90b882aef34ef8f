"""Somebody who learns in the courses of a town beside everybody else, in no group."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.proof.town import City

CLASSMATE: Final = "Classmate"


async def furnish(city: "City") -> None:
    world = city.world
    await world.member(CLASSMATE, department="None")
    for course in ("Selling", "Law"):
        await world.enrol(course, CLASSMATE)
