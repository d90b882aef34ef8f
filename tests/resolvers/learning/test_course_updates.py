"""The learners and the live sessions of a course, followed without gaps, each as far as one may."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import pytest

from access.permissions import Principal
from models.catalog import CourseKind
from models.coordinators import CourseRoleKind
from models.progress import AttemptOrigin
from operations.learning import completing, due_dates, enrolments, resetting
from operations.live_sessions import roster, scheduling
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.following import Event, Follow
from tests.resolvers.learning.people import group
from tests.resolvers.school import edit, remove
from tests.world import MONDAY, World

LEARNERS: Final = """
subscription Learners($course: ID!, $after: Cursor) {
  learnersChanged(courseId: $course, after: $after) {
    kind cursor verb reason courseId memberId member { displayName }
    learner { kind state dueFrom attemptsCount member { displayName }
      allowedActions { operation isAllowed } }
  }
}
"""
SESSIONS: Final = """
subscription Sessions($course: ID!, $after: Cursor) {
  liveSessionsChanged(courseId: $course, after: $after) {
    kind cursor verb reason memberId liveSessionId liveSession { title state bookedCount }
  }
}
"""
MINE: Final = """
subscription Mine($after: Cursor) {
  coursesIManageChanged(after: $after) {
    kind cursor course { title learnerCount overdueCount toGradeCount nextLiveSession { title } }
  }
}
"""
FUTURE: Final = dt.datetime.now(dt.UTC) + dt.timedelta(days=9)


@pytest.fixture
@furnished
async def company(world: World) -> World:
    """Cora coordinates and Ines instructs Safety; Lea and Luc learn in it, Tess may teach it."""
    for name in ("Cora", "Ines", "Lea", "Luc", "Tess", "Enno", "Mia"):
        await world.member(name)
    await world.course(
        "Safety",
        kind=CourseKind.INSTRUCTOR_LED,
        instructors=["Ines"],
        coordinators_by_hand=["Cora"],
    )
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.enrol("Safety", "Lea", "Luc")
    return world


async def unassign(world: World, *names: str) -> None:
    async with world.edge.transaction() as db:
        await enrolments.unassign(db, **_named(world, names), at=MONDAY)


async def redate(world: World, *names: str) -> None:
    async with world.edge.transaction() as db:
        await due_dates.update(db, **_named(world, names), due_at=FUTURE, at=MONDAY)


async def complete(world: World, *names: str) -> None:
    async with world.edge.transaction() as db:
        told = _named(world, names)
        await completing.complete(db, **told, origin=AttemptOrigin.MANUAL, at=MONDAY)


async def reset(world: World, *names: str) -> None:
    async with world.edge.transaction() as db:
        await resetting.reset(db, **_named(world, names), at=MONDAY)


def _named(world: World, names: Sequence[str]) -> dict[str, Any]:
    return {
        "by": world.system,
        "course_id": world.courses["Safety"],
        "member_ids": [world.members[name] for name in names],
    }


async def plan(world: World, title: str) -> int:
    async with world.edge.transaction() as db:
        made = await scheduling.create(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            said={
                "title": title,
                "starts_at": FUTURE,
                "ends_at": FUTURE + dt.timedelta(hours=1),
                "time_zone": "Europe/Stockholm",
            },
            at=MONDAY,
        )
        return made.id


async def place(world: World, live_session_id: int, *names: str) -> None:
    async with world.edge.transaction() as db:
        await roster.place(
            db,
            by=world.system,
            live_session_id=live_session_id,
            member_ids=[world.members[name] for name in names],
            at=MONDAY,
        )


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    return [
        (each["verb"], each["member"]["displayName"], each["learner"]["state"]) for each in events
    ]


@pytest.mark.spec("U1")
@pytest.mark.parametrize("who", ["Cora", "Ines", "Tess"])
async def test_whoever_follows_a_course_hears_of_everybody_who_learns_there(
    company: World, ask: Ask, follow: Follow, who: str
) -> None:
    async with follow(LEARNERS, by=who, course=ask.id("Course", "Safety")) as heard:
        assert (await heard.next())["kind"] == "READY"
        await company.enrol("Safety", "Mia")
        await complete(company, "Lea")
        await reset(company, "Lea")
        await redate(company, "Luc")
        await unassign(company, "Mia")
        events = await heard.take(5)

    assert [(verb, name) for verb, name, _ in told(events)] == [
        ("learner.assigned", "Mia"),
        ("attempt.completed", "Lea"),
        ("attempt.reset", "Lea"),
        ("due_date.changed", "Luc"),
        ("learner.unassigned", "Mia"),
    ]
    assert {each["kind"] for each in events} == {"CHANGED"}
    assert events[-1]["learner"]["kind"] == "FORMER"


@pytest.mark.spec("U1", "C2")
async def test_a_learner_hears_of_themself_and_of_what_is_about_everybody(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    async with follow(LEARNERS, by="Lea", course=course) as heard:
        await heard.next()
        await complete(company, "Luc")
        await company.enrol("Safety", "Mia")
        await complete(company, "Lea")
        await group(company, "Safety", "Early", due_at=FUTURE)
        await edit(company, "Safety", description="New.")
        events = await heard.take(3)

    assert [(each["verb"], each["kind"], each["memberId"]) for each in events] == [
        ("attempt.completed", "CHANGED", ask.id("Member", "Lea")),
        ("due_date.changed", "LEARNERS_CHANGED", None),
        ("course.edited", "COURSE_EDITED", None),
    ]
    assert events[0]["learner"]["state"] == "COMPLETED"


@pytest.mark.spec("U3", "C2")
async def test_who_may_not_follow_a_course_is_told_so_and_strangers_that_there_is_none(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    for document in (LEARNERS, SESSIONS):
        assert await follow.refused(document, by="Enno", course=course) == "PERMISSION_DENIED"
        assert await follow.refused(document, by="Mia", course=course) == "NOT_FOUND"
        assert await follow.refused(document, by="Cora", course="x") == "BAD_USER_INPUT"


@pytest.mark.spec("U3")
async def test_the_stream_ends_with_the_right_it_began_by(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    await company.enrol("Safety", "Cora")
    async with (
        follow(LEARNERS, by="Cora", course=course) as whole,
        follow(LEARNERS, by="Lea", course=course) as own,
    ):
        await whole.next()
        await own.next()
        await remove(company, "Cora", CourseRoleKind.COORDINATOR)
        await unassign(company, "Lea")

        assert [each["kind"] for each in await whole.rest()] == ["ROLE_ENDED"]
        assert [each["kind"] for each in await own.rest()] == ["ROLE_ENDED"]
    async with follow(LEARNERS, by="Cora", course=course, after=whole.last["cursor"]) as heard:
        await heard.next()
        await complete(company, "Cora")
        last = await heard.next()
    assert last["memberId"] == ask.id("Member", "Cora")


@pytest.mark.spec("U2")
async def test_a_stream_cut_after_any_event_goes_on_with_the_next(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    page = f'{{ listLearners(courseId: "{course}") {{ position totalCount }} }}'
    snapshot = await ask.one(page, by="Cora")
    await company.enrol("Safety", "Mia")
    await complete(company, "Lea", "Luc")
    await plan(company, "Monday")
    await unassign(company, "Mia")
    whole: list[Event] = []
    async with follow(LEARNERS, by="Cora", course=course, after=snapshot["position"]) as heard:
        await heard.next()
        whole += await heard.take(4)

    for number, event in enumerate(whole[:-1], start=1):
        async with follow(LEARNERS, by="Cora", course=course, after=event["cursor"]) as heard:
            await heard.next()
            rest = await heard.take(len(whole) - number)
        assert told(rest) == told(whole[number:])
    assert snapshot["totalCount"] == 2


@pytest.mark.spec("U1", "U4")
async def test_what_one_call_does_to_many_is_one_event_and_what_it_does_to_few_is_one_each(
    company: World, ask: Ask, follow: Follow
) -> None:
    few, many = ([f"{word}{n}" for n in range(size)] for word, size in (("f", 20), ("m", 21)))
    for name in (*few, *many):
        await company.member(name)
    async with (
        follow(LEARNERS, by="Cora", course=ask.id("Course", "Safety")) as heard,
        follow(MINE, by="Cora") as counted,
    ):
        await heard.next()
        await counted.next()
        await company.enrol("Safety", *many)
        first = await heard.next()
        await company.enrol("Safety", *few)
        one_each = await heard.take(20)
        assert await heard.is_silent()
        counts = [await counted.next()]
        while counts[-1]["course"]["learnerCount"] < 43:
            counts.append(await counted.next())

    assert (first["kind"], first["memberId"], first["learner"]) == ("LEARNERS_CHANGED", None, None)
    assert {each["kind"] for each in one_each} == {"CHANGED"}
    assert [each["member"]["displayName"] for each in one_each] == few
    assert {each["kind"] for each in counts} == {"COUNTS_CHANGED"}
    assert len(counts) <= 4


@pytest.mark.spec("U1", "M33")
async def test_the_courses_one_manages_say_when_their_figures_are_others(
    company: World, ask: Ask, follow: Follow
) -> None:
    async with follow(MINE, by="Cora") as heard:
        await heard.next()
        await company.enrol("Safety", "Mia")
        assigned = await heard.next()
        await plan(company, "Monday")
        planned = await heard.next()

    assert assigned["kind"] == planned["kind"] == "COUNTS_CHANGED"
    assert assigned["course"]["learnerCount"] == 3
    assert planned["course"]["nextLiveSession"] == {"title": "Monday"}


@pytest.mark.spec("U1", "C2")
async def test_live_sessions_are_followed_and_of_others_places_a_learner_hears_nothing(
    company: World, ask: Ask, follow: Follow
) -> None:
    course = ask.id("Course", "Safety")
    async with (
        follow(SESSIONS, by="Cora", course=course) as whole,
        follow(SESSIONS, by="Lea", course=course) as own,
    ):
        await whole.next()
        await own.next()
        monday = await plan(company, "Monday")
        await place(company, monday, "Luc", "Lea")
        of_all, of_one = await whole.take(3), await own.take(2)

    assert [(each["verb"], each["memberId"]) for each in of_all] == [
        ("live_session.created", None),
        ("registration.booked", ask.id("Member", "Luc")),
        ("registration.booked", ask.id("Member", "Lea")),
    ]
    assert [(each["verb"], each["memberId"]) for each in of_one] == [
        ("live_session.created", None),
        ("registration.booked", ask.id("Member", "Lea")),
    ]
    assert of_all[-1]["liveSession"]["bookedCount"] == 2
