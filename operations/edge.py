"""The edge: where transactions begin and end. Nothing else commits.

A transaction is opened, operations run in it, the journal is numbered last, it commits, and
only then the bell is rung: nothing is told before it is written.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models import journal
from operations import grace
from sync_engine.markers import marked_lanes

Ring = Callable[["Committed"], None]


@dataclass(slots=True)
class Committed:
    """What a finished transaction reached: journal heads by workspace, and lanes with new work."""

    heads: dict[int, int] = field(default_factory=dict)
    lanes: frozenset[int] = frozenset()


def silent(_: Committed) -> None:
    """Ring nobody: the sweeper and the tail's poll find the work by themselves."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Sessions and a bell. `ring` must not block and must not raise."""

    sessions: async_sessionmaker[AsyncSession]
    ring: Ring = silent

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One writing transaction; `committed(db)` afterwards says what it reached."""
        async with self.sessions() as db:
            async with db.begin():
                yield db
                await grace.settle(db)
                reached = Committed(await journal.flush(db), marked_lanes(db))
            db.info["committed"] = reached
        self.ring(reached)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One read-only transaction whose statements all see the same state."""
        async with self.sessions() as db, db.begin():
            await db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield db


def committed(db: AsyncSession) -> Committed:
    """What the transaction that used this session reached; empty when it wrote nothing."""
    reached: Committed = db.info.get("committed") or Committed()
    return reached
