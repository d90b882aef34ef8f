"""The live sessions of a town: of Selling and of Law, one ahead, one that took place yesterday, one
to register for. The learner has a seat in all of Selling's but the last, and waits for `Crowd`."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from operations.live_sessions import roster, scheduling
from tests.proof.town_attempts import student_of

if TYPE_CHECKING:
    from tests.proof.town import City

AHEAD: Final = {"Selling": "Talk", "Law": "Hearing"}
PAST: Final = {"Selling": "Yesterday's talk", "Law": "Yesterday's hearing"}
TO_COME: Final = {"Selling": "Open day", "Law": "Open court"}
CROWD: Final = "Crowd"
INSTRUCTOR_LED: Final = text("""
UPDATE course SET kind = 'INSTRUCTOR_LED' WHERE workspace_id = :w AND title IN ('Selling', 'Law')
""")


def course_of(name: str) -> str:
    """Where a live session of the town is held."""
    of_law = {names["Law"] for names in (AHEAD, PAST, TO_COME)}
    return "Law" if name in of_law else "Selling"


async def furnish(city: "City") -> None:
    world = city.world
    now = dt.datetime.now(dt.UTC)
    async with world.edge.transaction() as db:
        await db.execute(INSTRUCTOR_LED, {"w": world.workspace_id})
    for names, starts_at in (
        (AHEAD, now + dt.timedelta(days=30)),
        (PAST, now - dt.timedelta(days=1)),
        (TO_COME, now + dt.timedelta(days=40)),
    ):
        for name in names.values():
            await _schedule(city, name, starts_at, now)
    for name in (AHEAD["Selling"], PAST["Selling"]):
        await _place(city, name, "learner", student_of("learner"), now=now)
    await _place(city, PAST["Law"], "Lou", student_of("learner"), now=now)
    await _schedule(city, CROWD, now + dt.timedelta(days=50), now, capacity=1)
    await _place(city, CROWD, student_of("learner"), "learner", now=now)


async def _schedule(
    city: "City", name: str, starts_at: dt.datetime, now: dt.datetime, **further: Any
) -> None:
    world, course = city.world, course_of(name)
    said = {
        "title": name,
        "starts_at": starts_at,
        "ends_at": starts_at + dt.timedelta(hours=1),
        "time_zone": "Europe/Stockholm",
        "place": "Hall",
        "link": "https://meet.example/hall",
    }
    async with world.edge.transaction() as db:
        made = await scheduling.create(
            db,
            by=world.system,
            course_id=world.courses[course],
            said=said | further,
            staff_ids=[world.members["Ivy" if course == "Law" else "instructor"]],
            at=now,
        )
    city.live_sessions[name] = made.id


async def _place(city: "City", name: str, *people: str, now: dt.datetime) -> None:
    world = city.world
    async with world.edge.transaction() as db:
        await roster.place(
            db,
            by=world.system,
            live_session_id=city.live_sessions[name],
            member_ids=[world.members[each] for each in people],
            at=now,
        )
