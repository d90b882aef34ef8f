"""Sixteen people at three seats at the same moment; and what would happen without the lock."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from operations.live_sessions import locking
from operations.refusals import Refused
from tests.operations.live_sessions.teaching import Class
from tests.world import World

SEATS, PEOPLE = 3, 16
NAMES = tuple(f"P{n:02}" for n in range(PEOPLE))

HISTORY = text("""
SELECT verb, member_id, after ->> 'capacity' AS capacity FROM journal_entry
 WHERE CAST(detail ->> 'liveSessionId' AS bigint) = :id ORDER BY seq
""")


@pytest.fixture
async def room(database_url: str) -> AsyncIterator[Class]:
    """A course of sixteen learners, each with a connection of their own."""
    engine = create_async_engine(database_url, pool_size=PEOPLE + 1)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield await Class.open(await World.new(sessions), *NAMES)
    await engine.dispose()


@pytest.mark.spec("H5")
@pytest.mark.timeout(120)
async def test_sixteen_at_once_get_three_seats_and_a_waitlist_in_order(room: Class) -> None:
    for _ in range(10):
        await room.schedule(capacity=SEATS)
        await asyncio.gather(*(room.register(name) for name in NAMES))

        assert (len(await room.booked()), len(await room.waiting())) == (SEATS, PEOPLE - SEATS)
        await _replay(room)


@pytest.mark.spec("H5")
@pytest.mark.timeout(120)
async def test_whatever_sixteen_do_at_once_every_seat_goes_to_whoever_is_next(room: Class) -> None:
    dice = random.Random(20260302)
    for _ in range(4):
        await room.schedule(capacity=SEATS)
        await asyncio.gather(*(_come_and_go(room, name, dice) for name in NAMES), _resize(room))

        booked, waiting = await room.booked(), await room.waiting()
        assert len(booked) <= SEATS
        assert len(booked) == SEATS or not waiting
        assert await _replay(room) == (set(booked), waiting)


@pytest.mark.timeout(120)
async def test_without_the_lock_there_are_two_for_one_seat(
    room: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "locking", lambda rows: rows)
    crowds = []
    for _ in range(5):
        await room.schedule(capacity=SEATS)
        done = await asyncio.gather(
            *(room.register(name) for name in NAMES), return_exceptions=True
        )
        assert all(isinstance(each, list | IntegrityError) for each in done)
        crowds.append(len(await room.booked()))

    assert max(crowds) > SEATS


async def _come_and_go(room: Class, name: str, dice: random.Random) -> None:
    for _ in range(4):
        await room.register(name)
        await asyncio.sleep(dice.random() / 100)
        if dice.random() < 0.6:
            await room.give_back(name)


async def _resize(room: Class) -> None:
    for capacity in (5, 2, SEATS):
        await asyncio.sleep(0.02)
        await room.edit(capacity=capacity)


async def _replay(room: Class) -> tuple[set[str], list[str]]:
    """Tell the story again by the journal, which is in the order of commits: a seat was given only
    where one was free, and to nobody before their turn."""
    names = {id: name for name, id in room.world.members.items()}
    async with room.world.edge.read() as db:
        entries = (await db.execute(HISTORY, {"id": room.live_session_id})).all()
    capacity, booked, waiting = 0, set[str](), list[str]()
    for verb, member_id, said in entries:
        capacity = int(said) if said else capacity
        name = names.get(member_id, "")
        match verb.split(".")[1]:
            case "booked":
                assert len(booked) < capacity
                assert not waiting
                booked.add(name)
            case "waitlisted":
                assert len(booked) >= capacity
                waiting.append(name)
            case "promoted":
                assert len(booked) < capacity
                assert waiting.pop(0) == name
                booked.add(name)
            case "canceled":
                booked.discard(name)
                waiting = [each for each in waiting if each != name]
    return booked, waiting


async def test_the_story_told_again_notices_who_was_seated_out_of_turn(room: Class) -> None:
    await room.schedule(capacity=1)
    await room.register("P00", "P01", "P02")
    await room.execute(
        "UPDATE live_registration SET place = 9 - place"
        " WHERE live_session_id = :id AND place IS NOT NULL"
    )
    await room.give_back("P00")

    with pytest.raises(AssertionError):
        await _replay(room)
    with pytest.raises(Refused):
        await room.edit(capacity=0)
