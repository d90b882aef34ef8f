"""CSV as RFC 4180 has it, in UTF-8 with the mark by which Excel notices.

Text is quoted, numbers are not; what looks like a formula has an apostrophe before it. Moments are
ISO 8601 with their offset, durations whole seconds, percentages so many of a hundred.
"""

import asyncio
import csv
import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from app.workbooks.aside import aside
from app.workbooks.columns import Column, Is, Kind
from app.workbooks.sheets import Row, Sheet, Told, batches, nobody
from app.workbooks.text import for_csv

ENCODING: Final = "utf-8-sig"


async def write_csv(
    path: Path, sheet: Sheet, *, zone: dt.tzinfo = dt.UTC, told: Told = nobody
) -> int:
    """Write the rows of the sheet; how many there were. No file is left where it breaks off."""
    written = 0
    printers = [_printer(each, zone) for each in sheet.columns]
    try:
        with await asyncio.to_thread(path.open, "w", encoding=ENCODING, newline="") as file:
            lines = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
            lines.writerow([for_csv(each.title) for each in sheet.columns])
            async with aclosing(batches(sheet.rows)) as found:
                async for batch in found:
                    await aside(lines.writerows, _printed(batch, printers))
                    written += len(batch)
                    await told(written)
    except BaseException:
        await aside(path.unlink, missing_ok=True)
        raise
    return written


def _printed(rows: Sequence[Row], printers: Sequence[Callable[[Any], Any]]) -> list[list[Any]]:
    return [
        ["" if value is None else say(value) for say, value in zip(printers, row, strict=True)]
        for row in rows
    ]


def _printer(column: Column, zone: dt.tzinfo) -> Callable[[Any], Any]:
    match column.kind:
        case Kind.TEXT:
            return lambda value: for_csv(str(value))
        case Kind.MOMENT:
            return lambda value: value.astimezone(zone).isoformat(timespec="seconds")
        case Kind.DATE:
            return dt.date.isoformat
        case Kind.DURATION:
            return _seconds
        case Kind.YES_NO:
            return lambda value: "yes" if value else "no"
        case Kind.ANY:
            return lambda each: _of_any_kind(column, each, zone)
        case _:
            return lambda value: value


def _of_any_kind(column: Column, said: Is, zone: dt.tzinfo) -> Any:
    if said.value is None:
        return ""
    return _printer(replace(column, kind=said.kind), zone)(said.value)


def _seconds(value: Any) -> int:
    return round(value.total_seconds() if isinstance(value, dt.timedelta) else value)
