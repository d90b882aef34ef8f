"""What the engine's tests stand on."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.ground import Ground


@pytest.fixture
def ground(sync_database: Engine) -> Iterator[Ground]:
    """A workspace in UTC on 2 March 2026, written to in plain SQL."""
    made = Ground.new(sync_database)
    yield made
    made.close()
