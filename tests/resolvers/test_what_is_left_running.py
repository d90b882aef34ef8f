"""When part of an answer fails, the answer is given; whatever still runs opens no connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import strawberry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.edge import Edge
from resolvers.context import Context, IsOver, opened
from schema.requires import SIGNED_IN, guarded, resolved_by
from tests.resolvers.small_schema import coordinators_of
from tests.standing import member

Info = strawberry.Info[Context, None]
Sessions = async_sessionmaker[AsyncSession]


class Counting(Edge):
    """Knows how many of its views are open."""

    open_ = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with super().read() as db:
            Counting.open_ += 1
            try:
                yield db
            finally:
                Counting.open_ -= 1


class Broken(Exception):
    """What goes wrong."""


class Left:
    """The answerer that goes on, and what became of it."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.task: asyncio.Task[object] | None = None

    async def go_on(self, context: Context) -> int:
        """Read once the answer has been given."""
        await self.may_go_on.wait()
        async with context.read() as db:
            return int(await db.scalar(text("SELECT 1")) or 0)


async def broken() -> int:
    await asyncio.sleep(0)
    raise Broken


async def slow(info: Info) -> int:
    left = cast("Left", info.root_value)
    left.task = asyncio.ensure_future(left.go_on(info.context))
    return int(await asyncio.shield(left.task))


@strawberry.type
class Query:
    slow: int = resolved_by(slow, requires=SIGNED_IN, description="Reads too late.")
    broken: int = resolved_by(broken, requires=SIGNED_IN, description="Fails at once.")


async def test_an_answerer_left_behind_by_a_failure_opens_no_connection(
    sessions: Sessions,
) -> None:
    left = Left()
    context = Context(member(1), Counting(sessions))

    async with opened(context):
        answer = await guarded(strawberry.Schema(Query)).execute(
            "{ slow broken }", context_value=context, root_value=left
        )
    left.may_go_on.set()

    assert left.task is not None
    with pytest.raises(IsOver):
        await left.task
    assert answer.data is None
    assert Counting.open_ == 0


async def test_what_waits_for_its_turn_to_read_is_refused_when_the_operation_is_over(
    sessions: Sessions,
) -> None:
    async with opened(Context(member(1), Counting(sessions))) as context:
        async with context.read() as db:
            await db.execute(text("SELECT 1"))
        late = asyncio.create_task(context.load(coordinators_of, 1))

    with pytest.raises(IsOver):
        await late
    assert Counting.open_ == 0


async def test_an_operation_that_rests_reads_again(sessions: Sessions) -> None:
    async with opened(Context(member(1), Counting(sessions))) as context:
        for _ in range(2):
            async with context.read() as db:
                assert await db.scalar(text("SELECT 1")) == 1
            await context.rest()
            assert Counting.open_ == 0
