"""Seats: booked, waited for, given back, promoted, overbooked (H5)."""

import datetime as dt
from typing import Any

import pytest

from access.permissions import Permission, Principal
from models.mail import MailKind
from operations.live_sessions.roster import RosterOutcome
from operations.live_sessions.seats import Admission
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import COURSE, DURING, START, Class
from tests.world import World

BOOKED, WAITLISTED = Admission.BOOKED, Admission.WAITLISTED


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


@pytest.mark.spec("H5")
async def test_seats_are_booked_and_then_waited_for_in_order(room: Class) -> None:
    came = await room.register("Bea", "Ann", "Eve", "Cid")

    assert came == [BOOKED, BOOKED, WAITLISTED, WAITLISTED]
    assert (await room.booked(), await room.waiting()) == (["Ann", "Bea"], ["Eve", "Cid"])
    assert await room.told(MailKind.LIVE_SESSION_BOOKED) == ["Bea", "Ann"]
    assert await room.told(MailKind.LIVE_SESSION_WAITLISTED) == ["Eve", "Cid"]


async def test_registering_again_changes_nothing(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan")

    again = await room.register("Ann", "Cid")

    assert again == [Admission.ALREADY_BOOKED, Admission.ALREADY_WAITLISTED]
    assert await room.waiting() == ["Cid", "Dan"]
    assert len(await room.told(MailKind.LIVE_SESSION_BOOKED)) == 2
    assert (await room.said()).count("registration.waitlisted") == 2


@pytest.mark.spec("H5")
async def test_one_freed_seat_promotes_exactly_one_first_come(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan", "Eve")

    assert await room.give_back("Ann")

    assert (await room.booked(), await room.waiting()) == (["Bea", "Cid"], ["Dan", "Eve"])
    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == ["Cid"]


async def test_leaving_the_waitlist_promotes_nobody(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan")

    await room.give_back("Cid")

    assert (await room.booked(), await room.waiting()) == (["Ann", "Bea"], ["Dan"])
    assert not await room.give_back("Cid")


async def test_who_gives_back_and_comes_again_queues_at_the_end_and_is_told_again(
    room: Class,
) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan")

    await room.give_back("Ann")
    await room.register("Ann")

    assert (await room.booked(), await room.waiting()) == (["Bea", "Cid"], ["Dan", "Ann"])
    assert await room.told(MailKind.LIVE_SESSION_WAITLISTED) == ["Cid", "Dan", "Ann"]
    await room.give_back("Bea")
    await room.give_back("Cid")
    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == ["Cid", "Dan", "Ann"]


@pytest.mark.spec("H5")
@pytest.mark.parametrize(
    ("capacity", "promoted"), [(3, ["Cid"]), (4, ["Cid", "Dan"]), (9, ["Cid", "Dan", "Eve"])]
)
async def test_raising_the_capacity_promotes_as_many_as_there_are_seats_or_people(
    room: Class, capacity: int, promoted: list[str]
) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan", "Eve")

    await room.edit(capacity=capacity)

    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == promoted


async def test_without_a_limit_everybody_who_waits_is_seated(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan", "Eve")

    await room.edit(capacity=None)

    assert (len(await room.booked()), await room.waiting()) == (5, [])


@pytest.mark.spec("H5")
async def test_lowering_the_capacity_unbooks_nobody_and_fills_nothing_until_there_is_room(
    room: Class,
) -> None:
    await room.register("Ann", "Bea", "Cid")

    await room.edit(capacity=1)
    assert (await room.booked(), await room.waiting()) == (["Ann", "Bea"], ["Cid"])
    await room.give_back("Ann")
    assert (await room.booked(), await room.waiting()) == (["Bea"], ["Cid"])
    await room.give_back("Bea")
    assert await room.booked() == ["Cid"]


async def test_without_a_waitlist_a_full_live_session_says_so(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid")
    await room.edit(has_waitlist=False)

    refusal = await refused(room.register("Dan"))

    assert (refusal.code, refusal.details) == (Code.LIVE_SESSION_FULL, {"limit": 2})
    assert await room.register("Cid") == [Admission.ALREADY_WAITLISTED]
    await room.give_back("Ann")
    assert await room.booked() == ["Bea", "Cid"]


@pytest.mark.spec("H5")
async def test_one_registers_until_the_cut_off_and_gives_back_until_the_start(room: Class) -> None:
    closes_at = START - dt.timedelta(days=1)
    await room.edit(registration_closes_at=closes_at)
    await room.register("Ann", at=closes_at - dt.timedelta(microseconds=1))

    refusal = await refused(room.register("Bea", at=closes_at))

    assert refusal.code is Code.REGISTRATION_CLOSED
    assert refusal.details["closedAt"] == closes_at.isoformat()
    assert (await refused(room.give_back("Ann", at=START))).code is Code.LIVE_SESSION_STARTED
    assert await room.give_back("Ann", at=START - dt.timedelta(microseconds=1))
    assert await room.place("Bea", at=closes_at) == [RosterOutcome.BOOKED]


async def test_without_a_cut_off_registration_closes_at_the_start(room: Class) -> None:
    assert (await refused(room.register("Ann", at=START))).code is Code.REGISTRATION_CLOSED


async def test_one_registers_while_the_course_is_active(room: Class) -> None:
    await room.execute("UPDATE course SET state = 'DRAFT'")

    refusal = await refused(room.register("Ann"))

    assert (refusal.code, refusal.details) == (Code.COURSE_NOT_ACTIVE, {"state": "DRAFT"})
    assert await room.states() == {}


async def test_learners_and_staff_of_the_course_register_and_nobody_else(room: Class) -> None:
    await room.world.member("Tom")

    assert await room.register("Ingrid", "Cora") == [BOOKED, BOOKED]
    assert (await refused(room.register("Tom"))).code is Code.NOT_FOUND
    await room.world.module("Ropes", courses=[COURSE])
    await room.world.grant("Tom", Principal.MODULE_EDIT, module="Ropes")
    with pytest.raises(Denied) as denied:
        await room.register("Tom")
    assert denied.value.permission is Permission.SELF_REGISTER_SESSION
    assert await room.states() == {"Ingrid": "BOOKED", "Cora": "BOOKED"}


async def test_giving_back_what_one_never_had_is_not_found(room: Class) -> None:
    assert (await refused(room.give_back("Ann"))).code is Code.NOT_FOUND


@pytest.mark.spec("H5")
async def test_the_waitlist_ends_at_the_start_with_notice(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid", "Dan")

    assert await room.end_waitlists(at=START - dt.timedelta(seconds=1)) == 0
    assert await room.end_waitlists(at=START) == 1
    assert await room.end_waitlists(at=DURING) == 0

    assert await room.told(MailKind.LIVE_SESSION_WAITLIST_ENDED) == ["Cid", "Dan"]
    assert (await room.row()).waitlist_ended_at == START
    await room.remove("Ann", at=DURING)
    assert await room.booked() == ["Bea"]
    assert await room.told(MailKind.LIVE_SESSION_PROMOTED) == []


async def test_nobody_is_told_of_a_waitlist_that_ended_by_canceling(room: Class) -> None:
    await room.register("Ann", "Bea", "Cid")
    await room.cancel()

    assert await room.end_waitlists(at=DURING) == 0
    assert await room.told(MailKind.LIVE_SESSION_WAITLIST_ENDED) == []
