"""Taking a course: attempts begin, follow their modules, and keep what they began with."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest

from models.catalog import CourseState, ModuleKind
from models.progress import AttemptState, ModuleState, ProgressState, RoleAtStart
from operations import modules
from operations.content.questions import LessonContent
from operations.refusals import Code, Denied, Refused
from tests.operations.learning.attempting import (
    attempts_of,
    configure,
    consist_of,
    due,
    grade,
    open_module,
    progress_of,
    publish,
    read,
    revisions_of,
    start,
    states_of,
    submit,
    unenrol,
    work,
)
from tests.world import MONDAY, World

NOT_STARTED, IN_PROGRESS, SUBMITTED, COMPLETED, FAILED, *_ = AttemptState


@pytest.mark.spec("M16", "C22")
async def test_opening_a_module_begins_the_attempt_it_belongs_to(school: World) -> None:
    opened = await open_module(school, "Cora", "Read")

    [attempt] = await attempts_of(school, "Cora")
    assert (attempt.id, attempt.number, attempt.state) == (opened.attempt.id, 1, IN_PROGRESS)
    assert attempt.started_at == MONDAY
    assert opened.module.state is ModuleState.IN_PROGRESS
    assert opened.revision.number == 1
    assert (await school.verbs())[-1] == "attempt.started"


@pytest.mark.spec("M16")
async def test_nobody_opens_content_without_a_role_on_the_course(school: World) -> None:
    with pytest.raises(Denied):
        await open_module(school, "Mona", "Read")
    with pytest.raises(Refused) as refused:
        await open_module(school, "Nora", "Read")

    assert refused.value.code is Code.NOT_FOUND
    assert await attempts_of(school, "Mona") == await attempts_of(school, "Nora") == []


@pytest.mark.spec("H1")
async def test_an_attempt_is_begun_first_and_opened_later(school: World) -> None:
    begun = await start(school, "Lea")
    assert (begun.state, begun.started_at) == (NOT_STARTED, None)

    again = await start(school, "Lea")
    opened = await open_module(school, "Lea", "Read")

    assert again.id == opened.attempt.id == begun.id
    assert await states_of(school, "Lea") == [IN_PROGRESS]
    assert (await progress_of(school, "Lea")).state is ProgressState.IN_PROGRESS


@pytest.mark.spec("H1")
async def test_an_attempt_follows_its_modules_to_the_end(school: World) -> None:
    assert (await read(school, "Lea", "Read")).state is IN_PROGRESS
    waiting = await work(school, "Lea", "Quiz", ModuleState.SUBMITTED)
    assert (waiting.state, waiting.submitted_at) == (SUBMITTED, MONDAY)
    assert (await progress_of(school, "Lea")).state is ProgressState.SUBMITTED

    graded = await grade(school, "Lea", "Quiz", ModuleState.COMPLETED, 8)

    assert (graded.state, graded.score, graded.max_score) == (COMPLETED, Decimal(8), Decimal(10))
    row = await progress_of(school, "Lea")
    assert (row.state, row.percent, row.completed_at) == (
        ProgressState.COMPLETED,
        Decimal(80),
        MONDAY,
    )
    verbs = [each for each in await school.verbs() if each.startswith("attempt.")]
    assert verbs == ["attempt.started", "attempt.submitted", "attempt.completed"]


@pytest.mark.spec("H1")
async def test_a_failed_module_fails_the_attempt_once_nothing_is_left_to_do(school: World) -> None:
    assert (await work(school, "Lea", "Quiz", ModuleState.FAILED, 2)).state is IN_PROGRESS

    ended = await read(school, "Lea", "Read")

    assert (ended.state, ended.ended_at) == (FAILED, MONDAY)
    row = await progress_of(school, "Lea")
    assert (row.state, row.percent, row.completed_at) == (ProgressState.FAILED, Decimal(20), None)


async def test_grading_again_turns_completed_into_failed_and_back(school: World) -> None:
    await read(school, "Lea", "Read")
    await work(school, "Lea", "Quiz", ModuleState.COMPLETED, 9)

    assert (await grade(school, "Lea", "Quiz", ModuleState.FAILED, 1)).state is FAILED
    assert (await progress_of(school, "Lea")).completed_at is None
    assert (await grade(school, "Lea", "Quiz", ModuleState.COMPLETED, 10)).state is COMPLETED

    assert (await progress_of(school, "Lea")).percent == 100


async def test_handing_in_early_fails_what_is_not_done_and_waits_for_grades(school: World) -> None:
    await work(school, "Lea", "Quiz", ModuleState.SUBMITTED)
    assert (await submit(school, "Lea")).state is SUBMITTED

    assert (await grade(school, "Lea", "Quiz", ModuleState.COMPLETED, 10)).state is FAILED


async def test_there_is_nothing_to_hand_in_before_anything_is_opened(school: World) -> None:
    with pytest.raises(Refused) as nothing:
        await submit(school, "Lea")
    await start(school, "Lea")
    with pytest.raises(Refused) as unopened:
        await submit(school, "Lea")

    assert (nothing.value.code, unopened.value.code) == (Code.NOT_FOUND, Code.BAD_USER_INPUT)


async def test_a_lesson_finished_twice_begins_no_second_attempt(school: World) -> None:
    await work(school, "Cora", "Quiz", ModuleState.COMPLETED, 10)
    ended = await read(school, "Cora", "Read")

    again = await read(school, "Cora", "Read")

    assert again.id == ended.id
    assert await states_of(school, "Cora") == [COMPLETED]


async def test_a_quiz_is_not_completed_by_saying_so(school: World) -> None:
    with pytest.raises(Refused) as refused:
        await read(school, "Lea", "Quiz")

    assert refused.value.code is Code.BAD_USER_INPUT
    assert await attempts_of(school, "Lea") == []


@pytest.mark.spec("C22", "H1")
async def test_an_open_attempt_keeps_the_revisions_and_modules_it_began_with(school: World) -> None:
    await publish(school, "Read")
    begun = await start(school, "Lea")
    await publish(school, "Read", LessonContent("Newer."))
    await consist_of(school, "Safety", Added=ModuleKind.LESSON)
    async with school.edge.transaction() as db:
        await modules.add_remove(
            db,
            by=school.system,
            course_id=school.courses["Safety"],
            remove=[school.modules["Quiz"]],
        )

    with pytest.raises(Refused) as refused:
        await open_module(school, "Lea", "Added")
    opened = await open_module(school, "Lea", "Read")

    assert refused.value.code is Code.NOT_FOUND
    assert opened.revision.content["markdown"] == "Read."
    assert await revisions_of(school, begun) == {"Read": 2, "Quiz": 1}
    assert await revisions_of(school, await start(school, "Leo")) == {"Read": 3, "Added": 1}


async def test_what_was_never_published_is_in_no_attempt(school: World) -> None:
    await school.module("Draft", courses=["Safety"])

    begun = await start(school, "Lea")

    assert await revisions_of(school, begun) == {"Read": 1, "Quiz": 1}


@pytest.mark.spec("H1", "M39")
@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Lea", RoleAtStart.LEARNER),
        ("Cora", RoleAtStart.COORDINATOR),
        ("Ines", RoleAtStart.INSTRUCTOR),
    ],
)
async def test_an_attempt_stores_the_role_it_began_under(
    school: World, name: str, role: RoleAtStart
) -> None:
    await school.enrol("Safety", "Cora", "Ines")

    assert (await start(school, name)).role is role


@pytest.mark.spec("H1")
async def test_an_attempt_keeps_the_due_date_that_was_valid_when_it_began(school: World) -> None:
    tuesday, friday = MONDAY + dt.timedelta(days=1), MONDAY + dt.timedelta(days=4)
    await configure(school, due_at=tuesday)
    await due(school, "Leo", friday)
    of_course, of_person = await start(school, "Lea"), await start(school, "Leo")

    await configure(school, due_at=friday)

    assert (of_course.due_at, of_person.due_at) == (tuesday, friday)
    assert [each.due_at for each in await attempts_of(school, "Lea")] == [tuesday]


@pytest.mark.parametrize("state", [CourseState.DRAFT, CourseState.ARCHIVED])
async def test_only_an_active_course_is_taken(school: World, state: CourseState) -> None:
    await start(school, "Lea")
    await configure(school, state=state)

    with pytest.raises(Refused) as refused:
        await open_module(school, "Lea", "Read")

    assert refused.value.code is Code.COURSE_NOT_ACTIVE
    assert refused.value.details == {"state": state}
    assert await states_of(school, "Lea") == [NOT_STARTED]


async def test_a_course_without_modules_is_not_completed_by_being_begun(world: World) -> None:
    await world.member("Lea")
    await world.course("Safety")
    await world.enrol("Safety", "Lea")

    assert (await start(world, "Lea")).state is NOT_STARTED


@pytest.mark.spec("M16", "H1")
async def test_sixteen_clients_at_once_begin_one_attempt(school: World) -> None:
    """Cora has nothing to do with the course as a learner: not even the row of progress exists."""
    opened = await asyncio.gather(*(open_module(school, "Cora", "Read") for _ in range(16)))

    assert len({each.attempt.id for each in opened}) == 1
    assert await states_of(school, "Cora") == [IN_PROGRESS]
    assert (await school.verbs()).count("attempt.started") == 1


@pytest.mark.spec("M2")
async def test_a_learner_who_is_unassigned_takes_nothing_and_goes_on_when_assigned_again(
    school: World,
) -> None:
    begun = await start(school, "Lea")
    await unenrol(school, "Lea")
    with pytest.raises(Refused):
        await open_module(school, "Lea", "Read")
    await school.enrol("Safety", "Lea")

    assert (await open_module(school, "Lea", "Read")).attempt.id == begun.id
