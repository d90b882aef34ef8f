"""What the engine's tests stand on."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from tests.ground import Ground


@pytest.fixture
def ground(sync_database: Engine) -> Iterator[Ground]:
    """A workspace in UTC on 2 March 2026, written to in plain SQL."""
    made = Ground.new(sync_database)
    yield made
    made.close()


class Meter:
    """The engine on one connection, with its statements and the rows they wrote counted."""

    def __init__(self, url: str) -> None:
        self.statements: list[str] = []
        statements = self.statements

        class Recording(psycopg.Cursor[Any]):
            def execute(self, query: Any, *rest: Any, **options: Any) -> "Recording":
                statements.append(str(query))
                super().execute(query, *rest, **options)
                return self

        self.engine = create_engine(
            url, pool_size=1, max_overflow=0, connect_args={"cursor_factory": Recording}
        )

    def clear(self) -> None:
        """Count from here."""
        self._flush()
        self.before = self._counters()
        self.statements.clear()

    def written(self) -> dict[str, tuple[int, int, int]]:
        """Rows (inserted, updated, deleted) by table since `clear`."""
        self._flush()
        after = self._counters()
        return {
            table: (counts[0] - was[0], counts[1] - was[1], counts[2] - was[2])
            for table, counts in after.items()
            if (was := self.before.get(table, (0, 0, 0))) != counts
        }

    def looked_through(self, index: str) -> int:
        """How many times an index has been read, ever."""
        self._flush()
        with self.engine.connect() as db:
            found = db.execute(
                text("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = :index"),
                {"index": index},
            )
            return int(found.scalar_one())

    def _flush(self) -> None:
        with self.engine.connect() as db:
            db.exec_driver_sql("SELECT pg_stat_force_next_flush()")

    def _counters(self) -> dict[str, tuple[int, int, int]]:
        with self.engine.connect() as db:
            rows = db.exec_driver_sql(
                "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
            )
            return {name: (ins, upd, gone) for name, ins, upd, gone in rows}


@pytest.fixture
def meter(database_url: str) -> Iterator[Meter]:
    made = Meter(database_url)
    yield made
    made.engine.dispose()
