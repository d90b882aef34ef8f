"""Reading a file in a thread aside, some rows at a time."""

import warnings
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from pathlib import Path

from app.workbooks.aside import aside
from app.workbooks.reading.csv_files import csv_table
from app.workbooks.reading.signs import HEAD, refusal_of_head
from app.workbooks.reading.table import Row, Table
from app.workbooks.reading.xlsx_files import xlsx_table
from models.jobs import FileFormat


class Reading:
    """A file that was looked through: `recognized` says how it is read, `total` how many rows it
    has, where that is known. `all_titles` has a place for every cell of the widest row."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.recognized = table.recognized
        self.titles = table.titles
        self.all_titles = table.all_titles
        self.total = table.total

    async def rows(self, size: int) -> AsyncGenerator[list[Row], None]:
        """So many at a time; from the beginning, each time it is called. Raises Refused where
        something is wrong further down. Close it."""
        rows = self._table.rows()
        try:
            while batch := await aside(_quietly_next, rows, size):
                yield batch
        finally:
            await aside(rows.close)


async def read(path: Path, format: FileFormat) -> Reading:
    """Look a file through. Raises Refused: UNSUPPORTED_FILE, UNREADABLE_FILE, LIMIT_REACHED."""
    return Reading(await aside(_table_of, path, format))


def _table_of(path: Path, format: FileFormat) -> Table:
    with path.open("rb") as file:
        refusal = refusal_of_head(file.read(HEAD), format)
    if refusal is not None:
        raise refusal
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return csv_table(path) if format is FileFormat.CSV else xlsx_table(path)


def _quietly_next(rows: Iterator[Row], size: int) -> list[Row]:
    """openpyxl warns of what it leaves out of a workbook; nothing of that is read here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(islice(rows, size))
