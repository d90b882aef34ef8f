"""How a course is doing: every figure equal to one counted by hand, and told to whom it may be."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from access.permissions import Permission, Principal
from models.catalog import CourseState, ModuleKind
from models.progress import AttemptOrigin, ModuleState
from operations import workspaces
from operations.insights import courses
from operations.insights.cells import Narrow
from operations.insights.courses import CourseInsights
from operations.insights.trends import Every
from operations.learning import completing, due_dates
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.insights.counted import Counted, said
from tests.operations.insights.course_rows import fill
from tests.operations.learning.attempting import consist_of, open_module, start, work
from tests.world import MONDAY, World

LATER = MONDAY + dt.timedelta(days=50)
EVERYBODY = Narrow()

Narrowing = Callable[[World], Narrow]
NARROWINGS: dict[str, Narrowing] = {
    "everybody": lambda _: Narrow(),
    "with staff": lambda _: Narrow(includes_staff=True),
    "a group": lambda world: Narrow(group_id=world.groups["Morning"]),
    "an empty group": lambda world: Narrow(group_id=world.groups["Empty"]),
    "a department": lambda _: Narrow(department="Sales"),
    "no department": lambda _: Narrow(department=""),
    "a department nobody is in": lambda _: Narrow(department="Elsewhere"),
    "a department in a group": lambda world: Narrow(
        group_id=world.groups["Evening"], department="Support"
    ),
    "a time": lambda _: Narrow(
        since=MONDAY + dt.timedelta(days=5), until=MONDAY + dt.timedelta(days=20)
    ),
    "everything at once": lambda world: Narrow(
        group_id=world.groups["Morning"],
        department="Legal",
        since=MONDAY + dt.timedelta(days=3),
        until=MONDAY + dt.timedelta(days=25),
        includes_staff=True,
    ),
}


async def look(
    world: World,
    to: Narrow = EVERYBODY,
    *,
    by: str | None = None,
    only: frozenset[Permission] | None = None,
    course: str = "Safety",
) -> CourseInsights:
    """As the product, or as a person, perhaps with a token for less."""
    caller = world.system if by is None else replace(world.caller(by), limited_to=only)
    async with world.edge.read() as db:
        return await courses.course_insights(
            db, by=caller, course_id=world.courses[course], to=to, at=LATER
        )


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Mona manages it; Safety has an instructor, Ines, and a coordinator, Cora."""
    for name in ("Mona", "Ines", "Cora", "Lea"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    return world


@pytest.mark.spec("X2", "X3", "M39")
@pytest.mark.parametrize("seed", range(3))
async def test_every_figure_of_any_course_is_what_one_counts_by_hand(
    company: World, seed: int
) -> None:
    await fill(company, seed, count=400)
    counted = await Counted.of(company)

    for name, narrowing in NARROWINGS.items():
        to = narrowing(company)
        found, left = await look(company, to), counted.among(to)

        assert said(found.figures) == left.figures(LATER), name
        assert {each.department: said(each.figures) for each in found.by_department or ()} == (
            {
                each: left.among(Narrow(department=each, includes_staff=True)).figures(LATER)
                for each in left.departments
            }
            if to.group_id is None or to.department is not None
            else {}
        ), name
        if to.department is None:
            groups = left.groups if to.group_id is None else [to.group_id] * bool(left.people)
            assert {each.group_id: said(each.figures) for each in found.by_group or ()} == {
                each: left.among(Narrow(group_id=each, includes_staff=True)).figures(LATER)
                for each in groups
            }, name


@pytest.mark.spec("X2")
@pytest.mark.parametrize("every", Every)
async def test_a_trend_says_of_each_day_what_one_counts_by_hand_and_has_no_gap(
    company: World, every: Every
) -> None:
    await fill(company, Random(every).randrange(99), count=150)
    counted = (await Counted.of(company)).among(EVERYBODY)

    buckets = (await look(company)).trend(every) or []

    happened = counted.trend(every)
    assert {each.since: [each.started, each.completed] for each in buckets} == {
        each.since: happened.get(each.since, [0, 0]) for each in buckets
    }
    assert happened.keys() <= {each.since for each in buckets}
    assert buckets[0].since == min(happened)
    assert [each.until for each in buckets[:-1]] == [each.since for each in buckets[1:]]
    done = sum(completed for _, completed in happened.values())
    assert buckets[-1].completion_rate == done / len(counted.people)


@pytest.mark.spec("X2", "M4", "M39")
async def test_what_people_do_is_counted_as_they_do_it(company: World) -> None:
    names = ("Ann", "Ben", "Cay", "Dan", "Eve")
    for name in names:
        await company.member(name, department="Sales" if name < "C" else "Support")
    await consist_of(company, "Safety", Quiz=ModuleKind.QUIZ)
    await company.enrol("Safety", *names)
    for name in ("Ann", "Ben", "Cay"):
        await start(company, name)
    await open_module(company, "Cay", "Quiz")
    await work(company, "Ann", "Quiz", ModuleState.COMPLETED, 8)
    await work(company, "Ben", "Quiz", ModuleState.FAILED, 1)
    about: dict[str, Any] = {
        "course_id": company.courses["Safety"],
        "by": company.system,
        "at": MONDAY,
    }
    async with company.edge.transaction() as db:
        dan = [company.members["Dan"]]
        await completing.complete(db, **about, member_ids=dan, origin=AttemptOrigin.MANUAL)
    async with company.edge.transaction() as db:
        people = [company.members[each] for each in ("Cay", "Dan")]
        tomorrow = MONDAY + dt.timedelta(days=1)
        await due_dates.update(db, **about, member_ids=people, due_at=tomorrow)
    await start(company, "Cora")

    found, counted = await look(company), await Counted.of(company)

    assert found.figures is not None
    assert (found.figures.assigned, found.figures.completed, found.figures.failed) == (5, 2, 1)
    assert (found.figures.in_progress, found.figures.not_started) == (1, 1)
    assert (found.figures.overdue, found.figures.completion_rate) == (1, 0.4)
    assert said(found.figures) == counted.among(EVERYBODY).figures(LATER)
    with_staff = (await look(company, Narrow(includes_staff=True))).figures
    assert with_staff is not None
    assert with_staff.assigned == 6


@pytest.mark.spec("X3")
async def test_insights_are_of_one_place_in_the_journal(company: World) -> None:
    async with company.edge.read() as db:
        args: dict[str, Any] = {
            "by": company.system,
            "course_id": company.courses["Safety"],
            "to": EVERYBODY,
        }
        before = await courses.course_insights(db, **args, at=LATER)
        await company.enrol("Safety", "Lea")
        again = await courses.course_insights(db, **args, at=LATER)
    after = await look(company)

    assert before == again
    assert after.seq > before.seq
    assert (before.figures, after.figures) != (after.figures, before.figures)


@pytest.mark.spec("X3", "G6")
async def test_insights_cost_three_statements_however_many_people_there_are(
    company: World, statements: list[str]
) -> None:
    await fill(company, 7, count=9)
    counts = []
    for number in range(2):
        statements.clear()
        await look(company, by="Cora")
        counts.append(len(statements))
        for person in range(30):
            name = f"More {number} {person}"
            await company.member(name, department=f"Department {person % 9}")
            await company.enrol("Safety", name)

    assert counts == [3, 3]


@pytest.mark.spec("M11")
@pytest.mark.parametrize("state", CourseState)
async def test_coordinators_read_the_insights_of_a_course_in_every_state(
    company: World, state: CourseState
) -> None:
    await company.course("Other", state=state, coordinators_by_hand=["Cora"])
    await company.enrol("Other", "Lea")

    found = await look(company, by="Cora", course="Other")

    assert found.figures is not None
    assert found.figures.assigned == 1


@pytest.mark.spec("M11", "C2")
async def test_learners_and_strangers_read_no_insights(company: World) -> None:
    await company.enrol("Safety", "Lea")
    await company.member("Stranger")

    with pytest.raises(Denied):
        await look(company, by="Lea")
    with pytest.raises(Refused) as hidden:
        await look(company, by="Stranger")

    assert hidden.value.code is Code.NOT_FOUND


@pytest.mark.spec("C1")
async def test_insights_of_another_workspace_do_not_exist(company: World, world: World) -> None:
    other = await World.new(company.edge.sessions, "other")
    await other.member("Max")
    await other.grant("Max", Principal.WORKSPACE_MANAGER)
    other.courses |= company.courses

    for by in ("Max", None):
        with pytest.raises(Refused) as refused:
            await look(other, by=by)
        assert refused.value.code is Code.NOT_FOUND


@pytest.mark.spec("C2")
async def test_a_group_of_another_course_does_not_exist(company: World) -> None:
    await company.course("Other")
    await company.group("Elsewhere", course="Other")

    with pytest.raises(Refused) as refused:
        await look(company, Narrow(group_id=company.groups["Elsewhere"]), by="Mona")

    assert refused.value.code is Code.NOT_FOUND


async def set_smallest(world: World, smallest: int) -> None:
    async with world.edge.transaction() as db:
        await workspaces.edit_settings(db, by=world.system, smallest_group=smallest)
