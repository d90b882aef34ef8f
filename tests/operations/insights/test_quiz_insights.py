"""How a quiz is doing: every figure equal to one found person by person, and told to whom it may
be."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from models.catalog import CourseState, ModuleKind
from operations import workspaces
from operations.insights import folding, quizzes
from operations.insights.cells import Narrow, Policy, Unit
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Undefined
from operations.refusals import Code, Denied, Refused
from tests.content import EVERY_KIND, GRADED_BY_ITSELF, publish
from tests.furnishing import furnished
from tests.operations.insights.quiz_rows import REVISIONS, fill
from tests.operations.insights.recounted_quiz import differences, recounted, written
from tests.operations.learning.attempting import open_module
from tests.sampling import some
from tests.taking import RIGHT, WRONG, grade, save, start, submit, teach
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("X1")

EVERYBODY = Narrow()
LATER = MONDAY + dt.timedelta(days=50)

NARROWINGS: dict[str, Callable[[World], Narrow]] = {
    "first": lambda _: Narrow(),
    "last": lambda _: Narrow(policy=Policy.LAST),
    "best": lambda _: Narrow(policy=Policy.BEST),
    "all": lambda _: Narrow(policy=Policy.ALL),
    "all with staff": lambda _: Narrow(policy=Policy.ALL, includes_staff=True),
    "best with staff": lambda _: Narrow(policy=Policy.BEST, includes_staff=True),
    "a group": lambda world: Narrow(group_id=world.groups["Half"]),
    "a department": lambda _: Narrow(department="Sales", policy=Policy.LAST),
    "no department": lambda _: Narrow(department=""),
    "a department nobody is in": lambda _: Narrow(department="Elsewhere"),
    "a time": lambda _: Narrow(
        since=MONDAY + dt.timedelta(days=9), until=MONDAY + dt.timedelta(days=21)
    ),
    "everything at once": lambda world: Narrow(
        group_id=world.groups["Half"],
        department="Support",
        since=MONDAY + dt.timedelta(days=2),
        until=MONDAY + dt.timedelta(days=30),
        includes_staff=True,
        policy=Policy.ALL,
    ),
}


async def look(
    world: World,
    to: Narrow = EVERYBODY,
    *,
    by: str | None = None,
    only: frozenset[Permission] | None = None,
    module: str = "Quiz",
) -> QuizInsights:
    """As the product, or as a person, perhaps with a token for less."""
    caller = world.system if by is None else replace(world.caller(by), limited_to=only)
    async with world.edge.read() as db:
        return await quizzes.quiz_insights(
            db,
            by=caller,
            course_id=world.courses["Safety"],
            module_id=world.modules[module],
            to=to,
            at=LATER,
        )


@pytest.fixture
@furnished
async def school(world: World) -> World:
    """Safety has a quiz, and a lesson. Mona manages, Ines instructs, Cora coordinates, Tess
    teaches; twelve people learn, Lea and Leo among them."""
    for name in ("Mona", "Ines", "Cora", "Tess"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await teach(world, "Safety", Quiz=GRADED_BY_ITSELF)
    await world.module("Lesson", courses=["Safety"], kind=ModuleKind.LESSON)
    for name in LEARNERS:
        await world.member(name, department="Sales")
    await world.enrol("Safety", *LEARNERS)
    return world


LEARNERS = ("Lea", "Leo", *(f"Learner {number}" for number in range(10)))


@pytest.fixture
@furnished
async def crowd(world: World) -> World:
    """Thousands of submissions of a quiz that was published four times."""
    await world.course("Safety")
    await world.group("Half", course="Safety")
    await teach(world, "Safety", Quiz=REVISIONS[0])
    for each in REVISIONS[1:]:
        await publish(world, "Quiz", each)
    await fill(world, "Safety", "Quiz", seed=7, count=1000)
    return world


async def fold(world: World) -> None:
    """Let the summary say everything."""
    unit = Unit(world.workspace_id, world.courses["Safety"], world.modules["Quiz"])
    async with world.edge.transaction() as db:
        await folding.rebuild(db, unit, at=LATER)


async def hand_in(world: World, name: str, answers: Any, *, after: float = 0) -> int:
    """Begin, answer `after` so many seconds, hand in a minute later; the number of the row."""
    begun = await start(world, name, "Safety", "Quiz")
    at = MONDAY + dt.timedelta(seconds=after)
    await save(world, name, begun.id, answers, at)
    await submit(world, name, begun.id, at + dt.timedelta(minutes=1))
    return begun.id


async def everybody_takes_it(world: World) -> None:
    """The first seven are right, the others are not, each a little slower than the one before."""
    for place, name in enumerate(LEARNERS):
        await open_module(world, name, "Quiz")
        await hand_in(world, name, RIGHT if place < 7 else WRONG, after=10 * place)


@pytest.mark.spec("X3")
@pytest.mark.parametrize("narrowing", some([*NARROWINGS], "of a quiz", share=1 / 3))
async def test_every_figure_is_what_every_single_row_says(crowd: World, narrowing: str) -> None:
    to = NARROWINGS[narrowing](crowd)
    expected = await recounted(crowd, "Safety", "Quiz", to)
    from_rows = await look(crowd, to)
    if not expected["graded"]:
        assert from_rows.figures is not None
        assert from_rows.figures.submissions == expected["submissions"]
        return
    assert differences(written(from_rows), expected) == {}
    await fold(crowd)
    assert await look(crowd, to) == from_rows


async def test_a_world_of_real_submissions_is_counted_row_by_row(school: World) -> None:
    await everybody_takes_it(school)
    for to in (Narrow(), Narrow(policy=Policy.ALL), Narrow(policy=Policy.BEST)):
        found = await look(school, to)
        assert differences(written(found), await recounted(school, "Safety", "Quiz", to)) == {}
    first = written(await look(school))
    assert (first["people"], first["graded"], first["passed"], first["mean"]) == (
        12,
        12,
        7,
        pytest.approx(700 / 12),
    )
    assert (first["1 facility"], first["1 correct"]) == (pytest.approx(7 / 12), 7)
    assert first["reliability"] == pytest.approx(1, abs=0.2)
    assert (first["median_minutes"], first["1 median_seconds"]) == (1.5, 55 / 5)
    assert (first["4 “stockholm” 0"], first["4 “oslo” 0"]) == (7, 5)


async def test_what_waits_for_a_grade_counts_in_nothing_but_what_was_handed_in(
    school: World,
) -> None:
    await publish(school, "Quiz", EVERY_KIND)
    for name in LEARNERS[:2]:
        await open_module(school, name, "Quiz")
    waiting = [await hand_in(school, each, {**RIGHT, 6: "At length."}) for each in LEARNERS[:2]]
    found = (await look(school)).figures
    assert found is not None
    assert found.scores is not None
    assert (found.submissions, found.waiting, found.scores.graded) == (2, 2, 0)
    assert (found.scores.pass_rate, found.scores.mean) == (None, None)
    assert found.scores.reliability.reason is Undefined.TOO_FEW_PEOPLE
    await grade(school, "Ines", waiting[1], {6: 3})
    found = (await look(school)).figures
    assert found is not None
    assert found.scores is not None
    assert (found.waiting, found.scores.graded, found.scores.lowest) == (1, 1, 95)


async def test_whether_somebody_passed_is_by_the_revision_they_answered(school: World) -> None:
    for name, percent in (("Lea", 60), ("Leo", 100)):
        await publish(school, "Quiz", replace(GRADED_BY_ITSELF, pass_percent=percent))
        await open_module(school, name, "Quiz")
        await hand_in(school, name, {1: 11, 2: {21, 23}, 3: True})
    found = (await look(school)).figures
    assert found is not None
    assert found.scores is not None
    assert (found.scores.passed, found.scores.pass_rate) == (1, 0.5)


async def test_a_quiz_nobody_took_has_questions_and_no_figures(school: World) -> None:
    found = await look(school, by="Cora")
    assert found.figures is not None
    assert found.figures.people == 0
    assert found.questions is not None
    assert [each.id for each in found.questions] == [1, 2, 3, 4, 5]
    item = found.questions[0].figures
    assert item is not None
    assert (item.presented, item.facility.reason) == (0, Undefined.NO_POINTS)
    assert item.discrimination.reason is Undefined.TOO_FEW_PEOPLE


@pytest.mark.spec("M9")
async def test_a_coordinator_reads_them_while_the_course_is_active(school: World) -> None:
    for state in (CourseState.DRAFT, CourseState.ACTIVE, CourseState.ARCHIVED):
        async with school.edge.transaction() as db:
            await db.execute(
                text("UPDATE course SET state = :state WHERE id = :id"),
                {"state": state, "id": school.courses["Safety"]},
            )
        for name in ("Mona", "Ines", "Tess"):
            assert not (await look(school, by=name)).is_suppressed
        if state is CourseState.ACTIVE:
            assert not (await look(school, by="Cora")).is_suppressed
            continue
        with pytest.raises(Refused) as refused:
            await look(school, by="Cora")
        assert refused.value.code is Code.COURSE_NOT_ACTIVE


@pytest.mark.spec("M9")
async def test_a_learner_may_not_and_a_stranger_finds_no_course(school: World) -> None:
    with pytest.raises(Denied):
        await look(school, by="Lea")
    await school.member("Nora")
    with pytest.raises(Refused) as refused:
        await look(school, by="Nora")
    assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Denied):
        await look(school, by="Ines", only=frozenset({Permission.VIEW_COURSE_INFO}))


async def test_only_a_quiz_of_the_course_has_them(school: World) -> None:
    await school.course("Other")
    await teach(school, "Other", Elsewhere=GRADED_BY_ITSELF)
    for module in ("Lesson", "Elsewhere"):
        with pytest.raises(Refused) as refused:
            await look(school, by="Mona", module=module)
        assert refused.value.code is Code.NOT_FOUND
    await school.group("Not here", course="Other")
    with pytest.raises(Refused) as refused:
        await look(school, Narrow(group_id=school.groups["Not here"]), by="Mona")
    assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Refused) as refused:
        await look(school, Narrow(since=LATER, until=MONDAY), by="Mona")
    assert refused.value.code is Code.BAD_USER_INPUT


async def test_the_place_in_the_journal_is_that_of_the_snapshot(school: World) -> None:
    before = await look(school)
    await school.member("Somebody new")
    async with school.edge.read() as db:
        head = await db.scalar(text("SELECT head FROM workspace_stream"))
    assert before.seq < (await look(school)).seq == head


async def test_few_people_are_hidden_from_who_may_not_view_answers(school: World) -> None:
    for name in LEARNERS[:4]:
        await open_module(school, name, "Quiz")
        await hand_in(school, name, RIGHT)
    assert (await look(school, by="Cora")).is_suppressed
    for name in ("Mona", "Ines", "Tess"):
        assert not (await look(school, by=name)).is_suppressed
    async with school.edge.transaction() as db:
        await workspaces.edit_settings(db, by=school.caller("Mona"), smallest_group=4)
    assert not (await look(school, by="Cora")).is_suppressed


async def test_what_could_tell_of_one_person_is_hidden(school: World) -> None:
    await everybody_takes_it(school)
    shown = (await look(school, by="Cora")).figures
    assert shown is not None
    assert shown.scores is not None
    assert (shown.people, shown.scores.lowest, shown.scores.highest) == (12, 0, 100)
    await school.group("East", course="Safety")
    for to in (
        Narrow(group_id=school.groups["East"]),
        Narrow(since=MONDAY),
        Narrow(until=LATER),
    ):
        assert (await look(school, to, by="Cora")).is_suppressed
        assert not (await look(school, to, by="Ines")).is_suppressed
    assert not (await look(school, Narrow(department="Sales"), by="Cora")).is_suppressed


async def test_a_small_department_is_hidden_with_what_would_give_it_away(school: World) -> None:
    await everybody_takes_it(school)
    for name in LEARNERS[:3]:
        await school.change(name, department="Support")

    async def is_told(department: str, **more: Any) -> bool:
        to = Narrow(department=department, **more)
        return not (await look(school, to, by="Cora")).is_suppressed

    assert (await is_told("Support"), await is_told("Sales")) == (False, False)
    for name in LEARNERS[3:5]:
        await school.change(name, department="Support")
    assert (await is_told("Support"), await is_told("Sales")) == (True, True)
    assert await is_told("Sales", policy=Policy.ALL)
    await hand_in(school, LEARNERS[-1], RIGHT)
    assert not await is_told("Sales", policy=Policy.ALL)


async def test_an_answer_few_gave_is_hidden_and_its_text_too(school: World) -> None:
    for place, name in enumerate(LEARNERS):
        await open_module(school, name, "Quiz")
        said = {4: "I am Lea"} if place == 0 else {4: "Oslo"} if place < 6 else {}
        await hand_in(school, name, {**RIGHT, **said, 1: 11 if place < 9 else 12})
    hidden = (await look(school, by="Cora")).questions
    shown = (await look(school, by="Ines")).questions
    assert hidden is not None
    assert shown is not None

    def counts(questions: Any, place: int) -> dict[str, int | None]:
        return {each.text: each.count for each in questions[place].figures.answers.shown}

    def rights(questions: Any) -> set[bool | None]:
        return {each.is_right for item in questions for each in item.figures.answers.shown}

    assert (rights(shown), rights(hidden)) == ({True, False}, {None})
    assert counts(shown, 0) == {"Apple": 9, "Brick": 3, "Cloud": 0}
    assert counts(hidden, 0) == {"Apple": None, "Brick": None, "Cloud": 0}
    assert counts(shown, 3) == {"stockholm": 6, "oslo": 5, "i am lea": 1}
    assert counts(hidden, 3) == {"stockholm": 6}
    assert hidden[3].figures is not None
    assert hidden[3].figures.answers is not None
    assert hidden[3].figures.answers.others == 6


async def test_one_who_tried_again_and_one_of_the_staff_are_not_told_apart(school: World) -> None:
    await everybody_takes_it(school)
    await hand_in(school, LEARNERS[-1], RIGHT)
    for policy in (Policy.LAST, Policy.BEST, Policy.ALL):
        assert (await look(school, Narrow(policy=policy), by="Cora")).is_suppressed
        assert not (await look(school, Narrow(policy=policy), by="Tess")).is_suppressed
    await open_module(school, "Cora", "Quiz")
    await hand_in(school, "Cora", RIGHT)
    assert not (await look(school, by="Cora")).is_suppressed
    assert (await look(school, Narrow(includes_staff=True), by="Cora")).is_suppressed


async def test_two_workspaces_never_meet(
    school: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    foreign = await World.new(sessions, "globex")
    await foreign.course("Safety")
    await teach(foreign, "Safety", Quiz=GRADED_BY_ITSELF)
    async with school.edge.read() as db:
        for caller in (school.caller("Mona"), school.system):
            with pytest.raises(Refused) as refused:
                await quizzes.quiz_insights(
                    db,
                    by=caller,
                    course_id=foreign.courses["Safety"],
                    module_id=foreign.modules["Quiz"],
                    to=EVERYBODY,
                    at=LATER,
                )
            assert refused.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("Ines", Narrow(), 4),
        ("Ines", Narrow(policy=Policy.ALL, includes_staff=True), 4),
        ("Cora", Narrow(), 4),
        ("Cora", Narrow(department="Sales", policy=Policy.ALL), 8),
    ],
)
async def test_it_costs_as_many_statements_for_few_as_for_many(
    school: World, statements: list[str], name: str, to: Narrow, expected: int
) -> None:
    """Rights, the quiz, cells, revisions; where people are hidden also who could be told apart,
    and whom cells are about; and twice, that counting every row may take its time."""
    await school.group("Half", course="Safety")
    for each in REVISIONS:
        await publish(school, "Quiz", each)
    counted = []
    for seed, count in ((1, 80), (2, 400)):
        await fill(school, "Safety", "Quiz", seed=seed, count=count, first=2)
        statements.clear()
        assert not (await look(school, to, by=name)).is_suppressed
        counted.append(len(statements))
    assert counted == [expected, expected]
