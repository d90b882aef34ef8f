"""Issuers that run elsewhere."""

from collections.abc import AsyncIterator

import pytest

from app.authentication.outside import Outside
from tests.app.authentication.elsewhere import Clock, Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    outside = Outside()
    yield outside
    await outside.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()
