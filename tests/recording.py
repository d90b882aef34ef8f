"""Counting statements at the driver, where nothing that reaches the database can be missed."""

from collections.abc import Callable
from typing import Any

from psycopg import AsyncCursor
from psycopg.sql import Composable

_TRANSACTION_CONTROL = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


def recording_cursor(statements: list[str]) -> Callable[..., AsyncCursor[Any]]:
    """A cursor that appends the text of every statement; `executemany` counts once.

    psycopg sends BEGIN, COMMIT and ROLLBACK beside its cursors, so they never appear.
    """

    def record(query: object) -> None:
        text = query.as_string(None) if isinstance(query, Composable) else str(query)
        if not text.startswith(_TRANSACTION_CONTROL):
            statements.append(text)

    class RecordingCursor(AsyncCursor[Any]):
        async def execute(self, query: Any, *rest: Any, **options: Any) -> "RecordingCursor":
            record(query)
            await super().execute(query, *rest, **options)
            return self

        async def executemany(self, query: Any, *rest: Any, **options: Any) -> None:
            record(query)
            await super().executemany(query, *rest, **options)

        def stream(self, query: Any, *rest: Any, **options: Any) -> Any:
            record(query)
            return super().stream(query, *rest, **options)

    return RecordingCursor
