"""One running system for all stories, and a new workspace in it for each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.servers import PostgresServer
from tests.stories.running import Found, System, founding, running


@pytest.fixture(scope="session")
def system(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name = postgres_server.clone()
    home: Path = tmp_path_factory.mktemp("system")
    with running(postgres_server.url(name), home) as started:
        yield started
    postgres_server.drop(name)


@pytest.fixture
async def found(system: System) -> AsyncIterator[Found]:
    """Founds workspaces."""
    async with founding(system) as found:
        yield found
