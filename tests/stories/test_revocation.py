"""A right that ends takes its open streams along: within a second, with a word, and for good.

Measured is from the commit of what ends the right to the last byte the stream delivers, over real
sockets, in two processes, while the course keeps changing. For a role through a segment the commit
is that of the identity change, so the engine's work is inside.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from statistics import quantiles
from typing import Any

import pytest

from access.permissions import Principal
from models.coordinators import CourseRoleKind
from models.people import MemberState
from operations import coordinators, overrides
from tests.stories.dashboards import COORDINATORS, over_events, over_socket
from tests.stories.running import Company, Found
from tests.world import MONDAY, World

pytestmark = pytest.mark.timeout(180)

EACH = 20
"""So many lose each kind of right."""

AT_ONCE = 10
AFTERWARDS = 0.3

Loss = Callable[[Company, str], Awaitable[None]]


async def by_hand(company: Company, name: str) -> None:
    world = company.world
    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            role=CourseRoleKind.COORDINATOR,
            member_ids=[world.members[name]],
        )


async def by_segment(company: Company, name: str) -> None:
    await company.world.change(name, department="Ops")


async def by_deactivation(company: Company, name: str) -> None:
    await company.world.set_state(name, MemberState.DEACTIVATED)


async def by_grant(company: Company, name: str) -> None:
    world = company.world
    await world.take(name, Principal.DEPARTMENT_MANAGER, department="Training")


LOSSES: dict[str, Loss] = {
    "hand": by_hand,
    "segment": by_segment,
    "account": by_deactivation,
    "grant": by_grant,
}


@pytest.fixture
async def company(found: Found) -> Company:
    """EACH people for each way to lose the right to the stream of Safety."""
    company = await found()
    await company.world.let_many_go()
    world = company.world
    by_name: dict[str, list[str]] = {}
    for way in (*LOSSES, "token"):
        by_name[way] = [f"{way} {number}" for number in range(EACH)]
        for name in by_name[way]:
            await world.member(name, department="Sales" if way == "segment" else "None")
    await world.member("Noise")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course(
        "Safety",
        coordinators_by_hand=[*by_name["hand"], *by_name["account"], *by_name["token"]],
        segments_attached=["Sellers"],
    )
    for name in by_name["grant"]:
        await world.grant(name, Principal.DEPARTMENT_MANAGER, department="Training")
    return company


@asynccontextmanager
async def changing(world: World) -> AsyncIterator[None]:
    """The coordinators of the course change all the time."""
    about: dict[str, Any] = {
        "course_id": world.courses["Safety"],
        "member_id": world.members["Noise"],
    }

    async def change() -> None:
        while True:
            async with world.edge.transaction() as db:
                await overrides.keep(
                    db, by=world.system, **about, reason="Noise.", expires_at=None, at=MONDAY
                )
            await asyncio.sleep(0.02)
            async with world.edge.transaction() as db:
                await overrides.lift(db, by=world.system, **about)
            await asyncio.sleep(0.02)

    changes = asyncio.create_task(change())
    yield
    changes.cancel()
    with suppress(asyncio.CancelledError):
        await changes


class Listener:
    """Reads one stream to its end, and beyond."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.kinds: list[str] = []
        self.ended_at = 0.0
        self.is_ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (event := await self._stream.next()) is not None:
            self.kinds.append(event["kind"])
            self.is_ready.set()
        self.ended_at = time.monotonic()

    async def end(self) -> float:
        async with asyncio.timeout(20):
            await self._reading
        return self.ended_at

    async def says_more(self) -> bool:
        """Whether anything at all comes after the end."""
        try:
            async with asyncio.timeout(AFTERWARDS):
                return await self._stream.next() is not None
        except (TimeoutError, EOFError, StopAsyncIteration):
            return False


async def rounds(company: Company, way: str, names: list[str]) -> list[float]:
    """Open a stream for each, half of them over each transport, and end one right after another;
    the seconds from commit to end."""
    safety = company.id("Course", "Safety")
    took = []
    async with AsyncExitStack() as stack:
        listeners, ended_by = [], []
        for number, name in enumerate(names):
            id, token = await token_of(company, way, name)
            open_ = over_socket if number % 2 else over_events
            stream = await stack.enter_async_context(
                open_(company, token, COORDINATORS, course=safety)
            )
            listeners.append(Listener(stream))
            ended_by.append(id)
        await asyncio.gather(*(each.is_ready.wait() for each in listeners))
        for name, id, listener in zip(names, ended_by, listeners, strict=True):
            await (company.revoke(id) if way == "token" else LOSSES[way](company, name))
            since = time.monotonic()
            took.append(await listener.end() - since)
        more = await asyncio.gather(*(each.says_more() for each in listeners))
        assert more == [False] * len(names)
        for each in listeners:
            assert each.kinds[0] == "READY"
            assert each.kinds[-1] == "ROLE_ENDED"
            assert each.kinds.count("ROLE_ENDED") == 1
    return took


async def token_of(company: Company, way: str, name: str) -> tuple[str, str]:
    if way == "token":
        return await company.stored_token(name)
    return "", company.token(name)


async def test_a_lost_right_ends_its_streams_within_a_second_and_nothing_follows(
    company: Company, record_property: Callable[[str, object], None]
) -> None:
    took: dict[str, list[float]] = {}
    async with changing(company.world):
        for way in (*LOSSES, "token"):
            names = [f"{way} {number}" for number in range(EACH)]
            took[way] = []
            for start in range(0, EACH, AT_ONCE):
                took[way] += await rounds(company, way, names[start : start + AT_ONCE])

    every = [each for some in took.values() for each in some]
    p99 = quantiles(every, n=100)[98]
    record_property(
        "commit_of_a_loss_to_the_last_byte_ms",
        {way: f"p50 {1000 * quantiles(some, n=100)[49]:.0f}" for way, some in took.items()}
        | {"all": f"{len(every)} losses, p99 {1000 * p99:.0f}, most {1000 * max(every):.0f}"},
    )
    assert len(every) == 5 * EACH
    assert p99 < 1
