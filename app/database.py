"""Connections to PostgreSQL: a pool for each kind of work, with the limits that kind may take."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

# Milliseconds. A request that holds the database longer than this has lost its reader.
_WEB_LIMITS: Mapping[str, int] = {
    "statement_timeout": 3_000,
    "lock_timeout": 2_000,
    "idle_in_transaction_session_timeout": 10_000,
}
# A worker that hangs between two statements (its machine paused, its network gone) holds locks for
# which every writer of the workspace waits: PostgreSQL ends it, and another does the work again.
WORKER_LIMITS: Final = {"idle_in_transaction_session_timeout": 60_000}
_CONNECT_SECONDS = 5


def web_engine(url: str, *, application_name: str = "coordinator web") -> AsyncEngine:
    """The pool of a web process: at most 20 connections, short limits, a wait of at most 3 s.

    A connection is tried before it is lent (one round trip), so a restarted PostgreSQL costs no
    request an error once it answers again.
    """
    return create_async_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=3,
        pool_pre_ping=True,
        connect_args=_connect_arguments(application_name, _WEB_LIMITS),
    )


def files_engine(url: str) -> AsyncEngine:
    """The few connections of whoever makes files, which takes its time: a whole file is read in one
    transaction."""
    limits = {"statement_timeout": 120_000, "lock_timeout": 2_000}
    return create_async_engine(
        url,
        pool_size=2,
        max_overflow=2,
        pool_pre_ping=True,
        connect_args=_connect_arguments("coordinator files", limits),
    )


def sessions_on(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions whose rows stay readable after the edge has committed."""
    return async_sessionmaker(engine, expire_on_commit=False)


def worker_engine(
    url: str, *, application_name: str = "coordinator worker", pool_size: int = 8
) -> Engine:
    """The pool of the sync engine and of commands: synchronous; a statement may take its time, the
    pause between two of a transaction at most a minute."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_connect_arguments(application_name, WORKER_LIMITS),
    )


def _connect_arguments(application_name: str, limits: Mapping[str, int]) -> dict[str, object]:
    # Statements are short, or wait for the disk: compiling one takes longer than running it.
    options = [
        "-c timezone=UTC",
        "-c jit=off",
        *(f"-c {name}={value}" for name, value in limits.items()),
    ]
    return {
        "application_name": application_name,
        "connect_timeout": _CONNECT_SECONDS,
        "options": " ".join(options),
    }
