"""Ten guards chosen at random are taken away, one at a time, and the proof notices each.

`make guards` takes away all of them.
"""

import os
import random
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.engine import run_until_idle
from tests.proof.guards import all_guards
from tests.proof.noticing import UNNOTICED, Noticing
from tests.proof.town import open_town
from tests.resolvers.asking import KEYS

pytestmark = [
    pytest.mark.timeout(300),
    # Without its filters the product meets rows it never meets, and may break off in the middle.
    pytest.mark.filterwarnings("ignore:.*garbage collector is trying to clean up"),
]


async def test_no_guard_can_be_taken_away_unnoticed(
    sessions: async_sessionmaker[AsyncSession],
    sync_database: Engine,
    record_property: Callable[[str, object], None],
) -> None:
    town = await open_town(sessions, KEYS)
    run_until_idle(sync_database)
    proof = Noticing(town)
    seed = int(os.environ.get("GUARDS_SEED", random.SystemRandom().randrange(10**6)))
    guards = all_guards()
    chosen = random.Random(seed).sample(guards, 10)

    faults = await proof.faults()
    found = {each.name: await proof.notices(each) for each in chosen}

    assert faults == []
    unnoticed = [name for name, said in found.items() if said == UNNOTICED]
    assert unnoticed == [], f"with GUARDS_SEED={seed}"
    record_property(
        f"ten of {len(guards)} guards taken away, GUARDS_SEED={seed}",
        str(dict(Counter(found.values()))),
    )
