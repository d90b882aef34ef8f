"""Attempts of people whose role ends meanwhile (M39)."""

import pytest
from sqlalchemy import Engine, text

from app.actors import OPERATIONS, abandon_ended_attempts
from models.coordinators import CourseRoleKind
from models.people import MemberState
from models.progress import AttemptState, ModuleState, ProgressState, RoleAtStart
from operations import attachments, coordinators, overrides
from operations.coordinators import OnConflict
from operations.learning import abandoning
from operations.refusals import Denied, Refused
from tests.operations.learning.attempting import (
    attempts_of,
    dismiss,
    open_module,
    progress_of,
    read,
    start,
    states_of,
    unenrol,
    work,
)
from tests.world import MONDAY, World, settle

NOT_STARTED, IN_PROGRESS, SUBMITTED, COMPLETED, FAILED, RESET, ABANDONED = AttemptState

pytestmark = pytest.mark.spec("M39")


async def sweep(world: World) -> int:
    """What the actor does, if it finds that there is something to do."""
    async with world.edge.transaction() as db:
        is_pending = await db.scalar(text(f"SELECT {abandoning.PENDING}"))
        found = await abandoning.sweep(db, limit=100)
    assert bool(is_pending) == bool(found)
    return found


@pytest.fixture
async def derived(school: World) -> World:
    """Dora coordinates “Safety” through a segment."""
    await school.segment("Sales", 'department eq "Sales"')
    await school.attach("Safety", "Sales")
    await school.member("Dora", department="Sales")
    return school


@pytest.mark.parametrize(
    ("name", "role"),
    [("Cora", CourseRoleKind.COORDINATOR), ("Ines", CourseRoleKind.INSTRUCTOR)],
)
async def test_a_role_taken_by_hand_abandons_the_open_attempt_at_once(
    school: World, name: str, role: CourseRoleKind
) -> None:
    await open_module(school, name, "Read")

    await dismiss(school, name, role)

    [attempt] = await attempts_of(school, name)
    assert (attempt.state, attempt.reason) == (ABANDONED, abandoning.REASON)
    assert (await progress_of(school, name)).state is ProgressState.NOT_STARTED
    assert (await school.verbs())[-2:] == [f"{role.value.lower()}.removed", "attempt.abandoned"]
    with pytest.raises(Refused):
        await open_module(school, name, "Read")


async def test_what_was_finished_before_the_role_ended_stays_as_it_is(school: World) -> None:
    await read(school, "Cora", "Read")
    await work(school, "Cora", "Quiz", ModuleState.COMPLETED, 10)
    await start(school, "Cora")

    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)

    assert await states_of(school, "Cora") == [COMPLETED, ABANDONED]
    assert (await progress_of(school, "Cora")).percent == 100


async def test_with_a_learner_enrolment_the_attempt_is_finished(school: World) -> None:
    begun = await start(school, "Cora")
    await school.enrol("Safety", "Cora")
    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)

    await read(school, "Cora", "Read")
    ended = await work(school, "Cora", "Quiz", ModuleState.COMPLETED, 10)

    assert (ended.id, ended.state, ended.role) == (begun.id, COMPLETED, RoleAtStart.COORDINATOR)


async def test_when_that_enrolment_ends_too_the_attempt_is_abandoned(school: World) -> None:
    await start(school, "Cora")
    await school.enrol("Safety", "Cora")
    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)
    await unenrol(school, "Cora")

    with pytest.raises(Refused):
        await open_module(school, "Cora", "Read")
    assert await sweep(school) == 1

    assert await states_of(school, "Cora") == [ABANDONED]


async def test_the_attempt_of_a_learner_is_never_abandoned(school: World) -> None:
    await start(school, "Lea")
    await unenrol(school, "Lea")

    assert await sweep(school) == 0

    assert await states_of(school, "Lea") == [NOT_STARTED]


async def test_a_role_the_engine_ended_abandons_the_attempt_when_it_is_looked_at(
    derived: World, sync_database: Engine
) -> None:
    settle(sync_database)
    await open_module(derived, "Dora", "Read")
    await derived.change("Dora", department="Finance")
    settle(sync_database)

    with pytest.raises(Refused):
        await open_module(derived, "Dora", "Read")
    assert await states_of(derived, "Dora") == [IN_PROGRESS]
    assert await sweep(derived) == 1

    [attempt] = await attempts_of(derived, "Dora")
    assert (attempt.state, attempt.ended_by_id) == (ABANDONED, None)
    assert await sweep(derived) == 0


async def test_another_source_of_the_role_keeps_the_attempt(
    derived: World, sync_database: Engine
) -> None:
    settle(sync_database)
    begun = await start(derived, "Dora")
    async with derived.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=derived.system,
            course_id=derived.courses["Safety"],
            coordinators=[derived.members["Dora"]],
        )
        await attachments.detach(
            db,
            by=derived.system,
            course_id=derived.courses["Safety"],
            segment_id=derived.segments["Sales"],
        )

    assert await sweep(derived) == 0
    assert (await open_module(derived, "Dora", "Read")).attempt.id == begun.id


async def test_an_exclusion_abandons_the_attempt_at_once(
    derived: World, sync_database: Engine
) -> None:
    settle(sync_database)
    await start(derived, "Dora")

    async with derived.edge.transaction() as db:
        await overrides.exclude(
            db,
            by=derived.system,
            course_id=derived.courses["Safety"],
            member_id=derived.members["Dora"],
            reason="On leave.",
            expires_at=None,
            at=MONDAY,
        )

    assert await states_of(derived, "Dora") == [ABANDONED]


async def test_who_becomes_instructor_leaves_the_attempt_of_a_coordinator_behind(
    school: World,
) -> None:
    await start(school, "Cora")
    async with school.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=school.system,
            course_id=school.courses["Safety"],
            instructors=[school.members["Cora"]],
            on_conflict=OnConflict.SWITCH,
        )

    again = await start(school, "Cora")

    assert await states_of(school, "Cora") == [ABANDONED, NOT_STARTED]
    assert (again.number, again.role) == (2, RoleAtStart.INSTRUCTOR)


async def test_an_ended_role_is_noticed_when_taking_goes_on_under_another(
    derived: World, sync_database: Engine
) -> None:
    """Dora's derived role is suppressed by an instructor role that nobody told of it."""
    settle(sync_database)
    await start(derived, "Dora")
    async with derived.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
                " VALUES (:course, :member, :workspace, 'INSTRUCTOR')"
            ),
            {
                "course": derived.courses["Safety"],
                "member": derived.members["Dora"],
                "workspace": derived.workspace_id,
            },
        )

    await start(derived, "Dora")

    assert await states_of(derived, "Dora") == [ABANDONED, NOT_STARTED]


@pytest.mark.spec("C19")
async def test_deactivation_keeps_the_attempt_under_a_role_by_hand(school: World) -> None:
    await start(school, "Cora")
    await school.set_state("Cora", MemberState.DEACTIVATED)

    assert await sweep(school) == 0
    with pytest.raises((Denied, Refused)):
        await open_module(school, "Cora", "Read")
    await school.set_state("Cora", MemberState.ACTIVE)
    await open_module(school, "Cora", "Read")

    assert await states_of(school, "Cora") == [IN_PROGRESS]


async def test_a_worker_abandons_what_should_be(school: World) -> None:
    await start(school, "Cora")
    await school.enrol("Safety", "Cora")
    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)
    await unenrol(school, "Cora")

    look = abandon_ended_attempts.look(school.edge)
    assert not isinstance(look, bool)
    assert await look is False

    assert abandon_ended_attempts in OPERATIONS
    assert await states_of(school, "Cora") == [ABANDONED]
