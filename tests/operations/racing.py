"""A process that races another one: both do the n-th thing at the same moment."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.caller import Origin, system
from operations import attachments, coordinators
from operations.edge import Edge
from operations.refusals import Refused

START_SECONDS = 30.0


@dataclass(frozen=True)
class Track:
    """Where a race is run: the database, the workspace, and the courses in their order."""

    url: str
    workspace_id: int
    courses: list[int]


def attach_each(track: Track, barrier: Barrier, results: Any, segment_id: int) -> None:
    """Attach one segment to every course, in step with the other process."""

    async def attach(db: AsyncSession, course_id: int) -> None:
        by = system(track.workspace_id, Origin.CLI)
        await attachments.attach(db, by=by, course_id=course_id, segment_id=segment_id)

    results.put(asyncio.run(_each(track, barrier, attach)))


def assign_each(track: Track, barrier: Barrier, results: Any, roles: dict[str, Any]) -> None:
    """Give roles on every course, in step with the other process."""

    async def assign(db: AsyncSession, course_id: int) -> None:
        by = system(track.workspace_id, Origin.CLI)
        await coordinators.assign(db, by=by, course_id=course_id, **roles)

    results.put(asyncio.run(_each(track, barrier, assign)))


async def _each(
    track: Track, barrier: Barrier, act: Callable[[AsyncSession, int], Awaitable[None]]
) -> dict[str, int]:
    engine = create_async_engine(track.url)
    edge = Edge(async_sessionmaker(engine, expire_on_commit=False))
    outcomes: Counter[str] = Counter()
    for course_id in track.courses:
        barrier.wait(START_SECONDS)
        try:
            async with edge.transaction() as db:
                await act(db, course_id)
            outcomes["done"] += 1
        except Refused as refused:
            outcomes[refused.code.value] += 1
    await engine.dispose()
    return dict(outcomes)
