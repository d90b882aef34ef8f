"""Completing a course for people, and letting them begin anew (M4, M5, M38)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from access.permissions import Permission, Principal
from models.catalog import CourseState
from models.certificates import Certificate, CertificateState
from models.progress import AttemptOrigin, AttemptState, ModuleState, ProgressState, RoleAtStart
from operations import workspaces
from operations.learning import attempts, resetting
from operations.learning.completing import Completion
from operations.learning.resetting import Reset
from operations.refusals import Code, Denied, Refused
from tests.operations.learning.attempting import (
    attempts_of,
    configure,
    grade,
    mark_complete,
    open_module,
    progress_of,
    read,
    reset,
    start,
    states_of,
    unenrol,
    work,
)
from tests.world import MONDAY, World

NOT_STARTED, IN_PROGRESS, SUBMITTED, COMPLETED, FAILED, RESET, ABANDONED = AttemptState


@pytest.mark.spec("M4")
async def test_a_coordinator_completes_the_course_of_a_learner_without_an_attempt(
    school: World,
) -> None:
    assert await mark_complete(school, "Cora", "Lea") == [Completion.COMPLETED]

    [attempt] = await attempts_of(school, "Lea")
    assert (attempt.state, attempt.origin, attempt.role) == (
        COMPLETED,
        AttemptOrigin.MANUAL,
        RoleAtStart.LEARNER,
    )
    assert attempt.ended_by_id == school.members["Cora"]
    row = await progress_of(school, "Lea")
    assert (row.state, row.attempts, row.completed_at) == (ProgressState.COMPLETED, 1, MONDAY)


@pytest.mark.spec("M4")
async def test_an_open_attempt_is_completed_as_it_is(school: World) -> None:
    await read(school, "Lea", "Read")

    assert await mark_complete(school, "Cora", "Lea") == [Completion.COMPLETED]

    [attempt] = await attempts_of(school, "Lea")
    assert (attempt.state, attempt.origin) == (COMPLETED, AttemptOrigin.SELF)


@pytest.mark.spec("M4")
@pytest.mark.parametrize("by", ["Cora", "Mona"])
async def test_nobodys_word_completes_a_draft(school: World, by: str) -> None:
    await configure(school, state=CourseState.DRAFT)

    with pytest.raises(Refused) as refused:
        await mark_complete(school, by, "Lea")

    assert refused.value.code is Code.COURSE_NOT_ACTIVE
    assert refused.value.details["state"] == "DRAFT"
    assert await attempts_of(school, "Lea") == []


@pytest.mark.spec("M4")
async def test_a_course_that_is_wound_up_can_still_be_completed(school: World) -> None:
    await read(school, "Lea", "Read")
    await configure(school, state=CourseState.ARCHIVED)

    done = await mark_complete(school, "Cora", "Lea", "Leo")

    assert done == [Completion.COMPLETED, Completion.COMPLETED]
    assert await states_of(school, "Lea") == await states_of(school, "Leo") == [COMPLETED]


async def test_whoever_may_not_complete_is_not_told_that_the_course_is_a_draft(
    school: World,
) -> None:
    await configure(school, state=CourseState.DRAFT)

    with pytest.raises(Denied):
        await mark_complete(school, "Leo", "Lea")


@pytest.mark.spec("M4", "M38")
async def test_everybody_gets_a_result(school: World) -> None:
    await school.enrol("Safety", "Cora")
    await mark_complete(school, "Mona", "Leo")
    async with school.edge.transaction() as db:
        done = await attempts.complete(
            db,
            by=school.caller("Cora"),
            course_id=school.courses["Safety"],
            member_ids=[
                *(school.members[name] for name in ("Cora", "Lea", "Leo", "Nora", "Lea")),
                10**9,
            ],
            origin=AttemptOrigin.MANUAL,
            at=MONDAY,
        )

    assert list(done.values()) == [
        Completion.SELF_ACTION,
        Completion.COMPLETED,
        Completion.ALREADY_COMPLETED,
        Completion.NOT_LEARNER,
        Completion.NOT_FOUND,
    ]


@pytest.mark.spec("M4")
@pytest.mark.parametrize("name", ["Lea", "Gil"])
async def test_neither_learners_nor_graders_complete_a_course_for_others(
    school: World, name: str
) -> None:
    await school.member("Gil")
    await school.grant("Gil", Principal.COURSE_TEACH, course="Safety")

    with pytest.raises(Denied) as denied:
        await mark_complete(school, name, "Leo")

    assert denied.value.permission is Permission.MARK_COMPLETE
    assert await attempts_of(school, "Leo") == []


@pytest.mark.spec("M2")
async def test_who_is_unassigned_is_no_learner(school: World) -> None:
    await unenrol(school, "Lea")

    assert await mark_complete(school, "Cora", "Lea") == [Completion.NOT_LEARNER]
    assert await reset(school, "Cora", "Lea") == [Reset.NOT_LEARNER]


async def test_somebody_s_word_stands_against_a_later_grade(school: World) -> None:
    await read(school, "Lea", "Read")
    await work(school, "Lea", "Quiz", ModuleState.SUBMITTED)
    await mark_complete(school, "Cora", "Lea")

    await grade(school, "Lea", "Quiz", ModuleState.FAILED, 1)

    assert await states_of(school, "Lea") == [COMPLETED]


async def test_attendance_completes_a_course_where_marking_it_complete_is_no_right(
    school: World,
) -> None:
    await school.member("Gil")
    await school.grant("Gil", Principal.COURSE_TEACH, course="Safety")

    done = await mark_complete(school, "Gil", "Lea", origin=AttemptOrigin.ATTENDANCE)

    assert done == [Completion.COMPLETED]
    assert [each.origin for each in await attempts_of(school, "Lea")] == [AttemptOrigin.ATTENDANCE]


@pytest.mark.spec("M5")
async def test_a_reset_archives_the_open_attempt_with_actor_and_reason(school: World) -> None:
    await open_module(school, "Lea", "Read")

    assert await reset(school, "Cora", "Lea", reason="Wrong course.") == [Reset.RESET]

    [attempt] = await attempts_of(school, "Lea")
    assert (attempt.state, attempt.reason) == (RESET, "Wrong course.")
    assert (attempt.ended_by_id, attempt.ended_at) == (school.members["Cora"], MONDAY)
    row = await progress_of(school, "Lea")
    assert (row.state, row.attempts, row.attempts_before) == (ProgressState.NOT_STARTED, 1, 1)
    assert (await school.verbs())[-1] == "attempt.reset"


@pytest.mark.spec("M5")
async def test_after_a_reset_completed_attempts_stay_and_count_no_longer(school: World) -> None:
    await read(school, "Lea", "Read")
    await work(school, "Lea", "Quiz", ModuleState.COMPLETED, 9)

    await reset(school, "Cora", "Lea")

    assert await states_of(school, "Lea") == [COMPLETED]
    row = await progress_of(school, "Lea")
    assert (row.state, row.percent, row.completed_at) == (ProgressState.NOT_STARTED, None, None)
    assert await reset(school, "Cora", "Lea") == [Reset.NOTHING_TO_RESET]


@pytest.mark.spec("M5")
@pytest.mark.parametrize("removes", [False, True])
async def test_certificates_stay_unless_they_are_to_be_removed(
    school: World, removes: bool
) -> None:
    await configure(school, certifies_completion=True)
    await mark_complete(school, "Cora", "Lea")

    await reset(school, "Cora", "Lea", remove_certificate=removes)

    async with school.edge.read() as db:
        states = list(await db.scalars(select(Certificate.state)))
    assert states == [CertificateState.REVOKED if removes else CertificateState.ISSUED]


@pytest.mark.spec("M5", "M38")
async def test_everybody_gets_a_result_of_a_reset(school: World) -> None:
    await school.enrol("Safety", "Cora")
    await start(school, "Cora")
    await start(school, "Lea")
    async with school.edge.transaction() as db:
        done = await resetting.reset(
            db,
            by=school.caller("Cora"),
            course_id=school.courses["Safety"],
            member_ids=[
                *(school.members[name] for name in ("Cora", "Lea", "Leo", "Nora")),
                10**9,
            ],
            at=MONDAY,
        )

    assert list(done.values()) == [
        Reset.SELF_ACTION,
        Reset.RESET,
        Reset.NOTHING_TO_RESET,
        Reset.NOT_LEARNER,
        Reset.NOT_FOUND,
    ]
    assert await states_of(school, "Cora") == [NOT_STARTED]


@pytest.mark.spec("M38")
async def test_people_act_on_themselves_where_the_workspace_allows_it(school: World) -> None:
    await school.enrol("Safety", "Cora")
    async with school.edge.transaction() as db:
        await workspaces.edit_settings(db, by=school.caller("Mona"), allows_self_action=True)

    assert await mark_complete(school, "Cora", "Cora") == [Completion.COMPLETED]
    assert await reset(school, "Cora", "Cora") == [Reset.RESET]


@pytest.mark.parametrize("asked", [mark_complete, reset])
async def test_five_hundred_are_named_in_one_call_and_no_more(school: World, asked: Any) -> None:
    names = [f"Person {n}" for n in range(501)]
    school.members |= {name: 10**6 + n for n, name in enumerate(names)}

    with pytest.raises(Refused) as refused:
        await asked(school, "Cora", *names)

    assert refused.value.code is Code.LIMIT_REACHED
    assert set(await asked(school, "Cora", *names[1:])) == {"NOT_FOUND"}


@pytest.mark.spec("G6")
@pytest.mark.parametrize("certifies", [False, True])
async def test_the_statements_do_not_grow_with_the_people(
    school: World, statements: list[str], certifies: bool
) -> None:
    await configure(school, certifies_completion=certifies)
    names = [f"Person {n}" for n in range(40)]
    for name in names:
        await school.member(name)
    await school.enrol("Safety", *names)
    counts = []
    for some in (names[:2], names[2:]):
        await start(school, some[0])
        statements.clear()
        await mark_complete(school, "Cora", *some)
        counts.append(len(statements))
        statements.clear()
        await reset(school, "Cora", *some, remove_certificate=certifies)
        counts.append(len(statements))

    assert counts[:2] == counts[2:]


@pytest.mark.spec("H1")
async def test_a_reset_a_word_and_a_grade_that_come_at_once_leave_one_account(
    school: World,
) -> None:
    """Whatever comes first, what is stored is what some order of the three makes of it."""
    seen = set()
    for n in range(12):
        name = f"Person {n}"
        await school.member(name)
        await school.enrol("Safety", name)
        await read(school, name, "Read")
        await work(school, name, "Quiz", ModuleState.SUBMITTED)
        await asyncio.gather(
            reset(school, "Mona", name),
            mark_complete(school, "Cora", name),
            grade(school, name, "Quiz", ModuleState.FAILED, 1),
        )
        row = await progress_of(school, name)
        states = await states_of(school, name)
        seen.add((tuple(states), row.state, row.attempts_before))

    assert seen <= {
        ((COMPLETED,), ProgressState.NOT_STARTED, 1),
        ((RESET, COMPLETED), ProgressState.COMPLETED, 1),
        ((FAILED, COMPLETED), ProgressState.COMPLETED, 1),
        ((FAILED, COMPLETED), ProgressState.NOT_STARTED, 2),
    }
