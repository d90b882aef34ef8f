"""A provider that empties an attribute for everybody takes little, delays nobody, and is undone."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Engine

from operations import undo
from operations.holds import deciding
from sync_engine.verify import verify
from sync_engine.withholding import may_go
from tests.app.scim.conftest import ENTERPRISE, PATCH, USER, Door
from tests.engine import run_until_idle
from tests.sampling import is_whole
from tests.world import MONDAY, settle

pytestmark = [pytest.mark.spec("S11"), pytest.mark.timeout(300)]

PEOPLE: Final = 1_000 if is_whole() else 300
ONE_BY_ONE: Final = 20
AT_ONCE: Final = 40
A_MOMENT: Final = 0.02
MOST: Final = may_go(10, 20, PEOPLE)
"""How many may go unasked, by the settings a workspace begins with."""

SALES: Final = {ENTERPRISE: {"department": "Sales"}}
EMPTIED: Final = {
    "schemas": [PATCH],
    "Operations": [{"op": "remove", "path": f"{ENTERPRISE}:department"}],
}
BULK: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


class Feed:
    """The provider, on a connection of its own to a real port."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def hire(self, *names: str) -> list[str]:
        """People of Sales; their paths."""
        said = [{"schemas": [USER], "userName": f"{each}@acme.example", **SALES} for each in names]
        rows = [
            {"method": "POST", "path": "/Users", "bulkId": str(n), "data": each}
            for n, each in enumerate(said)
        ]
        return ["/Users/" + each["location"].rpartition("/")[2] for each in await self._bulk(rows)]

    async def empty(self, paths: Sequence[str]) -> None:
        if len(paths) == 1:
            answer = await self._http.patch(paths[0], json=EMPTIED)
            assert answer.status_code == 200, answer.text
            return
        await self._bulk([{"method": "PATCH", "path": each, "data": EMPTIED} for each in paths])

    async def _bulk(self, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = await self._http.post(
            "/Bulk", json={"schemas": [BULK], "Operations": operations}, timeout=60
        )
        done: list[dict[str, Any]] = answer.json()["Operations"]
        assert {each["status"] for each in done} <= {"200", "201", "204"}, done
        return done


class Course:
    """What is seen of the course meanwhile, by somebody who only looks."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.seen: list[int] = []

    async def coordinators(self) -> set[str]:
        rows = await self._door.many(
            "SELECT m.user_name FROM course_coordinator c JOIN member m ON m.id = c.member_id"
        )
        return {row.user_name for row in rows}

    async def is_held(self) -> bool:
        return bool(await self._door.many("SELECT 1 FROM hold WHERE state = 'OPEN'"))

    async def wait_for(self, name: str, seconds: float) -> None:
        for _ in range(int(seconds / A_MOMENT)):
            if f"{name}@acme.example" in await self.coordinators():
                return
            await asyncio.sleep(A_MOMENT)
        raise TimeoutError(name)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async def watch() -> None:
            while not over:
                self.seen.append(len(await self.coordinators()))
                await asyncio.sleep(A_MOMENT)

        over: list[bool] = []
        watching = asyncio.create_task(watch())
        yield
        over.append(True)
        await watching


@asynccontextmanager
async def at_work(engine: Engine) -> AsyncIterator[None]:
    """The engine, beside what happens."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            run_until_idle(engine)

    working = asyncio.create_task(asyncio.to_thread(work))
    yield
    over.set()
    await working


async def test_a_feed_that_empties_an_attribute_for_everybody_takes_no_more_than_may_go(
    door: Door, address: str, sync_database: Engine
) -> None:
    world, course = door.world, Course(door)
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"])
    headers = {"Authorization": f"Bearer token-{door.connection.id}"}
    newcomers: list[str] = []
    async with httpx.AsyncClient(base_url=address, headers=headers) as http:
        feed = Feed(http)
        paths = await feed.hire(*(f"seller{number}" for number in range(PEOPLE)))
        settle(sync_database)
        before = await course.coordinators()

        async with at_work(sync_database), course.watched():
            for path in paths[:ONE_BY_ONE]:
                await feed.empty([path])
            for first in range(ONE_BY_ONE, PEOPLE, AT_ONCE):
                await feed.empty(paths[first : first + AT_ONCE])
                if await course.is_held():
                    newcomers.append(f"newcomer{len(newcomers)}")
                    await feed.hire(newcomers[-1])
                    await course.wait_for(newcomers[-1], seconds=10)
        settle(sync_database)

    [(held,)] = await door.many("SELECT count(*) FROM held_removal")
    gone = before - await course.coordinators()
    assert len(before) == PEOPLE
    assert newcomers
    assert min(course.seen) >= PEOPLE - MOST
    assert (len(gone) + held, len(gone) <= MOST) == (PEOPLE, True)

    await take_back(door)
    settle(sync_database)

    joined = {f"{name}@acme.example" for name in newcomers}
    assert await course.coordinators() == before | joined
    assert verify(sync_database, world.workspace_id).is_clean


async def take_back(door: Door) -> None:
    """Whoever waits stays, and whoever has gone comes back."""
    world = door.world
    said: dict[str, Any] = {"by": world.system, "reason": "The feed is broken.", "at": MONDAY}
    [(hold,)] = await door.many("SELECT id FROM hold WHERE state = 'OPEN'")
    async with world.edge.transaction() as db:
        await deciding.discard(db, hold_id=hold, **said)
    removals = await door.many("SELECT id FROM change_set WHERE removed > 0 ORDER BY id DESC")
    for (id,) in removals:
        async with world.edge.transaction() as db:
            await undo.undo(db, change_set_id=id, **said)
