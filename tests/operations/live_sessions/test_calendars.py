"""What stands in somebody's calendar, for how long, and at what cost (H5)."""

import datetime as dt

import pytest
from sqlalchemy import text

from operations.live_sessions import calendars
from operations.live_sessions.calendars import MOST, PAST
from operations.refusals import Code, Refused
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import AFTER, BEFORE, DURING, END, START, Class
from tests.world import World

pytestmark = pytest.mark.spec("H5")

MANY = text("""
WITH made AS (
  INSERT INTO live_session (workspace_id, course_id, title, starts_at, ends_at, time_zone, state)
  SELECT s.workspace_id, s.course_id, 'Ladders ' || n, s.starts_at + n * interval '1 hour',
         s.ends_at + n * interval '1 hour', s.time_zone, s.state
    FROM live_session s, generate_series(1, :count) AS n WHERE s.id = :id
  RETURNING id, workspace_id)
INSERT INTO live_registration (workspace_id, live_session_id, member_id, state)
SELECT workspace_id, id, :member_id, 'BOOKED' FROM made
""")


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    room = await Class.open(world, "Lea", "Wim")
    await room.schedule(staff=["Ingrid"], capacity=1)
    return room


async def titles(room: Class, name: str, at: dt.datetime = BEFORE) -> list[str]:
    async with room.world.edge.read() as db:
        found = await calendars.of_person(db, by=room.by(name), at=at)
    return [each.live_session.title for each in found]


async def test_what_is_over_stays_for_ninety_days(room: Class) -> None:
    await room.register("Lea")

    for name in ("Lea", "Ingrid"):
        assert await titles(room, name, at=END + PAST - dt.timedelta(seconds=1)) == ["Ladders"]
        assert await titles(room, name, at=END + PAST) == []


async def test_what_was_called_off_stays_as_long(room: Class) -> None:
    await room.register("Lea", "Wim")
    await room.cancel()

    for name in ("Lea", "Wim", "Ingrid"):
        assert await titles(room, name, at=END + PAST - dt.timedelta(seconds=1)) == ["Ladders"]
        assert await titles(room, name, at=END + PAST) == []


async def test_who_waited_in_vain_or_gave_their_seat_back_finds_it_gone(room: Class) -> None:
    await room.register("Lea", "Wim")
    assert await titles(room, "Wim", at=START - dt.timedelta(seconds=1)) == ["Ladders"]

    assert await titles(room, "Wim", at=START) == []
    await room.end_waitlists(at=DURING)
    assert await titles(room, "Wim", at=BEFORE) == []
    await room.remove("Lea", at=DURING)
    assert await titles(room, "Lea") == []


async def test_who_attended_or_did_not_keeps_it(room: Class) -> None:
    await room.register("Lea")
    await room.mark("Lea")

    assert await titles(room, "Lea", at=AFTER) == ["Ladders"]


@pytest.mark.parametrize("count", [1, 500])
async def test_a_calendar_costs_two_statements_however_full_it_is(
    room: Class, statements: list[str], count: int
) -> None:
    async with room.world.edge.transaction() as db:
        secret = await calendars.renew(db, by=room.by("Lea"), at=BEFORE)
    await room.execute(str(MANY), count=count, member_id=room.world.members["Lea"])
    statements.clear()

    async with room.world.edge.read() as db:
        found = await calendars.behind(db, secret=secret, at=BEFORE)

    assert len(found.entries) == count
    assert len([each for each in statements if not each.startswith("SET")]) == 2


async def test_of_very_many_those_that_begin_last_are_shown_in_order(room: Class) -> None:
    await room.execute(str(MANY), count=MOST + 3, member_id=room.world.members["Lea"])

    found = await titles(room, "Lea")

    assert (len(found), found[0], found[-1]) == (MOST, "Ladders 4", f"Ladders {MOST + 3}")


async def test_nothing_malformed_asks_the_database(world: World, statements: list[str]) -> None:
    for secret in ("", "x", "A" * 42, "A" * 44, "é" * 43, "A" * 42 + "\n"):
        statements.clear()
        with pytest.raises(Refused) as refused:
            async with world.edge.read() as db:
                await calendars.behind(db, secret=secret, at=BEFORE)
        assert refused.value.code is Code.NOT_FOUND
        assert [each for each in statements if "calendar_feed" in each] == []
