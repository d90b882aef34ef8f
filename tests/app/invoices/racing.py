"""Processes that settle months: in step with each other, or until they are killed."""

import asyncio
import datetime as dt
from multiprocessing.synchronize import Barrier
from typing import Any

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.invoices.settling import settle_due
from operations.edge import Edge
from operations.invoices import Settled

START_SECONDS = 30.0


def settle_in_step(url: str, barrier: Barrier, results: Any, at: dt.datetime, rounds: int) -> None:
    """Settle one month at a time, `rounds` times; the months it settled come back."""
    results.put(asyncio.run(_in_step(url, barrier, at, rounds)))


async def _in_step(url: str, barrier: Barrier, at: dt.datetime, rounds: int) -> list[str]:
    engine = create_async_engine(url)
    edge = Edge(async_sessionmaker(engine, expire_on_commit=False))
    mine: list[str] = []

    def note(settled: Settled) -> None:
        mine.append(f"{settled.workspace_id}:{settled.month}")

    for _ in range(rounds):
        barrier.wait(START_SECONDS)
        await settle_due(edge, at=at, limit=1, tell=note)
    await settle_due(edge, at=at, limit=1_000, tell=note)
    await engine.dispose()
    return mine


def settle_and_say(url: str, said: Any, at: dt.datetime) -> None:
    """Settle everything, saying each month after its commit; somebody may kill this."""

    async def work() -> None:
        engine = create_async_engine(url)
        edge = Edge(async_sessionmaker(engine, expire_on_commit=False))
        await settle_due(edge, at=at, limit=10_000, tell=lambda settled: said.send(settled.number))
        await engine.dispose()

    asyncio.run(work())
    said.close()
