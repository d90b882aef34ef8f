"""What only the owner of the tables can do: write around the guard of the journal.

The product never does. A journal that is no longer kept whole, and one that somebody has changed,
are made here.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

OFF = "ALTER TABLE journal_entry DISABLE TRIGGER journal_is_append_only"
ON = "ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER journal_is_append_only"


@contextmanager
def unguarded(db: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """One transaction in which journal entries can be changed and deleted."""
    with db.transaction():
        db.execute(OFF)
        yield db
        db.execute(ON)


@asynccontextmanager
async def unguarded_session(
    sessions: async_sessionmaker[AsyncSession],
) -> AsyncIterator[AsyncSession]:
    """The same, on a session."""
    async with sessions() as db, db.begin():
        await db.execute(text(OFF))
        yield db
        await db.execute(text(ON))
