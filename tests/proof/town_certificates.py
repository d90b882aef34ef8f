"""The certificates of a town, signed: the graduate has one of Selling and one of Law; whoever may
revoke certificates finds somebody with one that nobody else touches; the learner has one of `Once`.
"""

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from models.catalog import Course
from models.certificates import Certificate
from models.progress import AttemptOrigin
from operations.certificates import issuing, templates
from operations.certificates.templates import Signature
from operations.learning import attempts
from tests.proof.town_attempts import ONCE
from tests.world import MONDAY

if TYPE_CHECKING:
    from tests.proof.town import City

GRADUATE: Final = "Graduate"
HANDLING: Final = (
    "workspace_manager",
    "department_manager",
    "instructor",
    "coordinator_direct",
    "coordinator_derived",
)
COURSES: Final = ("Selling", "Law")
OF_LEARNER: Final = "Once of learner"


def holder_for(principal: str) -> str:
    """Whose certificate this principal may take away."""
    return f"Holder for {principal if principal in HANDLING else HANDLING[0]}"


def certificate_of(course: str, name: str) -> str:
    """What a certificate of the town is called."""
    return f"{course} of {name}"


async def furnish(city: "City") -> None:
    world = city.world
    people = [GRADUATE, *(holder_for(each) for each in HANDLING)]
    for name in people:
        await world.member(name, department="None")
    for course in COURSES:
        await world.enrol(course, *people)
        async with world.edge.transaction() as db:
            await templates.edit(
                db,
                by=world.system,
                course_id=world.courses[course],
                changes={"signatures": (Signature("Wilma", "Head of {{workspaceName}}"),)},
            )
            row = await db.get_one(Course, world.courses[course])
            row.certifies_completion = True
        async with world.edge.transaction() as db:
            await attempts.complete(
                db,
                by=world.system,
                course_id=world.courses[course],
                member_ids=[world.members[name] for name in people],
                origin=AttemptOrigin.MANUAL,
                at=MONDAY,
            )
    async with world.edge.transaction() as db:
        await issuing.generate(
            db,
            by=world.system,
            course_id=world.courses[ONCE],
            member_id=world.members["learner"],
            at=MONDAY,
        )
    await _name(city)


async def _name(city: "City") -> None:
    """Keep what was issued under names that tests can say."""
    world = city.world
    courses = {id: name for name, id in world.courses.items()}
    members = {id: name for name, id in world.members.items()}
    async with world.edge.read() as db:
        for row in await db.scalars(
            select(Certificate).where(Certificate.workspace_id == world.workspace_id)
        ):
            name = certificate_of(courses[row.course_id], members[row.member_id])
            city.certificates[name] = row.id
            city.codes[name] = row.code
