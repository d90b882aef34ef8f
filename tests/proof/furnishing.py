"""The town, built once in a run for whoever proves something in it."""

import asyncio

from sqlalchemy import Engine

from tests.engine import run_until_idle
from tests.furnishing import furnished
from tests.proof.town import Town, open_town
from tests.resolvers.asking import KEYS
from tests.world import World


@furnished
async def settled_town(world: World, sync_database: Engine) -> Town:
    """Where the permission model is proven (tests/proof)."""
    town = await open_town(world, KEYS)
    await asyncio.to_thread(run_until_idle, sync_database)
    return town
