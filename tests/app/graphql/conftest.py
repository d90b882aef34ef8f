"""One server for most tests, and one with the switches and patience of a production server."""

from collections.abc import Iterator

import pytest
import structlog

from app.graphql import Limits, TransportSettings
from tests.app.graphql.serving import Server, serving


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    """The servers log in their threads, also between tests, where nobody would want to read it."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def impatient() -> Iterator[Server]:
    """Short times, no introspection, no explorer, no GET."""
    limits = Limits(body_seconds=0.3, deadline=0.3, init_seconds=0.3, slow_consumer_seconds=0.5)
    settings = TransportSettings(
        introspection=False, explorer=False, get_queries=False, keep_alive=0.2
    )
    with serving(limits=limits, settings=settings) as running:
        yield running
