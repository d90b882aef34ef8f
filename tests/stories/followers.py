"""Clients nobody here wrote, following a stream in processes of their own."""

import asyncio
import contextlib
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.node import NodeClients

COORDINATORS = """
subscription ($course: ID!, $after: Cursor) {
  coordinatorsChanged(courseId: $course, after: $after) {
    kind cursor isCoordinator member { displayName }
    coordinator { isDirect sources { kind segment { name } } }
  }
}
"""


@dataclass
class Follower:
    """One process that prints what it hears."""

    process: Process

    async def line(self, seconds: float = 15.0) -> dict[str, Any]:
        """The next thing it heard, with the time `at` in seconds since 1970."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            said = await self.process.stdout.readline()
        if not said:
            assert self.process.stderr is not None
            raise AssertionError((await self.process.stderr.read()).decode())
        heard: dict[str, Any] = json.loads(said)
        heard["at"] /= 1000
        return heard

    async def event(self) -> tuple[dict[str, Any], float]:
        """The next event, and when it arrived; nothing in it failed."""
        heard = await self.line()
        assert "errors" not in heard["value"], heard
        [event] = heard["value"]["data"].values()
        return event, heard["at"]


@asynccontextmanager
async def following(
    clients: NodeClients, script: str, url: str, token: str, **variables: Any
) -> AsyncIterator[Follower]:
    """A client of tests/clients, subscribed: READY has been heard."""
    request = json.dumps({"query": COORDINATORS, "variables": variables})
    process = await asyncio.create_subprocess_exec(
        *clients.command(script, url, token, request), stdout=PIPE, stderr=PIPE
    )
    try:
        follower = Follower(process)
        ready, _ = await follower.event()
        assert ready["kind"] == "READY"
        yield follower
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
