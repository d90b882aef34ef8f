"""How a course is doing, followed: nothing is missed, a burst is little, and the right may end."""

import asyncio
import time
from itertools import pairwise
from typing import Final

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.following import Event, Follow, Heard
from tests.resolvers.school import edit, remove
from tests.world import World

INSIGHTS: Final = """
subscription ($course: ID!, $after: Cursor) {
  courseInsightsChanged(courseId: $course, after: $after) {
    kind cursor verb reason courseId
    insights {
      position figures { assigned }
      byDepartment { department figures { assigned } } byGroup { group { name } }
    }
  }
}
"""
SNAPSHOT: Final = """
query ($course: ID!) { viewCourseInsights(courseId: $course) { position figures { assigned } } }
"""
HELD: Final = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction'
"""
PEOPLE: Final = [f"Person {number:02}" for number in range(25)]


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates and Ines instructs Safety, Tess may teach it; Lea learns in it."""
    for name in ("Cora", "Ines", "Tess", "Enno", "Stranger", "Lea", *PEOPLE):
        await world.member(name, department="Sales")
    await world.course("Safety", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.course("Other")
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.enrol("Safety", "Lea")
    return world


async def until(heard: Heard, assigned: int) -> list[Event]:
    """The events up to the first that says so many learn."""
    events = [await heard.next()]
    while events[-1]["insights"]["figures"]["assigned"] < assigned:
        events.append(await heard.next())
    return events


@pytest.mark.spec("U1", "X2")
@pytest.mark.parametrize("who", ["Cora", "Ines", "Tess"])
async def test_whoever_may_read_insights_may_follow_them(
    company: World, ask: Ask, follow: Follow, who: str
) -> None:
    async with follow(INSIGHTS, by=who, course=ask.id("Course", "Safety")) as heard:
        ready = await heard.next()
        await company.enrol("Other", PEOPLE[0])
        await company.enrol("Safety", PEOPLE[0])
        changed = await heard.next()

    assert (ready["kind"], ready["insights"]) == ("READY", None)
    assert (changed["kind"], changed["verb"]) == ("COUNTS_CHANGED", "learner.assigned")
    assert changed["insights"]["figures"] == {"assigned": 2}
    assert ask.seal.read_position(changed["cursor"]).seq <= (
        ask.seal.read_position(changed["insights"]["position"]).seq
    )


@pytest.mark.spec("U1")
async def test_a_change_of_department_is_told(company: World, ask: Ask, follow: Follow) -> None:
    async with follow(INSIGHTS, by="Cora", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await company.change("Lea", title="Manager")
        assert await heard.is_silent()
        await company.change("Lea", department="Legal")
        changed = await heard.next()

    assert [each["department"] for each in changed["insights"]["byDepartment"]] == ["Legal"]


@pytest.mark.spec("U1", "U4")
async def test_a_burst_is_at_most_one_message_a_second_and_ends_as_things_are(
    company: World, ask: Ask, follow: Follow
) -> None:
    async with follow(INSIGHTS, by="Cora", course=ask.id("Course", "Safety")) as heard:
        await heard.next()

        async def pour() -> None:
            for name in PEOPLE:
                await company.enrol("Safety", name)
                await asyncio.sleep(0.05)

        pouring = asyncio.create_task(pour())
        events: list[Event] = []
        moments: list[float] = []
        while not events or events[-1]["insights"]["figures"]["assigned"] < 1 + len(PEOPLE):
            events.append(await heard.next())
            moments.append(time.monotonic())
        await pouring
        assert await heard.is_silent(1.2)

    assert 2 <= len(events) <= 2 + (moments[-1] - moments[0])
    pauses = [later - sooner for sooner, later in pairwise(moments)]
    assert min(pauses) > 0.9


async def fewest_held(company: World) -> int:
    """How many connections wait in a transaction once those at work are done."""
    found = []
    for _ in range(7):
        await asyncio.sleep(0.1)
        async with company.edge.read() as db:
            found.append(await db.scalar(text(HELD)) or 0)
    return min(found)


@pytest.mark.spec("U1", "X3")
async def test_a_message_shows_everything_it_stands_for(
    company: World, ask: Ask, follow: Follow
) -> None:
    """Also where the right was asked for anew while things gathered."""
    async with follow(INSIGHTS, by="Cora", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await company.enrol("Safety", PEOPLE[0])
        await heard.next()
        await company.enrol("Safety", PEOPLE[1])
        await edit(company, "Safety", description="New.")
        held = await fewest_held(company)
        await company.enrol("Safety", PEOPLE[2])
        last = await heard.next()
        if last["insights"]["figures"]["assigned"] < 4:
            last = await heard.next()  # the last one was enrolled more than a second later
        assert await heard.is_silent(1.2)

    assert held == 0
    assert (last["verb"], last["insights"]["figures"]["assigned"]) == ("learner.assigned", 4)


@pytest.mark.spec("U2", "X3")
async def test_a_dashboard_that_comes_back_misses_nothing(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    seen = await ask.one(SNAPSHOT, by="Cora", course=course)
    cursor, assigned = seen["position"], seen["figures"]["assigned"]

    for name in PEOPLE[:4]:
        await company.enrol("Safety", name)
        async with follow(INSIGHTS, by="Cora", course=course, after=cursor) as heard:
            assert (await heard.next())["kind"] == "READY"
            changed = await heard.next()
            assert changed["insights"]["figures"]["assigned"] == assigned + 1
            cursor, assigned = changed["cursor"], assigned + 1
    async with follow(INSIGHTS, by="Cora", course=course, after=cursor) as heard:
        await heard.next()
        assert await heard.is_silent()


@pytest.mark.spec("U2", "U4")
async def test_a_long_absence_is_caught_up_with_in_one_message(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    seen = await ask.one(SNAPSHOT, by="Cora", course=course)
    for number in range(30):
        await edit(company, "Safety", description=f"{number}")
    await company.enrol("Safety", *PEOPLE)

    async with follow(INSIGHTS, by="Cora", course=course, after=seen["position"]) as heard:
        await heard.next()
        [changed] = await until(heard, 1 + len(PEOPLE))
        assert await heard.is_silent(1.2)

    now = await ask.one(SNAPSHOT, by="Cora", course=course)
    assert changed["cursor"] == now["position"]


@pytest.mark.spec("U3")
async def test_the_stream_ends_at_once_with_the_role_even_in_a_burst(
    company: World, ask: Ask, follow: Follow
) -> None:
    async with follow(INSIGHTS, by="Cora", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await company.enrol("Safety", PEOPLE[0])
        await heard.next()
        await company.enrol("Safety", PEOPLE[1])
        await remove(company, "Cora", CourseRoleKind.COORDINATOR)
        begun = time.monotonic()
        rest = await heard.rest()

    assert [each["kind"] for each in rest] == ["ROLE_ENDED"]
    assert rest[0]["insights"] is None
    assert time.monotonic() - begun < 0.7


@pytest.mark.spec("M11", "U3")
async def test_the_insights_of_an_archived_course_can_be_followed(
    company: World, ask: Ask, follow: Follow
) -> None:
    async with follow(INSIGHTS, by="Cora", course=ask.id("Course", "Safety")) as heard:
        await heard.next()
        await edit(company, "Safety", state=CourseState.ARCHIVED)
        changed = await heard.next()

    assert (changed["kind"], changed["verb"]) == ("COUNTS_CHANGED", "course.edited")


@pytest.mark.spec("U3", "C2")
async def test_who_may_not_follow_insights_is_told_so_and_strangers_that_there_is_no_course(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")

    for who in ("Enno", "Lea"):
        assert await follow.refused(INSIGHTS, by=who, course=course) == "PERMISSION_DENIED"
    assert await follow.refused(INSIGHTS, by="Stranger", course=course) == "NOT_FOUND"
    assert await follow.refused(INSIGHTS, by="Cora", course="x") == "BAD_USER_INPUT"
