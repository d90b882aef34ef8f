"""One running system and one town in it, for all proofs of one process."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from tests.furnishing import company_in, template_of
from tests.proof.furnishing import settled_town
from tests.proof.ledger import Ledger
from tests.proof.town import Town
from tests.servers import PostgresServer
from tests.stories.permissions.over_http import OverHttp
from tests.stories.running import System


@pytest.fixture(scope="package")
def town(system: System, outside: Engine, postgres_server: PostgresServer) -> Town:
    """Its database connections belong to no loop. Whoever had to be invited has been."""
    template = template_of(settled_town, postgres_server)
    engine = create_async_engine(system.settings.database_address, poolclass=NullPool)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    town: Town = company_in(template, sessions).furnished
    ledger = Ledger(outside)
    asyncio.run(ledger.settle())
    ledger.forget_sending()
    return town


@pytest.fixture(scope="package")
def tokens(system: System, town: Town) -> dict[str, str]:
    """What each principal signs in with; the anonymous have nothing."""
    return asyncio.run(OverHttp.tokens_of(system, town))


@pytest.fixture(scope="package")
def outside(system: System) -> Iterator[Engine]:
    engine = create_engine(system.settings.database_address)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(outside: Engine) -> Ledger:
    return Ledger(outside)


@pytest.fixture
async def ask(system: System, tokens: dict[str, str]) -> AsyncIterator[OverHttp]:
    async with OverHttp.open(system, tokens) as asking:
        yield asking
