"""A sheet: columns, rows that come one after the other, and charts of them."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from app.workbooks.columns import Column

Row: TypeAlias = Sequence[Any]
Rows: TypeAlias = Iterable[Row] | AsyncIterable[Row]

Told: TypeAlias = Callable[[int], Awaitable[None]]
"""Called with the number of rows written so far, every few hundred. What it raises ends the
writing, and nothing is left of the file."""

BATCH: Final = 256


async def nobody(_: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns that show the numbers of a sheet, drawn by the spreadsheet itself. `names` and
    `numbers` are the places of columns, from 0, in the sheet titled `of` (or else its own)."""

    title: str
    names: int
    numbers: int
    of: str | None = None
    across: str | None = None
    up: str | None = None
    least: float | None = None
    most: float | None = None
    number_format: str = "General"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under titles. Each has as many values as there are columns."""

    title: str
    columns: Sequence[Column]
    rows: Rows
    charts: Sequence[Chart] = ()
    frozen_columns: int = 0
    has_filter: bool = True


async def batches(rows: Rows) -> AsyncGenerator[list[Row], None]:
    """The rows by the few hundred, as they come. Close it, and the rows are closed."""
    batch: list[Row] = []
    async with aclosing(_each(rows)) as each:
        async for row in each:
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


async def _each(rows: Rows) -> AsyncGenerator[Row, None]:
    if isinstance(rows, AsyncIterable):
        try:
            async for row in rows:
                yield row
        finally:
            if isinstance(rows, AsyncGenerator):
                await rows.aclose()
    else:
        for row in rows:
            yield row
