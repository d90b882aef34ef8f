"""Small groups: whoever may not see the people cannot work out figures about few of them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.permissions import Permission
from operations.insights import suppression
from operations.insights.cells import Narrow
from operations.insights.trends import Every
from tests.furnishing import furnished
from tests.operations.insights.course_rows import fill
from tests.operations.insights.test_course_insights import (
    NARROWINGS,
    look,
    set_smallest,
)
from tests.world import MONDAY, World

LIMITED = frozenset({Permission.VIEW_COURSE_INSIGHTS, Permission.VIEW_COURSE_INFO})
"""A token for a dashboard: whoever has it sees figures and nobody."""

sizes = st.dictionaries(st.integers(0, 7), st.integers(0, 12), max_size=7)


def sums(sizes: Iterable[int]) -> set[int]:
    """Of any of these together."""
    each = list(sizes)
    return {
        sum(some) for some in chain.from_iterable(combinations(each, n) for n in range(len(each)))
    } | {sum(each)}


@pytest.mark.spec("X2")
@given(sizes, st.integers(1, 9))
def test_nothing_that_can_be_added_and_subtracted_is_about_few(
    sizes: Mapping[int, int], smallest: int
) -> None:
    hidden = suppression.hidden(sizes, smallest)
    shown = [people for key, people in sizes.items() if key not in hidden]
    everybody = sum(sizes.values())

    assert not any(suppression.is_small(people, smallest) for people in shown)
    if not suppression.is_small(everybody, smallest):
        left = {everybody - part for part in sums(shown)}
        assert not any(suppression.is_small(people, smallest) for people in left)


@pytest.mark.spec("X2")
@given(sizes, st.integers(1, 9))
def test_no_more_is_hidden_than_has_to_be(sizes: Mapping[int, int], smallest: int) -> None:
    hidden = suppression.hidden(sizes, smallest)
    small = {key for key, people in sizes.items() if suppression.is_small(people, smallest)}

    assert small <= hidden
    for key in hidden - small:
        left = sum(sizes[each] for each in hidden - {key})
        assert suppression.is_small(left, smallest)


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Nina of nowhere, two in Legal, and others. Cora coordinates."""
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    people = {"": 1, "Legal": 2, "Sales": 6, "Support": 9}
    for department, count in people.items():
        said: dict[str, Any] = {"department": department} if department else {}
        for number in range(count):
            await world.member(f"{department or 'Nina'} {number}", **said)
    await world.enrol("Safety", *(name for name in world.members if name != "Cora"))
    return world


@pytest.mark.spec("X2")
async def test_whoever_may_list_the_learners_is_told_of_one_of_them(company: World) -> None:
    found = await look(company, by="Cora")

    assert {each.department: each.is_suppressed for each in found.by_department or ()} == {
        "": False,
        "Legal": False,
        "Sales": False,
        "Support": False,
    }
    alone = await look(company, Narrow(department=""), by="Cora")
    assert alone.figures is not None
    assert alone.figures.assigned == 1


@pytest.mark.spec("X2")
async def test_subtracting_departments_from_the_whole_leaves_enough_people(company: World) -> None:
    found = await look(company, by="Cora", only=LIMITED)

    shown = {
        each.department: each.figures.assigned
        for each in found.by_department or ()
        if each.figures is not None
    }
    assert shown == {"Support": 9}
    assert found.figures is not None
    assert found.figures.assigned - sum(shown.values()) == 1 + 2 + 6


@pytest.mark.spec("X2")
@pytest.mark.parametrize("seed", range(2))
async def test_no_way_of_asking_tells_of_few(world: World, seed: int) -> None:
    """Everything that can be asked is asked; whatever is told is added and subtracted."""
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await fill(world, seed, count=25)
    days = [MONDAY + dt.timedelta(days=day) for day in range(0, 31, 6)]
    asked = [narrowing(world) for narrowing in NARROWINGS.values()]
    asked += [Narrow(since=since) for since in days] + [Narrow(until=until) for until in days]
    asked += [Narrow(department=each) for each in ("", "Sales", "Support", "Legal")]

    for smallest in (2, 5, 9):
        await set_smallest(world, smallest)
        told = [await look(world, to, by="Cora", only=LIMITED) for to in asked]

        narrowed = [to != Narrow(department=to.department) for to in asked]
        assert all(each.is_suppressed for each, is_so in zip(told, narrowed, strict=True) if is_so)
        known = {each.figures.assigned for each in told if each.figures is not None}
        parts = [
            each.figures.assigned
            for each in told[0].by_department or ()
            if each.figures is not None
        ]
        assert all(each.by_group is None for each in told)
        [everybody] = {told[0].figures.assigned} if told[0].figures else {0}
        assert known - {0} <= {everybody, *parts}
        worked_out = {everybody - part for part in sums(parts)} | known
        assert not any(suppression.is_small(each, smallest) for each in worked_out)


@pytest.mark.spec("X2")
@pytest.mark.parametrize("every", Every)
async def test_a_trend_tells_whoever_sees_nobody_of_months_alone(
    world: World, every: Every
) -> None:
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await fill(world, 5, count=60)

    whole = (await look(world, by="Cora")).trend(Every.MONTH) or []
    told = (await look(world, by="Cora", only=LIMITED)).trend(every) or []

    assert [each.since for each in told] == [each.since for each in whole]
    for name in ("started", "completed"):
        real = {each.since: getattr(each, name) for each in whole}
        shown = {each.since: getattr(each, name) for each in told}
        hidden = suppression.hidden(real, 5)
        assert {day for day in shown if shown[day] is None} == hidden
        assert {day: n for day, n in shown.items() if n is not None} == {
            day: n for day, n in real.items() if day not in hidden
        }


@pytest.mark.spec("X2")
async def test_the_median_of_few_who_completed_is_hidden(world: World) -> None:
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await fill(world, 3, count=40)
    real = (await look(world, by="Cora")).figures
    assert real is not None
    assert real.median_minutes_to_complete is not None

    medians = Counter[bool]()
    for smallest in (real.completed, real.completed + 1):
        await set_smallest(world, smallest)
        told = (await look(world, by="Cora", only=LIMITED)).figures
        assert told is not None
        medians[told.median_minutes_to_complete is None] += 1

    assert medians == {False: 1, True: 1}
