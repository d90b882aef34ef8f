"""What stood at a place in the journal is found from the present, whenever it is asked."""

import random
from functools import partial
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models import journal
from operations import as_of
from tests.engine import run_until_idle
from tests.resolvers.commotion import PEOPLE, Commotion, company
from tests.world import World

STEPS = 200

Stood = dict[str, Any]


async def stood(db: AsyncSession, world: World, seq: int) -> Stood:
    """Everything one can ask about a place."""
    workspace_id = world.workspace_id
    found: Stood = {}
    for title, id in world.courses.items():
        found[title] = await as_of.segments_on(db, workspace_id, id, seq)
    found["attached"] = await as_of.courses_with(db, workspace_id, world.segments.values(), seq)
    for name, id in world.members.items():
        found[name] = (
            await as_of.times_of(db, workspace_id, id, seq),
            await as_of.said_of(db, workspace_id, id, seq),
        )
    return found


async def test_every_place_is_found_again_as_it_stood(
    sessions: async_sessionmaker[AsyncSession], sync_database: Engine
) -> None:
    world = await World.new(sessions)
    settle = partial(run_until_idle, sync_database)
    await company(world, settle)
    happening = Commotion(world, settle, random.Random(5))
    then: dict[int, Stood] = {}
    for _ in range(STEPS):
        await happening.step()
        async with world.edge.read() as db:
            _, head = await journal.head(db, world.workspace_id)
            if head not in then:
                then[head] = await stood(db, world, head)

    assert len(then) > STEPS / 3
    async with world.edge.read() as db:
        for seq, was in then.items():
            assert await stood(db, world, seq) == was, seq
    said = [was[name][1] for was in then.values() for name in PEOPLE]
    overrides = {kind for each in said for kind in each.overrides.values()}
    roles = {role for each in said for role in each.roles.values()}
    assert (len(overrides), len(roles)) == (2, 2)


async def test_nobody_and_nothing_stood_nowhere(sessions: async_sessionmaker[AsyncSession]) -> None:
    world = await World.new(sessions)
    async with world.edge.read() as db:
        assert await as_of.courses_with(db, world.workspace_id, [], 0) == {}
        assert await as_of.times_of(db, world.workspace_id, 1, 0) == {}
        assert await as_of.said_of(db, world.workspace_id, 1, 0) == as_of.Said({}, {})
