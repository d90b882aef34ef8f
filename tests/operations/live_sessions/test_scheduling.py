"""Live sessions are made, changed, called off and staffed (M12, H5)."""

import datetime as dt
from typing import Any

import pytest

from access.permissions import Permission, Principal
from models.catalog import CourseKind
from models.live_sessions import LiveSessionState
from models.mail import MailKind
from models.people import MemberState
from operations.learning import course_settings
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.mailing import Outbox
from tests.operations.live_sessions.teaching import (
    AFTER,
    BEFORE,
    COURSE,
    DURING,
    END,
    START,
    Class,
)
from tests.world import World

DAY = dt.timedelta(days=1)


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    return await Class.open(world, "Ann", "Bea", "Cid")


async def refused(doing: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        await doing
    return refusal.value


@pytest.mark.spec("M12")
async def test_a_coordinator_schedules_changes_and_cancels(room: Class) -> None:
    await room.schedule(title="Ladders", place="Room 7", capacity=3)
    await room.edit(title="Tall ladders")
    await room.cancel()

    row = await room.row()
    assert (row.title, row.place, row.capacity, row.reason) == ("Tall ladders", "Room 7", 3, "Ill.")
    assert row.state is LiveSessionState.CANCELLED
    assert await room.said() == [
        "live_session.created",
        "live_session.edited",
        "live_session.canceled",
    ]


@pytest.mark.spec("M12")
async def test_only_instructor_led_courses_have_live_sessions(room: Class) -> None:
    await room.schedule()
    await room.execute("UPDATE course SET kind = 'SELF_PACED'")

    for doing in (room.schedule(), room.edit(title="Ropes"), room.cancel(), room.staff(["Cora"])):
        assert (await refused(doing)).code is Code.NOT_INSTRUCTOR_LED
    assert (await room.row()).title == "Ladders"


@pytest.mark.spec("M12")
async def test_the_coordinator_of_another_course_does_nothing_here(room: Class) -> None:
    await room.schedule()
    await room.world.member("Oda")
    await room.world.course("Knots", coordinators_by_hand=["Oda"])

    assert (await refused(room.edit(by="Oda", title="Knots"))).code is Code.NOT_FOUND
    await room.world.enrol(COURSE, "Oda")
    with pytest.raises(Denied) as denied:
        await room.edit(by="Oda", title="Knots")
    assert denied.value.permission is Permission.MANAGE_SESSIONS
    assert (await room.row()).title == "Ladders"


async def test_a_course_stays_instructor_led_while_live_sessions_are_ahead(room: Class) -> None:
    first = await room.schedule()

    async def make_self_paced(at: dt.datetime) -> None:
        async with room.world.edge.transaction() as db:
            await course_settings.edit(
                db,
                by=room.world.system,
                course_id=room.world.courses[COURSE],
                changes={"kind": CourseKind.SELF_PACED},
                at=at,
            )

    refusal = await refused(make_self_paced(DURING))
    assert refusal.code is Code.LIVE_SESSIONS_AHEAD
    assert refusal.details == {"liveSessionIds": [first]}
    await make_self_paced(END)


@pytest.mark.spec("H5")
@pytest.mark.parametrize(
    ("said", "argument"),
    [
        ({"ends_at": START}, "endsAt"),
        ({"ends_at": START + 32 * DAY}, "endsAt"),
        ({"registration_closes_at": START + dt.timedelta(seconds=1)}, "registrationClosesAt"),
        ({"time_zone": "Europe/Atlantis"}, "timeZone"),
        ({"time_zone": "localtime"}, "timeZone"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": 100_001}, "capacity"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "https://[meet"}, "link"),
        ({"link": "https://meet.example/a b"}, "link"),
        ({"starts_at": dt.datetime(1, 1, 1), "time_zone": "Asia/Tokyo"}, "startsAt"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_is_refused_by_name(
    room: Class, said: dict[str, Any], argument: str
) -> None:
    refusal = await refused(room.schedule(**said))

    assert (refusal.code, refusal.details["argument"]) == (Code.BAD_USER_INPUT, argument)


async def test_a_changed_time_or_place_is_told_once_to_everybody_who_comes(room: Class) -> None:
    await room.schedule(capacity=1, link="https://meet.example/1", staff=["Ingrid"])
    await room.register("Ann", "Bea")

    await room.edit(starts_at=START + DAY, ends_at=END + DAY)
    await room.edit(starts_at=START + DAY, ends_at=END + DAY)
    await room.edit(description="Bring gloves.")

    assert sorted(await room.told(MailKind.LIVE_SESSION_CHANGED)) == ["Ann", "Bea", "Ingrid"]
    assert (await room.row()).sequence == 2
    mails = [
        each
        for each in await Outbox(room.world).mails()
        if each.kind is MailKind.LIVE_SESSION_CHANGED
    ]
    links = {each.parameters["name"]: each.parameters["link"] for each in mails}
    assert links == {"Ann": (await room.row()).link, "Ingrid": (await room.row()).link, "Bea": None}
    assert {each.parameters["starts_at"] for each in mails} == {"2026-03-10T10:00:00+01:00"}


async def test_canceling_turns_what_is_open_and_tells_everybody_once(room: Class) -> None:
    await room.schedule(capacity=1, staff=["Ingrid"])
    await room.register("Ann", "Bea", "Cid")
    await room.give_back("Cid")

    await room.cancel()

    assert await room.states() == {
        "Ann": "CANCELLED_SESSION",
        "Bea": "CANCELLED_SESSION",
        "Cid": "CANCELLED_BY_USER",
    }
    assert sorted(await room.told(MailKind.LIVE_SESSION_CANCELLED)) == ["Ann", "Bea", "Ingrid"]
    for doing in (
        room.cancel(),
        room.edit(title="Ropes"),
        room.register("Cid"),
        room.place("Cid"),
        room.mark("Ann"),
        room.staff(["Cora"]),
    ):
        assert (await refused(doing)).code is Code.LIVE_SESSION_CANCELLED


async def test_what_has_begun_and_what_is_over_stays_when_it_was(room: Class) -> None:
    await room.schedule(capacity=2)

    refusal = await refused(room.edit(at=DURING, starts_at=END + DAY))
    assert refusal.code is Code.LIVE_SESSION_STARTED
    await room.edit(at=DURING, ends_at=END + dt.timedelta(minutes=1))
    for changes in ({"ends_at": END + DAY}, {"capacity": 5}, {"time_zone": "UTC"}):
        assert (await refused(room.edit(at=AFTER, **changes))).code is Code.LIVE_SESSION_OVER
    assert (await refused(room.cancel(at=AFTER))).code is Code.LIVE_SESSION_OVER
    await room.edit(at=AFTER, link="https://meet.example/recording")
    assert await room.told(MailKind.LIVE_SESSION_CHANGED) == []


async def test_a_live_session_is_moved_to_times_to_come_only(room: Class) -> None:
    await room.schedule()

    refusal = await refused(room.edit(at=START - DAY, starts_at=START - 2 * DAY))

    assert refusal.details["argument"] == "startsAt"
    assert (await room.row()).starts_at == START


async def test_another_time_zone_alone_moves_no_time(room: Class) -> None:
    await room.schedule()

    await room.edit(time_zone="America/New_York")

    row = await room.row()
    assert (row.starts_at, row.time_zone) == (START, "America/New_York")


@pytest.mark.spec("M12")
async def test_staff_are_people_who_may_mark_attendance_there(room: Class) -> None:
    world = room.world
    for name in ("Tess", "Gil", "Mo", "Nell"):
        await world.member(name)
    await world.grant("Tess", Principal.DEPT_TEACH, department="Training")
    await world.grant("Gil", Principal.COURSE_TEACH, course=COURSE)
    await world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await room.schedule()

    await room.staff(["Ingrid", "Cora", "Tess", "Gil", "Mo"])
    refusal = await refused(room.staff(["Nell", "Ann"]))

    assert refusal.code is Code.NOT_STAFF
    assert refusal.details["memberIds"] == sorted(room.ids(["Nell", "Ann"]))
    await room.staff(add=["Ingrid"], remove=["Cora", "Ann"])
    assert (await room.said()).count("live_session.staffed") == 5
    assert (await room.said()).count("live_session.unstaffed") == 1


async def test_who_has_left_the_company_is_no_staff(room: Class) -> None:
    await room.schedule()
    await room.world.set_state("Ingrid", MemberState.DEACTIVATED)

    assert (await refused(room.staff(["Ingrid"]))).code is Code.NOT_STAFF


async def test_one_in_the_past_has_no_waitlist(room: Class) -> None:
    await room.schedule(at=AFTER, capacity=1)

    assert (await room.row()).waitlist_ended_at == AFTER
    assert await room.end_waitlists(at=AFTER) == 0
    assert BEFORE < AFTER
