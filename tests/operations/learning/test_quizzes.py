"""Quizzes and assignments: answers are saved, handed in, and marked as far as that can be done
without a person."""

from dataclasses import replace
from decimal import Decimal

import pytest

from models.catalog import CourseState, RetakePolicy
from models.grading import SubmissionState
from models.progress import AttemptState, ModuleState
from operations import courses
from operations.content.given import Said
from operations.content.questions import AssignmentContent
from operations.learning import quizzes
from operations.refusals import Code, Denied, Refused
from tests.content import EVERY_KIND, GRADED_BY_ITSELF
from tests.operations.learning import attempting
from tests.operations.learning.attempting import (
    configure,
    mark_complete,
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
    submit,
    take,
    teach,
)
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("H2")

ESSAY = AssignmentContent("Write.", Decimal(20), 50)


@pytest.fixture
async def school(school: World) -> World:
    """“Work” is a quiz that grades itself, twice a try; “Talk” waits for a person, “Home” too."""
    await school.course("Work", instructors=["Ines"])
    await teach(school, "Work", Sums=replace(GRADED_BY_ITSELF, submission_cap=2))
    await school.course("Talk", instructors=["Ines"])
    await teach(school, "Talk", Views=EVERY_KIND)
    await school.course("Home", instructors=["Ines"])
    await teach(school, "Home", Letter=ESSAY)
    for course in ("Work", "Talk", "Home"):
        await school.enrol(course, "Lea", "Leo")
    return school


async def refused(coroutine: object) -> Refused:
    with pytest.raises(Refused) as caught:
        await coroutine  # type: ignore[misc]
    return caught.value


async def test_a_quiz_answered_right_completes_the_course(school: World) -> None:
    done = await take(school, "Lea", "Work", "Sums", RIGHT)

    assert (done.state, done.score, done.max_score) == (
        SubmissionState.GRADED,
        Decimal("6.5"),
        Decimal("6.5"),
    )
    assert done.is_passed
    module = await module_of(school, done)
    assert (module.state, module.score, module.submissions) == (
        ModuleState.COMPLETED,
        Decimal("6.5"),
        1,
    )
    assert await states_of(school, "Lea", "Work") == [AttemptState.COMPLETED]
    assert all(each.graded_by_id is None for each in await grades_of(school, done.id))


async def test_a_failed_quiz_can_be_tried_until_its_cap_is_reached(school: World) -> None:
    first = await take(school, "Lea", "Work", "Sums", WRONG)
    assert (first.score, first.is_passed) == (Decimal(0), False)
    assert (await module_of(school, first)).state is ModuleState.IN_PROGRESS

    second = await take(school, "Lea", "Work", "Sums", {1: 11})

    assert (second.number, second.score) == (2, Decimal(1))
    module = await module_of(school, second)
    assert (module.state, module.score) == (ModuleState.FAILED, Decimal(1))
    assert await states_of(school, "Lea", "Work") == [AttemptState.FAILED]
    assert (await refused(start(school, "Lea", "Work", "Sums"))).code is Code.RETAKE_NOT_ALLOWED


async def test_one_submission_beyond_the_cap_is_refused_with_limit_and_count(
    school: World,
) -> None:
    await teach(school, "Work", More=ESSAY)
    for _ in range(2):
        await take(school, "Lea", "Work", "Sums", WRONG)

    refusal = await refused(start(school, "Lea", "Work", "Sums"))

    assert refusal.code is Code.SUBMISSION_CAP_REACHED
    assert refusal.details == {"limit": 2, "count": 2}
    assert await states_of(school, "Lea", "Work") == [AttemptState.IN_PROGRESS]


async def test_every_attempt_has_the_whole_cap_again(school: World) -> None:
    await configure(school, "Work", retake_policy=RetakePolicy.UNLIMITED)
    for _ in range(2):
        await take(school, "Lea", "Work", "Sums", WRONG)

    again = await take(school, "Lea", "Work", "Sums", RIGHT)

    assert again.number == 1
    assert await states_of(school, "Lea", "Work") == [AttemptState.FAILED, AttemptState.COMPLETED]


async def test_starting_twice_gives_the_same_submission(school: World) -> None:
    first = await start(school, "Lea", "Work", "Sums")
    second = await start(school, "Lea", "Work", "Sums")

    assert (first.id, second.number) == (second.id, 1)
    assert (await school.verbs()).count("submission.started") == 1


async def test_answers_are_saved_in_parts_and_changed_until_they_are_handed_in(
    school: World,
) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    await save(school, "Lea", begun.id, {1: 12, 4: " Stockholm "})
    await save(school, "Lea", begun.id, {1: 11, 2: {23, 21}})
    await save(school, "Lea", begun.id, {4: None})

    answers = await answers_of(school, begun.id)
    assert {id: row.given for id, row in answers.items()} == {
        1: {"choices": [11]},
        2: {"choices": [21, 23]},
        4: None,
    }
    assert all(row.points is None for row in answers.values())

    await submit(school, "Lea", begun.id)
    marked = await answers_of(school, begun.id)
    assert {id: (row.points, row.is_correct) for id, row in marked.items()} == {
        1: (Decimal(1), True),
        2: (Decimal(2), True),
        3: (Decimal(0), False),
        4: (Decimal(0), False),
        5: (Decimal(0), False),
    }
    refusal = await refused(save(school, "Lea", begun.id, {3: True}))
    assert (refusal.code, refusal.details["state"]) == (Code.SUBMISSION_CLOSED, "GRADED")


async def test_all_that_is_wrong_with_answers_is_said_at_once_and_nothing_is_kept(
    school: World,
) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    answers = [
        Said(1, choice_ids=[11]),
        Said(99, text="?"),
        Said(1, choice_ids=[11, 12]),
        Said(2, choice_ids=[21, 77, 21]),
        Said(3, text="yes"),
        Said(4, text="x" * 501),
        Said(5, number="3,14"),
    ]

    async with school.edge.transaction() as db:
        refusal = await refused(
            quizzes.save(
                db, by=school.caller("Lea"), submission_id=begun.id, answers=answers, at=MONDAY
            )
        )

    assert refusal.code is Code.INVALID_ANSWERS
    assert [(each["kind"], ".".join(each["path"])) for each in refusal.details["problems"]] == [
        ("UNKNOWN_ID", "answers.1.question"),
        ("DUPLICATE", "answers.2.question"),
        ("TOO_MANY", "answers.2.choices"),
        ("UNKNOWN_ID", "answers.3.choices.1"),
        ("DUPLICATE", "answers.3.choices.2"),
        ("MISPLACED", "answers.4.text"),
        ("TOO_LONG", "answers.5.text"),
        ("NOT_A_NUMBER", "answers.6.number"),
    ]
    assert await answers_of(school, begun.id) == {}


@pytest.mark.parametrize("text", ["nul\x00", "half \ud800"])
async def test_what_is_no_character_is_a_problem_and_not_a_failure(
    school: World, text: str
) -> None:
    begun = await start(school, "Lea", "Home", "Letter")

    refusal = await refused(save(school, "Lea", begun.id, {0: text}))

    assert refusal.details["problems"][0]["kind"] == "BAD_CHARACTER"


async def test_a_quiz_with_an_essay_waits_for_a_person(school: World) -> None:
    waiting = await take(school, "Lea", "Talk", "Views", {**RIGHT, 6: "I think so."})

    assert (waiting.state, waiting.score, waiting.is_passed) == (
        SubmissionState.SUBMITTED,
        None,
        None,
    )
    assert (await module_of(school, waiting)).state is ModuleState.SUBMITTED
    assert await states_of(school, "Lea", "Talk") == [AttemptState.SUBMITTED]
    assert (await answers_of(school, waiting.id))[1].points == 1
    refusal = await refused(start(school, "Lea", "Talk", "Views"))
    assert (refusal.code, refusal.details["state"]) == (Code.SUBMISSION_CLOSED, "SUBMITTED")


async def test_an_essay_nobody_wrote_gets_nothing_and_waits_for_nobody(school: World) -> None:
    done = await take(school, "Lea", "Talk", "Views", {**RIGHT, 6: "   \n"})

    assert (done.state, done.score, done.is_passed) == (
        SubmissionState.GRADED,
        Decimal("6.5"),
        True,
    )


async def test_an_assignment_is_handed_in_as_a_text_and_graded_by_a_person(
    school: World,
) -> None:
    begun = await start(school, "Lea", "Home", "Letter")
    assert (await refused(submit(school, "Lea", begun.id))).code is Code.INVALID_ANSWERS
    await save(school, "Lea", begun.id, {0: "Dear Ines, …"})

    waiting = await submit(school, "Lea", begun.id)
    assert waiting.state is SubmissionState.SUBMITTED
    graded = await grade(school, "Ines", begun.id, {0: 10}, feedback="Good enough.")

    assert (graded.score, graded.is_passed) == (Decimal(10), True)
    assert await states_of(school, "Lea", "Home") == [AttemptState.COMPLETED]


async def test_an_assignment_that_is_not_enough_can_be_handed_in_again(school: World) -> None:
    first = await take(school, "Lea", "Home", "Letter", {0: "Hi."})
    await grade(school, "Ines", first.id, {0: "9.99"})
    assert await states_of(school, "Lea", "Home") == [AttemptState.IN_PROGRESS]

    second = await take(school, "Lea", "Home", "Letter", {0: "Hello."})
    await grade(school, "Ines", second.id, {0: 12})

    assert second.number == 2
    assert await states_of(school, "Lea", "Home") == [AttemptState.COMPLETED]


async def test_handing_in_twice_changes_nothing(school: World) -> None:
    done = await take(school, "Lea", "Work", "Sums", RIGHT)
    again = await submit(school, "Lea", done.id)

    assert (again.id, again.state, again.version) == (done.id, SubmissionState.GRADED, 1)
    assert len(await grades_of(school, done.id)) == 5
    assert (await school.verbs()).count("submission.submitted") == 1


async def test_nobody_answers_for_somebody_else(school: World) -> None:
    begun = await start(school, "Lea", "Work", "Sums")

    for name in ("Leo", "Ines", "Mona", "Nora"):
        assert (await refused(save(school, name, begun.id, {1: 11}))).code is Code.NOT_FOUND
        assert (await refused(submit(school, name, begun.id))).code is Code.NOT_FOUND
    with pytest.raises(Denied):
        await start(school, "Mona", "Work", "Sums")
    assert await answers_of(school, begun.id) == {}


async def test_there_is_nothing_to_hand_in_for_a_lesson(school: World) -> None:
    refusal = await refused(start(school, "Lea", "Safety", "Read"))

    assert (refusal.code, refusal.details["kind"]) == (Code.BAD_USER_INPUT, "LESSON")


async def test_nothing_is_answered_while_the_course_is_not_active(school: World) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    async with school.edge.transaction() as db:
        await courses.edit(
            db,
            by=school.system,
            course_id=school.courses["Work"],
            changes={"state": CourseState.ARCHIVED},
        )

    assert (await refused(save(school, "Lea", begun.id, {1: 11}))).code is Code.COURSE_NOT_ACTIVE
    assert (await refused(submit(school, "Lea", begun.id))).code is Code.COURSE_NOT_ACTIVE


async def test_what_was_saved_stays_when_the_attempt_ends_and_is_not_handed_in(
    school: World,
) -> None:
    kept, late = [await start(school, name, "Work", "Sums") for name in ("Lea", "Leo")]
    await save(school, "Lea", kept.id, {1: 11})
    await reset(school, "Ines", "Lea", course="Work")
    await mark_complete(school, "Ines", "Leo", course="Work")

    for name, begun, state in (("Lea", kept, "RESET"), ("Leo", late, "COMPLETED")):
        refusal = await refused(submit(school, name, begun.id))
        assert (refusal.code, refusal.details["state"]) == (Code.SUBMISSION_CLOSED, state)
    assert (await answers_of(school, kept.id))[1].given == {"choices": [11]}
    assert (await submission_of(school, kept.id)).state is SubmissionState.IN_PROGRESS
    assert (await start(school, "Lea", "Work", "Sums")).id != kept.id


async def test_an_attempt_that_is_handed_in_takes_saved_answers_along(school: World) -> None:
    right, none = [await start(school, name, "Work", "Sums") for name in ("Lea", "Leo")]
    await save(school, "Lea", right.id, RIGHT)
    await save(school, "Leo", none.id, {1: None})

    for name in ("Lea", "Leo"):
        await attempting.submit(school, name, course="Work")

    assert await states_of(school, "Lea", "Work") == [AttemptState.COMPLETED]
    assert await states_of(school, "Leo", "Work") == [AttemptState.FAILED]
    assert (await submission_of(school, right.id)).score == Decimal("6.5")
    assert (await submission_of(school, none.id)).state is SubmissionState.IN_PROGRESS


async def test_who_was_unassigned_hands_nothing_in(school: World) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    await unenrol(school, "Lea", course="Work")

    assert (await refused(submit(school, "Lea", begun.id))).code is Code.NOT_FOUND

    await school.enrol("Work", "Lea")
    assert (await submit(school, "Lea", begun.id)).state is SubmissionState.GRADED


@pytest.mark.spec("C22")
async def test_a_quiz_is_taken_on_the_revision_its_attempt_began_with(school: World) -> None:
    begun = await start(school, "Lea", "Work", "Sums")
    await attempting.publish(school, "Sums")

    await save(school, "Lea", begun.id, RIGHT)

    assert (await submit(school, "Lea", begun.id)).max_score == Decimal("6.5")


async def test_staff_that_takes_a_course_answers_its_quizzes(school: World) -> None:
    done = await take(school, "Ines", "Work", "Sums", RIGHT)

    assert done.is_passed


@pytest.mark.parametrize(("answers", "passed"), [({1: 11, 2: {21, 23}}, False), (RIGHT, True)])
async def test_the_pass_mark_is_a_share_of_the_points(
    school: World, answers: dict[int, object], passed: bool
) -> None:
    assert (await take(school, "Leo", "Work", "Sums", answers)).is_passed is passed
