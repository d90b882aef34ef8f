"""What writing a workbook costs: `python -m tests.benchmarks.workbook`.

The same cells (15 of an attempt and 3 for each of 10 questions: numbers, moments, durations,
percentages, verdicts, texts) are written by the product, by openpyxl alone in its write-only mode,
and by XlsxWriter in its constant-memory mode; each in a process of its own, one after the other.
The other two are handed values as they belong into cells; the product cleans texts, keeps formulas
out of them, turns moments into the zone, and adds filters, colors and titles. × is in time of the
processor: how many times what openpyxl alone takes.
"""

import asyncio
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

SIZES: Final = (10_000, 100_000)
QUESTIONS: Final = 10
BEGAN: Final = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
ZONE: Final = ZoneInfo("Europe/Stockholm")
MOMENT: Final = "yyyy-mm-dd hh:mm:ss"
DURATION: Final = "[h]:mm:ss"
PERCENT: Final = "0.0%"


def rows(size: int) -> Iterator[list[Any]]:
    """Attempts as they come from the database."""
    for number in range(size):
        began = BEGAN + dt.timedelta(minutes=number)
        took = dt.timedelta(seconds=300 + number % 900)
        answers: list[Any] = []
        for question in range(QUESTIONS):
            is_right = (number + question) % 3 > 0
            answers += [f"Because of {question}, I think", is_right, 1.0 if is_right else 0.0]
        yield [
            *(number, f"Person Number {number}", f"person{number}@acme.example", "Sales"),
            *(1, 1, "GRADED", began, began + took, took, 7.5, 10.0, 75.0, True, True),
            *answers,
        ]


def columns() -> list[Any]:
    from app.workbooks import Column, Kind, Look

    kinds = [
        *(Kind.INTEGER, Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.INTEGER, Kind.INTEGER, Kind.TEXT),
        *(Kind.MOMENT, Kind.MOMENT, Kind.DURATION, Kind.NUMBER, Kind.NUMBER, Kind.PERCENT),
        *(Kind.YES_NO, Kind.YES_NO),
        *((Kind.TEXT, Kind.YES_NO, Kind.NUMBER) * QUESTIONS),
    ]
    looks = {Kind.YES_NO: Look.VERDICT, Kind.PERCENT: Look.BAR}
    return [Column(f"Column {kind}", kind, look=looks.get(kind, Look.PLAIN)) for kind in kinds]


def by_the_product(path: Path, size: int) -> None:
    from app.workbooks import Sheet, write_xlsx

    async def come() -> AsyncIterator[list[Any]]:
        for row in rows(size):
            yield row

    sheet = Sheet("Attempts", columns(), come(), frozen_columns=2)
    asyncio.run(write_xlsx(path, [sheet], zone=ZONE))


def _in_cells(row: list[Any]) -> list[Any]:
    row[7] = row[7].astimezone(ZONE).replace(tzinfo=None)
    row[8] = row[8].astimezone(ZONE).replace(tzinfo=None)
    row[12] /= 100
    return row


def by_openpyxl(path: Path, size: int) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Attempts")
    sheet.append([column.title for column in columns()])

    def formatted(value: Any, format: str) -> Any:
        cell = WriteOnlyCell(sheet, value)
        cell.number_format = format
        return cell

    for row in map(_in_cells, rows(size)):
        row[7], row[8] = formatted(row[7], MOMENT), formatted(row[8], MOMENT)
        row[9], row[12] = formatted(row[9], DURATION), formatted(row[12], PERCENT)
        sheet.append(row)
    book.save(path)


def by_xlsxwriter(path: Path, size: int) -> None:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    book = Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("Attempts")
    formats = {
        place: book.add_format({"num_format": format})
        for place, format in ((7, MOMENT), (8, MOMENT), (9, DURATION), (12, PERCENT))
    }
    sheet.write_row(0, 0, [column.title for column in columns()])
    for number, row in enumerate(map(_in_cells, rows(size)), 1):
        for place, value in enumerate(row):
            sheet.write(number, place, value, formats.get(place))
    book.close()


WAYS: Final = {
    "openpyxl, write-only": by_openpyxl,
    "XlsxWriter, constant memory": by_xlsxwriter,
    "the product": by_the_product,
}


def once(way: str, size: int) -> None:
    """Write and say how it went, as JSON."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "attempts.xlsx"
        began, worked = time.perf_counter(), time.process_time()
        WAYS[way](path, size)
        found = {
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time() - worked,
            "bytes": path.stat().st_size,
            "peak": peak(),
        }
        print(json.dumps(found))


def peak() -> float:
    """The most memory this process had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(way: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.workbook", way, str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    titles = f"{'s':>8}{'CPU s':>8}{'×':>7}{'rows/s':>9}{'peak MiB':>10}"
    print(f"{'rows':>9}  {'written by':<28}{titles}")
    for size in SIZES:
        first = None
        for way in WAYS:
            found = measured(way, size)
            first = first or found["cpu"]
            print(
                f"{size:>9,}  {way:<28}{found['seconds']:>8.1f}{found['cpu']:>8.1f}"
                f"{found['cpu'] / first:>7.2f}{size / found['seconds']:>9,.0f}"
                f"{found['peak']:>10.0f}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        once(sys.argv[1], int(sys.argv[2]))
    else:
        main()
