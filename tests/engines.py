"""One async engine for all tests of a process, connected to the database whose turn it is.

What SQLAlchemy has made of a statement stays known with its engine. Tests ask the same statements
of a thousand databases: with an engine for each, a quarter of their time went into compiling them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.recording import recording_cursor

_PLANNED_ONCE: Final = {"prepare_threshold": 0, "options": "-c plan_cache_mode=force_generic_plan"}
"""Each statement on each connection, as on those of a server that has run for a while. Otherwise
PostgreSQL plans each of the few times that a test asks: an eighth of all the time."""

_turn: dict[str, Any] = {}
"""How the engine connects now."""


@cache
def _engine() -> AsyncEngine:
    engine = create_async_engine("postgresql+psycopg://")

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
        named.update(_turn)

    return engine


@asynccontextmanager
async def engine_on(url: str, statements: list[str]) -> AsyncIterator[AsyncEngine]:
    """The engine on this database; what it says there is written down in `statements`."""
    assert not _turn, "One database at a time: make another engine for the second."
    engine = _engine()
    _, named = engine.dialect.create_connect_args(make_url(url))
    _turn.update(named)
    _turn.update(_PLANNED_ONCE, cursor_factory=recording_cursor(statements))
    try:
        async with engine.connect():
            # SQLAlchemy asks the server about itself on its first connection.
            statements.clear()
        yield engine
    finally:
        await engine.dispose()
        _turn.clear()
