"""The learners of a town: groups, pupils to assign and unassign, and a history of due dates.

Everybody who may make groups in Selling has one, called after them; `Shared` is somebody else's,
and open to all.
The manager of the workspace has made the group of Law, so that it is nobody's who acts there.
"""

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from operations.learning import due_dates, facilitators
from tests.proof.table import PEOPLE
from tests.world import MONDAY, World

if TYPE_CHECKING:
    from tests.proof.town import City

MADE: Final = "UPDATE learner_group SET created_by_id = :maker WHERE id = :group"
LAW, SHARED, STAYS = "Counsel", "Shared", "Evergreen"
DAYS: Final = 400


def group_of(principal: str) -> str:
    return f"Group of {principal}"


def pupil_of(principal: str) -> str:
    """Whom nobody but this principal assigns."""
    return f"Pupil of {principal}"


async def furnish(city: "City") -> None:
    world = city.world
    for principal in PEOPLE:
        await world.member(pupil_of(principal), department="None")
    await _groups(world)
    await _enrolments(world)
    async with world.edge.transaction() as db:
        await facilitators.enroll(
            db,
            by=world.system,
            group_id=world.groups[SHARED],
            member_ids=[world.members["instructor"]],
            at=MONDAY,
        )
    await _due_dates(world)


async def _groups(world: World) -> None:
    makers = {group_of(principal): principal for principal in PEOPLE} | {SHARED: "Iris"}
    for name, maker in makers.items():
        await _group(world, name, "Selling", maker)
    await _group(world, LAW, "Law", "workspace_manager")


async def _group(world: World, name: str, course: str, maker: str) -> None:
    await world.group(name, course=course, allows_self_enrolment=name == SHARED)
    async with world.edge.transaction() as db:
        given = {"maker": world.members[maker], "group": world.groups[name]}
        await db.execute(text(MADE), given)


async def _enrolments(world: World) -> None:
    await world.enrol("Selling", "learner", group=SHARED)
    await world.enrol("Archive", *(pupil_of(each) for each in PEOPLE))
    await world.enrol("Law", pupil_of("finance_manager"))
    await world.enrol("Law", pupil_of("learner"), group=LAW)
    for principal in PEOPLE:
        await world.enrol("Selling", pupil_of("learner"), group=group_of(principal))


async def _due_dates(world: World) -> None:
    """Of a course, a group and a learner, one change each."""
    async with world.edge.transaction() as db:
        await due_dates.update(
            db,
            by=world.system,
            course_id=world.courses["Selling"],
            member_ids=[world.members["learner"]],
            due_at=MONDAY + dt.timedelta(days=DAYS),
            at=MONDAY,
        )
