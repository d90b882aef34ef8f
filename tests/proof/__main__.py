"""Takes every guard away, one at a time: `make guards`. Exit code 1 when one goes unnoticed that is
not among those known to be unproven."""

import asyncio
import sys
from collections import Counter

from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from tests.engine import run_until_idle
from tests.proof.guards import UNPROVEN, all_guards
from tests.proof.noticing import ALONE, UNNOTICED, Noticing
from tests.proof.town import open_town
from tests.resolvers.asking import KEYS
from tests.servers import Servers
from tests.world import World


async def take_all_away(database_url: str) -> int:
    engine = create_async_engine(database_url)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    town = await open_town(world, KEYS)
    run_until_idle(create_engine(database_url, poolclass=NullPool))
    proof = Noticing(town)
    for fault in await proof.faults():
        print(f"Before anything is taken away: {fault}", flush=True)
        return 1
    found: Counter[str] = Counter()
    for guard in all_guards():
        said = await proof.notices(guard)
        is_known = said == UNNOTICED and guard.place in UNPROVEN
        found[f"{guard.kind}s {'unproven' if is_known else said}"] += 1
        if said != ALONE:
            print(f"{said}: {guard.kind} {guard.name}", flush=True)
    print(f"{found.total()} guards: {dict(found)}")
    return int(any(UNNOTICED in each for each in found))


def main() -> None:
    servers = Servers()
    try:
        name = servers.postgres.clone()
        sys.exit(asyncio.run(take_all_away(servers.postgres.url(name))))
    finally:
        servers.stop()


if __name__ == "__main__":
    main()
