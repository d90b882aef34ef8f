"""Whatever happens to a live session in whatever order: never two for one seat, never more than
there are unless it was said, and first come, first served (H5)."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.learning import enrolments
from operations.refusals import Code, Refused
from tests.furnishing import furnished
from tests.operations.live_sessions.teaching import BEFORE, COURSE, START, Class
from tests.operations.live_sessions.telling import CAPACITIES, Told
from tests.sampling import examples
from tests.world import World

NAMES: Final = ("Ann", "Bea", "Cid", "Dan", "Eve")
EXPECTED: Final = frozenset(
    {
        Code.LIVE_SESSION_CANCELLED,
        Code.LIVE_SESSION_FULL,
        Code.LIVE_SESSION_STARTED,
        Code.NOT_FOUND,
        Code.REGISTRATION_CLOSED,
    }
)
"""Refusals that belong to the story: nothing has happened."""


async def _leave(room: Class, name: str, _: dt.datetime) -> None:
    async with room.world.edge.transaction() as db:
        await enrolments.unassign(
            db,
            by=room.world.system,
            course_id=room.world.courses[COURSE],
            member_ids=[room.world.members[name]],
            at=BEFORE,
        )


async def _edit(room: Class, at: dt.datetime, **changes: Any) -> None:
    if at < START:
        await room.edit(at=at, **changes)


ACTS: Final[dict[str, Callable[[Class, Any, dt.datetime], Awaitable[object]]]] = {
    "register": lambda room, name, at: room.register(name, at=at),
    "give back": lambda room, name, at: room.give_back(name, at=at),
    "place": lambda room, name, at: room.place(name, at=at),
    "overbook": lambda room, name, at: room.place(name, overbook=True, at=at),
    "remove": lambda room, name, at: room.remove(name, at=at),
    "leave": _leave,
    "release": lambda room, _, at: room.release(at=at),
    "return": lambda room, name, _: room.world.enrol(COURSE, name),
    "resize": lambda room, capacity, at: _edit(room, at, capacity=capacity),
    "waitlist": lambda room, is_on, at: _edit(room, at, has_waitlist=is_on),
    "start": lambda room, _, at: room.end_waitlists(at=at),
    "cancel": lambda room, _, at: room.cancel(at=at),
}

STORY: Final[dict[str, Callable[[Told, Any], None]]] = {
    "register": Told.register,
    "give back": Told.give_back,
    "place": lambda told, name: told.place(name, overbook=False),
    "overbook": lambda told, name: told.place(name, overbook=True),
    "remove": Told.remove,
    "leave": lambda told, name: told.outside.add(name),
    "release": lambda told, _: told.release(),
    "return": lambda told, name: told.outside.discard(name),
    "resize": Told.resize,
    "waitlist": Told.let_wait,
    "start": lambda told, _: told.begin(),
    "cancel": lambda told, _: told.cancel(),
}

OFTEN: Final = {"register": 14, "give back": 4, "place": 2, "remove": 2, "return": 3, "release": 2}
"""How often, compared with other steps, one is taken."""

ENDINGS: Final = ("start", "cancel")
people = st.sampled_from(NAMES)
arguments = {
    "resize": st.sampled_from(CAPACITIES),
    "waitlist": st.sampled_from([True, True, False]),
}
steps = st.sampled_from(
    [step for step in ACTS if step not in ENDINGS for _ in range(OFTEN.get(step, 1))]
).flatmap(lambda step: st.tuples(st.just(step), arguments.get(step, people)))
histories = st.tuples(
    st.lists(steps, min_size=14, max_size=28),
    st.sampled_from(ENDINGS).map(lambda step: [(step, None)]),
    st.lists(steps, min_size=3, max_size=8),
).map(lambda parts: [step for part in parts for step in part])


@pytest.fixture
@furnished
async def room(world: World) -> Class:
    return await Class.open(world, *NAMES)


@pytest.mark.spec("H5")
@pytest.mark.timeout(120)
@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(capacity=st.sampled_from(CAPACITIES[:-1]), history=histories)
async def test_seats_are_as_the_plain_story_tells_after_every_step(
    room: Class, capacity: int | None, history: list[tuple[str, Any]]
) -> None:
    await room.world.enrol(COURSE, *NAMES)
    await room.schedule(capacity=capacity)
    told, at = Told(capacity), BEFORE

    for step, argument in history:
        at = max(at, START) if step == "start" else at
        refusal = await _take(room, step, argument, at)
        STORY[step](told, argument)

        assert refusal is None or refusal in EXPECTED
        assert set(await room.booked()) == told.booked, step
        assert await room.waiting() == told.waiting, step
        assert len(told.booked) <= told.most


async def _take(room: Class, step: str, argument: Any, at: dt.datetime) -> Code | None:
    try:
        await ACTS[step](room, argument, at)
    except Refused as refusal:
        return refusal.code
    return None
