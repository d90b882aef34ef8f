"""Whoever leaves the course gives the seat back, by whatever door they left."""

import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from app import actors
from models.coordinators import CourseRoleKind
from models.mail import MailKind
from models.people import MemberState
from operations import coordinators
from operations.edge import Edge
from operations.learning import enrolments
from operations.live_sessions import closing
from sync_engine.duties import Actor
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import BEFORE, COURSE, DURING, START, Class
from tests.world import World

Leave = Callable[[Class], Awaitable[None]]


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    """Ann and Cora have the two seats; Bea, Cid and Dan wait."""
    room = await Class.open(world, "Ann", "Bea", "Cid", "Dan")
    await room.schedule(capacity=2)
    await room.register("Ann", "Cora", "Bea", "Cid", "Dan")
    return room


async def unassign(room: Class, name: str) -> None:
    async with room.world.edge.transaction() as db:
        await enrolments.unassign(
            db,
            by=room.world.system,
            course_id=room.world.courses[COURSE],
            member_ids=[room.world.members[name]],
            at=BEFORE,
        )


async def ann_is_unassigned(room: Class) -> None:
    await unassign(room, "Ann")


async def ann_is_deactivated(room: Class) -> None:
    await room.world.set_state("Ann", MemberState.DEACTIVATED)


async def cora_coordinates_no_longer(room: Class) -> None:
    async with room.world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=room.world.system,
            course_id=room.world.courses[COURSE],
            role=CourseRoleKind.COORDINATOR,
            member_ids=[room.world.members["Cora"]],
        )


@pytest.mark.spec("H5")
@pytest.mark.parametrize(
    "leave", [ann_is_unassigned, ann_is_deactivated, cora_coordinates_no_longer]
)
async def test_the_seat_of_who_has_left_goes_to_whoever_waits(room: Class, leave: Leave) -> None:
    await leave(room)

    assert await room.release() == 1
    assert await room.release() == 0

    gone = "Cora" if leave is cora_coordinates_no_longer else "Ann"
    assert (await room.states())[gone] == "CANCELLED_BY_USER"
    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == ["Bea"]
    told = [] if leave is ann_is_deactivated else [gone]
    assert await room.told(MailKind.LIVE_SESSION_CANCELLED) == told


async def test_whoever_has_left_is_passed_over_when_a_seat_is_free(room: Class) -> None:
    await unassign(room, "Bea")

    await room.give_back("Ann")

    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == ["Cid"]
    await room.release()
    assert await room.waiting() == ["Dan"]


async def test_what_has_begun_is_left_as_it_was(room: Class) -> None:
    await unassign(room, "Ann")

    assert await room.release(at=START) == 0
    assert (await room.states())["Ann"] == "BOOKED"


async def test_whoever_is_still_there_for_another_reason_keeps_the_seat(room: Class) -> None:
    await room.world.enrol(COURSE, "Cora")
    await cora_coordinates_no_longer(room)

    assert await room.release() == 0


async def test_whoever_comes_back_queues_anew(room: Class) -> None:
    await unassign(room, "Ann")
    await room.release()
    await room.world.enrol(COURSE, "Ann")

    await room.register("Ann")

    assert await room.waiting() == ["Cid", "Dan", "Ann"]


async def test_live_sessions_that_have_begun_are_closed_a_turn_at_a_time(room: Class) -> None:
    for _ in range(3):
        await room.schedule(capacity=1, starts_at=START - dt.timedelta(hours=1))

    assert await room.end_waitlists(at=START) == 4
    assert await room.end_waitlists(at=DURING) == 0


async def is_pending(room: Class, condition: str) -> bool:
    async with room.world.edge.read() as db:
        return bool(await db.scalar(text(f"SELECT {condition}")))


async def test_the_sweeper_is_told_when_there_is_something_to_do(room: Class) -> None:
    """The live sessions of these tests have long begun for the database's clock."""
    assert await is_pending(room, closing.BEGUN)
    await room.end_waitlists(at=START)
    assert not await is_pending(room, closing.BEGUN)

    now = dt.datetime.now(dt.UTC)
    soon = now + dt.timedelta(days=1)
    await room.schedule(at=now, starts_at=soon, ends_at=soon + dt.timedelta(hours=1))
    await room.register("Ann", at=now)
    assert not await is_pending(room, closing.LEFT)
    await unassign(room, "Ann")
    assert await is_pending(room, closing.LEFT)
    assert await room.release(at=now) == 1
    assert not await is_pending(room, closing.LEFT)


async def test_the_duties_of_workers_do_both(room: Class) -> None:
    now = dt.datetime.now(dt.UTC)
    soon = now + dt.timedelta(days=1)
    first = room.live_session_id
    await room.schedule(at=now, starts_at=soon, ends_at=soon + dt.timedelta(hours=1))
    await room.register("Ann", at=now)
    await unassign(room, "Ann")

    for duty in (actors.end_waitlists, actors.release_seats):
        assert await _look(duty, room) is False

    assert (await room.states())["Ann"] == "CANCELLED_BY_USER"
    room.live_session_id = first
    assert (await room.row()).waitlist_ended_at is not None


async def _look(duty: Actor[Edge], room: Class) -> bool:
    looked = duty.look(room.world.edge)
    return looked if isinstance(looked, bool) else await looked
