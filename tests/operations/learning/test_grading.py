"""Grading: by hand and again, with history; two graders notice each other; scores follow."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from access.permissions import Principal
from models.certificates import CertificateState
from models.grading import SubmissionState
from models.progress import AttemptState, ModuleState, ProgressState
from operations.learning import grading
from operations.refusals import Code, Denied, Refused
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.operations.learning.attempting import (
    configure,
    progress_of,
    reset,
    states_of,
    unenrol,
)
from tests.taking import (
    RIGHT,
    WRONG,
    answers_of,
    grade,
    grades_of,
    module_of,
    save,
    start,
    submission_of,
    take,
    teach,
)
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("H3")

SAID = {**RIGHT, 6: "I think so."}


@pytest.fixture
async def school(school: World) -> World:
    """“Talk” is a quiz of 10 points, one of which a person grades; Tess teaches it, Dan manages."""
    await school.course("Talk", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await teach(school, "Talk", Views=EVERY_KIND)
    await school.enrol("Talk", "Lea", "Leo")
    for name, principal in (("Tess", Principal.COURSE_TEACH), ("Roy", Principal.COURSE_ENROLL)):
        await school.member(name)
        await school.grant(name, principal, course="Talk")
    for name, principal in (
        ("Dan", Principal.DEPARTMENT_MANAGER),
        ("Deb", Principal.DEPT_TEACH),
        ("Eno", Principal.DEPT_ENROLL),
    ):
        await school.member(name)
        await school.grant(name, principal, department="Training")
    return school


@pytest.mark.spec("C10")
@pytest.mark.parametrize("name", ["Tess", "Deb", "Ines", "Dan", "Mona"])
async def test_who_may_grade_gives_points_and_feedback(school: World, name: str) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)

    graded = await grade(school, name, waiting.id, {6: "2.5"}, feedback="Say why.")

    assert (graded.state, graded.score, graded.is_passed, graded.version) == (
        SubmissionState.GRADED,
        Decimal(9),
        True,
        2,
    )
    essay = (await answers_of(school, waiting.id))[6]
    assert (essay.points, essay.feedback, essay.is_correct) == (
        Decimal("2.5"),
        "Say why.",
        None,
    )
    last = (await grades_of(school, waiting.id))[-1]
    assert (last.question_id, last.graded_by_id) == (6, school.members[name])
    assert await states_of(school, "Lea", "Talk") == [AttemptState.COMPLETED]
    assert (await progress_of(school, "Lea", "Talk")).percent == 90
    assert "submission.graded" in await school.verbs()


@pytest.mark.spec("C10", "M13")
@pytest.mark.parametrize("name", ["Cora", "Roy", "Eno", "Leo", "Nora"])
async def test_what_nobody_may_view_is_not_there_to_be_graded(school: World, name: str) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)

    with pytest.raises(Refused) as refused:
        await grade(school, name, waiting.id, {6: 3})

    assert refused.value.code is Code.NOT_FOUND
    assert (await submission_of(school, waiting.id)).state is SubmissionState.SUBMITTED


async def test_learners_see_their_own_and_grade_nothing_of_it(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)

    with pytest.raises(Denied):
        await grade(school, "Lea", waiting.id, {6: 3})

    assert len(await grades_of(school, waiting.id)) == 5


@pytest.mark.spec("M38")
async def test_nobody_grades_their_own_unless_the_workspace_lets_them(school: World) -> None:
    waiting = await take(school, "Ines", "Talk", "Views", SAID)

    with pytest.raises(Refused) as refused:
        await grade(school, "Ines", waiting.id, {6: 3})
    assert refused.value.code is Code.SELF_ACTION

    async with school.edge.transaction() as db:
        await db.execute(text("UPDATE workspace SET allows_self_action = true"))
    assert (await grade(school, "Ines", waiting.id, {6: 3})).state is SubmissionState.GRADED


async def test_what_is_not_handed_in_is_not_there_to_be_graded(school: World) -> None:
    begun = await start(school, "Lea", "Talk", "Views")
    await save(school, "Lea", begun.id, SAID)

    with pytest.raises(Refused) as refused:
        await grade(school, "Ines", begun.id, {6: 3})

    assert refused.value.code is Code.NOT_FOUND


async def test_any_question_is_graded_again_and_every_grade_is_kept(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", {**SAID, 4: "Stokholm"})
    await grade(school, "Tess", waiting.id, {6: 1})
    assert (await submission_of(school, waiting.id)).score == Decimal("6.5")

    again = await grade(school, "Ines", waiting.id, {4: 1, 6: "3.5"}, feedback="A slip.")

    assert (again.score, again.version) == (Decimal(10), 3)
    answers = await answers_of(school, waiting.id)
    assert answers[4].is_correct
    history = [
        (each.question_id, each.points, each.graded_by_id)
        for each in await grades_of(school, waiting.id)
        if each.question_id in {4, 6}
    ]
    tess, ines = school.members["Tess"], school.members["Ines"]
    assert history == [
        (4, 0, None),
        (6, 1, tess),
        (4, 1, ines),
        (6, Decimal("3.5"), ines),
    ]
    async with school.edge.transaction() as db:
        with pytest.raises(DBAPIError, match="stays as it was given"):
            await db.execute(text("UPDATE grade SET points = 0"))
    async with school.edge.transaction() as db:
        with pytest.raises(DBAPIError, match="stays as it was"):
            await db.execute(text("UPDATE answer SET given = 'null'"))


async def test_two_graders_notice_each_other(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)
    await grade(school, "Tess", waiting.id, {6: 1}, at_version=1)

    with pytest.raises(Refused) as refused:
        await grade(school, "Ines", waiting.id, {6: 3}, at_version=1)

    assert refused.value.code is Code.CONFLICT
    assert refused.value.details["version"] == 2
    assert (await answers_of(school, waiting.id))[6].points == 1


async def test_all_that_is_wrong_with_grades_is_said_at_once(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)
    grades = [
        grading.Given(6, Decimal("3.51")),
        grading.Given(5, Decimal("0.001")),
        grading.Given(99, Decimal(1)),
        grading.Given(6, Decimal(-1), "x" * 10_001),
        grading.Given(1, Decimal("NaN"), "nul\x00"),
    ]

    async with school.edge.transaction() as db:
        with pytest.raises(Refused) as refused:
            await grading.grade(
                db,
                by=school.caller("Ines"),
                submission_id=waiting.id,
                at_version=1,
                grades=grades,
                at=MONDAY,
            )

    assert refused.value.code is Code.INVALID_ANSWERS
    problems = refused.value.details["problems"]
    assert [(each["kind"], ".".join(each["path"])) for each in problems] == [
        ("OUT_OF_RANGE", "grades.0.points"),
        ("OUT_OF_RANGE", "grades.1.points"),
        ("UNKNOWN_ID", "grades.2.question"),
        ("OUT_OF_RANGE", "grades.3.points"),
        ("TOO_LONG", "grades.3.feedback"),
        ("DUPLICATE", "grades.3.question"),
        ("OUT_OF_RANGE", "grades.4.points"),
        ("BAD_CHARACTER", "grades.4.feedback"),
    ]
    assert len(await grades_of(school, waiting.id)) == 5


async def test_grading_nothing_is_refused(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)

    with pytest.raises(Refused) as refused:
        await grade(school, "Ines", waiting.id, {})

    assert refused.value.code is Code.INVALID_ANSWERS


async def test_grading_again_passes_or_fails_an_attempt_that_has_ended(school: World) -> None:
    await configure(school, "Talk", certifies_completion=True)
    waiting = await take(school, "Lea", "Talk", "Views", SAID)
    done = await grade(school, "Ines", waiting.id, {6: 1})
    assert await states_of(school, "Lea", "Talk") == [AttemptState.COMPLETED]

    await grade(school, "Ines", waiting.id, {2: 0, 6: 0})

    assert await states_of(school, "Lea", "Talk") == [AttemptState.FAILED]
    assert (await module_of(school, done)).state is ModuleState.FAILED
    assert (await progress_of(school, "Lea", "Talk")).state is ProgressState.FAILED
    async with school.edge.read() as db:
        states = list(await db.scalars(text("SELECT state FROM certificate")))
    assert states == [CertificateState.ISSUED]

    await grade(school, "Ines", waiting.id, {2: 2, 6: 3})
    assert await states_of(school, "Lea", "Talk") == [AttemptState.COMPLETED]
    assert (await progress_of(school, "Lea", "Talk")).percent == 95


async def test_the_best_submission_is_the_score_of_the_module(school: World) -> None:
    quiz = replace(GRADED_BY_ITSELF, pass_percent=100)
    await school.course("Work", instructors=["Ines"])
    await teach(school, "Work", Sums=quiz)
    await school.enrol("Work", "Lea")

    first = await take(school, "Lea", "Work", "Sums", {1: 11})
    assert (await module_of(school, first)).score == 1
    second = await take(school, "Lea", "Work", "Sums", {2: {21, 23}})
    assert (await module_of(school, second)).score == 2
    third = await take(school, "Lea", "Work", "Sums", WRONG)
    assert (await module_of(school, third)).score == 2

    await grade(school, "Ines", third.id, {1: 1, 2: 2})

    assert (await module_of(school, first)).score == 3


@pytest.mark.spec("M5")
async def test_grades_of_what_was_reset_are_kept_and_change_nothing_else(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)
    await reset(school, "Ines", "Lea", course="Talk")

    graded = await grade(school, "Ines", waiting.id, {6: 3}, feedback="For the record.")

    assert graded.state is SubmissionState.GRADED
    assert await states_of(school, "Lea", "Talk") == [AttemptState.RESET]
    assert (await progress_of(school, "Lea", "Talk")).percent is None


@pytest.mark.spec("M2")
async def test_what_was_handed_in_before_somebody_was_unassigned_is_still_graded(
    school: World,
) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", SAID)
    await unenrol(school, "Lea", course="Talk")

    await grade(school, "Tess", waiting.id, {6: 3})

    assert await states_of(school, "Lea", "Talk") == [AttemptState.COMPLETED]
