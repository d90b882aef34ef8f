"""The attempts of a town: whoever takes courses has completed `Again` and `Once`; `Again` may be
taken as often as one likes. Everybody has a student in Selling and Law, who has begun."""

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from models.catalog import RetakePolicy
from operations.learning import course_settings
from tests.proof.table import PEOPLE
from tests.world import MONDAY, World

if TYPE_CHECKING:
    from tests.proof.town import City

AGAIN, ONCE = "Again", "Once"
COURSES: Final = (AGAIN, ONCE)
TAKERS: Final = {
    "instructor": "INSTRUCTOR",
    "coordinator_direct": "COORDINATOR",
    "coordinator_derived": "COORDINATOR",
    "learner": "LEARNER",
}

BEGAN: Final = text("""
WITH counted AS (
    INSERT INTO progress (workspace_id, course_id, member_id, attempts, state, completed_at)
    VALUES (:workspace, :course, :member, 1, :progress, :ended)
    ON CONFLICT (course_id, member_id) DO UPDATE
       SET attempts = 1, state = excluded.state, completed_at = excluded.completed_at
    RETURNING workspace_id, course_id, member_id
), attempted AS (
    INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role,
                         created_at, started_at, ended_at)
    SELECT workspace_id, course_id, member_id, 1, :state, 'SELF', :role, :at, :at, :ended
      FROM counted
    RETURNING id, workspace_id, course_id
)
INSERT INTO attempt_module (attempt_id, module_id, workspace_id, revision, place, state, opened_at)
SELECT a.id, m.id, a.workspace_id, m.revision, row_number() OVER (PARTITION BY a.id ORDER BY m.id),
       'IN_PROGRESS', :at
  FROM attempted a
  JOIN course_module c ON c.course_id = a.course_id
  JOIN module m ON m.id = c.module_id AND m.revision IS NOT NULL
""")


def student_of(principal: str) -> str:
    """Whom nobody but this principal completes or resets."""
    return f"Student of {principal}"


async def furnish(city: "City") -> None:
    world = city.world
    async with world.edge.transaction() as db:
        await course_settings.edit(
            db,
            by=world.system,
            course_id=world.courses[AGAIN],
            changes={"retake_policy": RetakePolicy.UNLIMITED},
            at=MONDAY,
        )
    students = [student_of(each) for each in PEOPLE]
    for name in students:
        await world.member(name, department="None")
    for course in ("Selling", "Law"):
        await world.enrol(course, *students)
        for name in students:
            await _began(world, course, name, "LEARNER")
    for course in (AGAIN, ONCE):
        for name, role in TAKERS.items():
            await _began(world, course, name, role, is_completed=True)


async def _began(
    world: World, course: str, name: str, role: str, *, is_completed: bool = False
) -> None:
    told = {
        "workspace": world.workspace_id,
        "course": world.courses[course],
        "member": world.members[name],
        "role": role,
        "state": "COMPLETED" if is_completed else "IN_PROGRESS",
        "progress": "COMPLETED" if is_completed else "IN_PROGRESS",
        "at": MONDAY,
        "ended": MONDAY if is_completed else None,
    }
    async with world.edge.transaction() as db:
        await db.execute(BEGAN, told)
