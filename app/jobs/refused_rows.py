"""The rows of a file that were refused, as a file of the same format: what stood there, in the
order it stood there, the line, and why not. It can be put right and brought again."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from app.workbooks import Column, Kind, Sheet, Told, write_csv, write_xlsx
from app.workbooks.reading import Reading, Row
from models.jobs import FileFormat
from operations.imports.planning import LINE, WHY_NOT
from operations.imports.working import RefusedRow

ROWS: Final = 500


async def write_refused(
    path: Path,
    format: FileFormat,
    reading: Reading,
    refused: AsyncIterator[RefusedRow],
    *,
    told: Told,
) -> int:
    """How many rows there were; of none, no file is left."""
    kept = [n for n, title in enumerate(reading.all_titles) if title not in (LINE, WHY_NOT)]
    columns = [Column(reading.all_titles[n]) for n in kept]
    columns += [Column(LINE, Kind.INTEGER), Column(WHY_NOT, width=60)]
    sheet = Sheet("Refused rows", columns, _rows(reading, kept, refused))
    if format is FileFormat.CSV:
        return await write_csv(path, sheet, told=told)
    return await write_xlsx(path, [sheet], told=told)


async def _rows(
    reading: Reading, kept: list[int], refused: AsyncIterator[RefusedRow]
) -> AsyncGenerator[list[Any], None]:
    """Both are in the order of lines."""
    async with aclosing(_each(reading)) as rows:
        async for each in refused:
            async for row in rows:
                if row.line == each.line:
                    yield [_cell(row, n) for n in kept] + [row.line, each.message]
                    break


async def _each(reading: Reading) -> AsyncGenerator[Row, None]:
    async with aclosing(reading.rows(ROWS)) as batches:
        async for batch in batches:
            for row in batch:
                yield row


def _cell(row: Row, place: int) -> str:
    return row.all_cells[place] if place < len(row.all_cells) else ""
