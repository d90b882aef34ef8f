"""Beginning a course again: coordinators, instructors and learners (M18, M19)."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from access.permissions import Permission
from models.catalog import RetakePolicy, ScorePolicy
from models.coordinators import CourseRoleKind
from models.progress import AttemptState, ModuleState, ProgressState
from operations import coordinators
from operations.learning import taking
from operations.learning.resetting import Reset
from operations.refusals import Code, Denied, Refused
from tests.operations.learning.attempting import (
    attempts_of,
    configure,
    dismiss,
    grade,
    mark_complete,
    progress_of,
    read,
    reset,
    start,
    states_of,
    work,
)
from tests.world import MONDAY, World

NOT_STARTED, IN_PROGRESS, SUBMITTED, COMPLETED, FAILED, RESET, ABANDONED = AttemptState
UNLIMITED = {"retake_policy": RetakePolicy.UNLIMITED}


def limited(limit: int) -> dict[str, Any]:
    return {"retake_policy": RetakePolicy.LIMITED, "retake_limit": limit}


async def take(school: World, name: str, score: int = 10) -> None:
    """One whole attempt; 5 of 10 pass."""
    await start(school, name)
    await read(school, name, "Read")
    passed = ModuleState.COMPLETED if score >= 5 else ModuleState.FAILED
    await work(school, name, "Quiz", passed, score)


async def refused(school: World, name: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await start(school, name)
    assert caught.value.code is Code.RETAKE_NOT_ALLOWED
    return caught.value


@pytest.mark.spec("M18", "M17")
async def test_a_coordinator_begins_again_without_limit_and_each_attempt_stays(
    school: World,
) -> None:
    for score in (7, 9, 8, 6):
        await take(school, "Cora", score)

    attempts = await attempts_of(school, "Cora")
    assert [each.number for each in attempts] == [1, 2, 3, 4]
    assert [each.score for each in attempts] == [7, 9, 8, 6]
    assert {each.state for each in attempts} == {COMPLETED}


@pytest.mark.spec("M19")
async def test_an_instructor_completes_a_course_once(school: World) -> None:
    await configure(school, **UNLIMITED)
    await take(school, "Ines", score=1)
    await take(school, "Ines")

    no = await refused(school, "Ines")

    assert no.details["role"] == "INSTRUCTOR"
    assert await states_of(school, "Ines") == [FAILED, COMPLETED]


@pytest.mark.spec("M19")
async def test_nothing_lets_an_instructor_begin_again(school: World) -> None:
    """Neither being a learner besides, nor a reset, nor having completed it as somebody else."""
    await configure(school, **UNLIMITED)
    await school.enrol("Safety", "Cora")
    await take(school, "Cora")
    assert await reset(school, "Mona", "Cora") == [Reset.RESET]
    async with school.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=school.system,
            course_id=school.courses["Safety"],
            instructors=[school.members["Cora"]],
            on_conflict=coordinators.OnConflict.SWITCH,
        )

    await refused(school, "Cora")


@pytest.mark.spec("M19")
async def test_who_instructs_no_longer_follows_the_rules_of_what_they_are_then(
    school: World,
) -> None:
    await configure(school, **UNLIMITED)
    await take(school, "Ines")
    await dismiss(school, "Ines", CourseRoleKind.INSTRUCTOR)
    await school.enrol("Safety", "Ines")

    assert (await start(school, "Ines")).number == 2


@pytest.mark.spec("M19")
@pytest.mark.parametrize("score", [10, 1])
async def test_a_learner_begins_no_second_attempt_under_none(school: World, score: int) -> None:
    await take(school, "Lea", score)

    no = await refused(school, "Lea")

    assert no.details == {
        "policy": RetakePolicy.NONE,
        "limit": 0,
        "made": 0,
        "role": "LEARNER",
        "instead": ["resetProgress"],
    }
    assert len(await states_of(school, "Lea")) == 1


@pytest.mark.spec("M19")
async def test_a_learner_makes_as_many_further_attempts_as_the_policy_says(school: World) -> None:
    await configure(school, **limited(2))
    for score in (1, 10, 1):
        await take(school, "Lea", score)

    no = await refused(school, "Lea")

    assert (no.details["limit"], no.details["made"]) == (2, 2)
    assert "2 further attempts, and 2 were made" in no.message
    await configure(school, **limited(3))
    assert (await start(school, "Lea")).number == 4


@pytest.mark.spec("M19", "M18")
async def test_a_learner_begins_again_without_limit_where_the_policy_says_so(
    school: World,
) -> None:
    await configure(school, **UNLIMITED)
    for _ in range(4):
        await take(school, "Lea")

    assert (await start(school, "Lea")).number == 5


@pytest.mark.spec("M18")
async def test_a_coordinator_who_becomes_a_learner_follows_the_policy(school: World) -> None:
    await take(school, "Cora")
    await school.enrol("Safety", "Cora")
    await dismiss(school, "Cora", CourseRoleKind.COORDINATOR)

    await refused(school, "Cora")


@pytest.mark.spec("M5", "H1")
async def test_after_a_reset_a_learner_begins_anew_and_no_number_is_used_twice(
    school: World,
) -> None:
    await take(school, "Lea")
    await reset(school, "Cora", "Lea")

    assert (await start(school, "Lea")).number == 2
    await reset(school, "Cora", "Lea")
    assert (await start(school, "Lea")).number == 3
    assert await states_of(school, "Lea") == [COMPLETED, RESET, NOT_STARTED]


async def test_a_token_that_may_take_but_not_retake_is_denied(school: World) -> None:
    await take(school, "Cora")
    limits = frozenset({Permission.VIEW_COURSE_INFO, Permission.TAKE_COURSE_TRACKED})
    caller = replace(school.caller("Cora"), limited_to=limits)

    with pytest.raises(Denied) as denied:
        async with school.edge.transaction() as db:
            await taking.start(db, by=caller, course_id=school.courses["Safety"], at=MONDAY)

    assert denied.value.permission is Permission.RETAKE_AFTER_COMPLETION


@pytest.mark.spec("M19", "H1")
async def test_many_clients_at_once_make_one_further_attempt(school: World) -> None:
    await configure(school, **limited(1))
    await take(school, "Lea")

    begun = await asyncio.gather(*(start(school, "Lea") for _ in range(16)))

    assert {each.number for each in begun} == {2}


@pytest.mark.spec("H1")
@pytest.mark.parametrize(
    ("policy", "percent"),
    [(ScorePolicy.BEST, 90), (ScorePolicy.LAST, 60), (ScorePolicy.FIRST, 70)],
)
async def test_the_score_on_a_course_is_of_the_attempt_its_policy_names(
    school: World, policy: ScorePolicy, percent: int
) -> None:
    await configure(school, score_policy=policy)
    for score in (7, 9, 6):
        await take(school, "Cora", score)

    assert (await progress_of(school, "Cora")).percent == percent


@pytest.mark.spec("H1")
async def test_another_score_policy_holds_for_everybody_at_once(school: World) -> None:
    await configure(school, **UNLIMITED)
    for name in ("Lea", "Leo", "Cora"):
        await take(school, name, 9)
        await take(school, name, 1)
    await configure(school, score_policy=ScorePolicy.LAST)

    rows = [await progress_of(school, name) for name in ("Lea", "Leo", "Cora")]
    assert [row.percent for row in rows] == [10, 10, 10]
    assert {row.state for row in rows} == {ProgressState.COMPLETED}


async def test_a_policy_and_a_grade_that_come_at_once_agree_in_the_end(school: World) -> None:
    await configure(school, **UNLIMITED)
    for name in ("Lea", "Leo"):
        for score in (9, 6):
            await take(school, name, score)

    for policy in (ScorePolicy.LAST, ScorePolicy.FIRST, ScorePolicy.BEST, ScorePolicy.LAST):
        await asyncio.gather(
            configure(school, score_policy=policy),
            *(grade(school, n, "Quiz", ModuleState.COMPLETED, 7, number=2) for n in ("Lea", "Leo")),
            *(mark_complete(school, "Mona", n) for n in ("Lea", "Leo")),
        )

    assert [(await progress_of(school, n)).percent for n in ("Lea", "Leo")] == [70, 70]


async def test_what_was_not_scored_leaves_the_score_alone(school: World) -> None:
    await configure(school, score_policy=ScorePolicy.LAST, **UNLIMITED)
    await take(school, "Lea", 1)
    await mark_complete(school, "Cora", "Lea")

    row = await progress_of(school, "Lea")
    assert (row.percent, row.state) == (Decimal(10), ProgressState.COMPLETED)
