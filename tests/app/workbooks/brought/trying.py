"""Files that somebody brings, as bytes, and what is read from them."""

import asyncio
import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from openpyxl import Workbook

from app.workbooks.reading import Row, read
from models.jobs import FileFormat
from operations.refusals import Refused

CSV, XLSX = FileFormat.CSV, FileFormat.XLSX


async def rows_of(path: Path, data: bytes, format: FileFormat = CSV) -> list[Row]:
    await asyncio.to_thread(path.write_bytes, data)
    reading = await read(path, format)
    found = [row async for batch in reading.rows(100) for row in batch]
    assert reading.total in (None, len(found))
    return found


async def told(path: Path, data: bytes, format: FileFormat = CSV) -> tuple[str, list[Any]]:
    """How it was read, and its titles and rows."""
    await asyncio.to_thread(path.write_bytes, data)
    reading = await read(path, format)
    return reading.recognized, [
        reading.titles,
        *[row.cells async for batch in reading.rows(100) for row in batch],
    ]


async def refusal_of(path: Path, data: bytes, format: FileFormat = CSV) -> Refused:
    with pytest.raises(Refused) as refused:
        await rows_of(path, data, format)
    return refused.value


def in_csv(rows: Iterable[Sequence[object]], **how: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, **how).writerows(rows)
    return text.getvalue()


def in_xlsx(*sheets: Iterable[Sequence[object]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(list(row))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def with_strings(rows: Sequence[Sequence[str]]) -> bytes:
    """The same as Excel writes it: texts are in a part of their own."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return data.getvalue()


def changed(data: bytes, change: Callable[[str, bytes], bytes | None], **added: bytes) -> bytes:
    """An archive with its parts made others, or left out where that gives None."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
        for name, part in added.items():
            new.writestr(name, part)
    return made.getvalue()


def with_sheet(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook, with its first sheet made another."""
    return changed(data, lambda name, part: change(part) if name.endswith("sheet1.xml") else part)
