"""One running system for all stories, with the town in it, and a new workspace for each."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.keyring import FILE_NAME
from tests.furnishing import template_of
from tests.proof.furnishing import settled_town
from tests.resolvers.asking import KEYS
from tests.servers import PostgresServer
from tests.stories.running import Found, System, founding, running


@pytest.fixture(scope="session")
def system(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    name = postgres_server.clone(template_of(settled_town, postgres_server))
    home: Path = tmp_path_factory.mktemp("system")
    _with_keys_of_the_town(home / "data")
    with running(postgres_server.url(name), home) as started:
        yield started
    postgres_server.drop(name)


def _with_keys_of_the_town(data_dir: Path) -> None:
    data_dir.mkdir()
    file = data_dir / FILE_NAME
    file.touch(mode=0o600)
    keys = KEYS.keys.items()
    file.write_text(",".join(f"{key}:{base64.b64encode(value).decode()}" for key, value in keys))


@pytest.fixture
async def found(system: System) -> AsyncIterator[Found]:
    """Founds workspaces."""
    async with founding(system) as found:
        yield found
