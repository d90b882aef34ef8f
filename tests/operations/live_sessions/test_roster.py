"""Who runs a live session places people into it, and takes them off (M36, H5)."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal
from models.mail import MailKind
from models.people import MemberState
from operations.live_sessions.attendance import Attendance
from operations.live_sessions.roster import RosterOutcome
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
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

BOOKED, WAITLISTED, FULL = RosterOutcome.BOOKED, RosterOutcome.WAITLISTED, RosterOutcome.FULL
LATEST = END + dt.timedelta(days=90)
INSTANT = dt.timedelta(microseconds=1)


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    """Five learners, and a live session with two seats."""
    room = await Class.open(world, "Ann", "Bea", "Cid", "Dan", "Eve")
    await room.schedule(capacity=2)
    return room


async def refused(doing: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        await doing
    return refusal.value


async def test_everybody_has_a_result_of_their_own(room: Class) -> None:
    world = room.world
    await world.member("Tom")
    await world.set_state("Eve", MemberState.DEACTIVATED)
    world.members["Nobody"] = 999_999
    await room.register("Ann")

    placed = await room.place("Bea", "Tom", "Nobody", "Eve", "Ann", "Bea", "Cid")

    assert placed == [
        BOOKED,
        RosterOutcome.NOT_LEARNER,
        RosterOutcome.NOT_FOUND,
        RosterOutcome.DEACTIVATED,
        RosterOutcome.ALREADY_BOOKED,
        WAITLISTED,
    ]
    assert await room.told(MailKind.LIVE_SESSION_BOOKED) == ["Ann", "Bea"]


@pytest.mark.spec("H5")
async def test_beyond_the_capacity_people_are_seated_only_where_it_is_said(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid")

    assert await room.place("Dan") == [WAITLISTED]
    assert await room.place("Eve", "Dan", overbook=True) == [BOOKED, BOOKED]

    assert await room.waiting() == ["Cid"]
    assert await room.booked() == ["Ann", "Bea", "Dan", "Eve"]
    await room.give_back("Ann")
    await room.give_back("Bea")
    assert await room.waiting() == ["Cid"]
    await room.give_back("Dan")
    assert await room.booked() == ["Cid", "Eve"]


async def test_overbooking_is_written_down_only_where_it_is_one(room: Class) -> None:
    await room.place("Ann", "Bea", "Cid", overbook=True)

    async with room.world.edge.read() as db:
        rows = await db.scalars(
            text("SELECT member_id FROM live_registration WHERE is_overbooked"),
        )
        assert rows.all() == room.ids(["Cid"])


@pytest.mark.spec("M36")
@pytest.mark.parametrize("by", ["Ingrid", "Cora", "Mo"])
async def test_instructors_coordinators_and_managers_place_people_until_90_days_after(
    room: Class, by: str
) -> None:
    await room.world.member("Mo")
    await room.world.grant("Mo", Principal.WORKSPACE_MANAGER)

    assert await room.place("Ann", by=by, at=LATEST) == [BOOKED]
    refusal = await refused(room.place("Bea", by=by, at=LATEST + INSTANT))

    assert refusal.code is Code.TOO_LATE
    assert (refusal.details["limit"], refusal.details["actual"]) == (90, 91)
    assert await room.states() == {"Ann": "BOOKED"}
    assert await room.told(MailKind.LIVE_SESSION_BOOKED) == []


@pytest.mark.spec("M36")
async def test_the_workspace_says_how_late_people_are_placed(room: Class) -> None:
    await room.execute("UPDATE workspace SET late_placement_days = 0")

    assert await room.place("Ann", at=END) == [BOOKED]
    assert (await refused(room.place("Bea", at=END + INSTANT))).code is Code.TOO_LATE


@pytest.mark.spec("M36")
@pytest.mark.parametrize("at", [START, DURING, AFTER, LATEST])
async def test_nobody_is_put_on_the_waitlist_of_what_has_begun(
    room: Class, at: dt.datetime
) -> None:
    await room.register("Ann", "Bea", "Cid")

    assert await room.place("Cid", "Dan", at=at) == [FULL, FULL]
    assert await room.place("Cid", "Dan", overbook=True, at=at) == [BOOKED, BOOKED]
    assert await room.waiting() == []


async def test_who_waited_to_the_end_is_seated_where_a_seat_stayed_empty(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid")
    await room.end_waitlists(at=START)
    await room.remove("Ann", at=AFTER)

    assert await room.place("Cid", at=AFTER) == [BOOKED]


async def test_taking_off_seats_whoever_waits_and_tells_both(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan")

    gone = await room.remove("Ann", "Dan", "Eve")

    not_there = RosterOutcome.NOT_REGISTERED
    assert gone == [RosterOutcome.REMOVED, RosterOutcome.REMOVED, not_there]
    assert await room.booked() == ["Bea", "Cid"]
    assert await room.told(MailKind.LIVE_SESSION_CANCELLED) == ["Ann", "Dan"]
    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == ["Cid"]
    await room.place("Dan")
    await room.remove("Dan")
    await room.cancel()
    told = await room.told(MailKind.LIVE_SESSION_CANCELLED)
    assert told == ["Ann", "Dan", "Dan", "Bea", "Cid"]


async def test_attendance_is_corrected_and_not_taken_off(room: Class) -> None:
    await room.register("Ann")
    await room.mark("Ann", state=Attendance.NO_SHOW)

    assert await room.remove("Ann", at=AFTER) == [RosterOutcome.HAS_ATTENDANCE]
    assert await room.place("Ann", at=AFTER) == [RosterOutcome.ALREADY_BOOKED]
    assert await room.states() == {"Ann": "NO_SHOW"}


async def test_learners_and_those_who_teach_place_nobody(room: Class) -> None:
    await room.world.member("Gil")
    await room.world.grant("Gil", Principal.COURSE_TEACH, course=COURSE)

    for name in ("Ann", "Gil"):
        with pytest.raises(Denied) as denied:
            await room.place("Bea", by=name)
        assert denied.value.permission is Permission.MANAGE_SESSION_ROSTER
        with pytest.raises(Denied):
            await room.remove("Bea", by=name)
    assert await room.states() == {}


async def test_a_call_names_500_people_at_most(room: Class) -> None:
    room.world.members |= {f"N{n}": n for n in range(10_000, 10_501)}

    refusal = await refused(room.place(*(f"N{n}" for n in range(10_000, 10_501))))

    assert (refusal.code, refusal.details) == (Code.LIMIT_REACHED, {"limit": 500, "count": 501})


async def test_placing_500_takes_as_many_statements_as_placing_one(
    room: Class, statements: list[str]
) -> None:
    world = room.world
    await room.execute(
        "INSERT INTO member (workspace_id, user_name, display_name, email, state) SELECT :w,"
        " 'n' || n, 'N' || n, 'n' || n || '@acme.example', 'ACTIVE' FROM generate_series(1, 500) n",
        w=world.workspace_id,
    )
    async with world.edge.transaction() as db:
        rows = await db.execute(text("SELECT display_name, id FROM member WHERE user_name ~ '^n'"))
        names = {row.display_name: row.id for row in rows}
        world.members |= names
        await db.execute(
            text(
                "INSERT INTO enrolment (workspace_id, course_id, member_id, source)"
                " SELECT :w, :c, id, 'DIRECT' FROM member WHERE user_name ~ '^n'"
            ),
            {"w": world.workspace_id, "c": world.courses[COURSE]},
        )
    await room.edit(capacity=1)
    statements.clear()
    await room.place("Ann", "Bea")
    few = len(statements)
    await room.edit(capacity=202)
    statements.clear()

    placed = await room.place(*names)

    assert (placed.count(BOOKED), placed.count(WAITLISTED)) == (200, 300)
    assert len(statements) == few
    statements.clear()
    assert set(await room.remove(*names)) == {RosterOutcome.REMOVED}
    assert len(statements) < few
    assert len(await room.told(MailKind.LIVE_SESSION_WAITLISTED)) == 301
    assert BEFORE < START
