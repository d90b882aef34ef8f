"""What the whole export of a quiz costs, from PostgreSQL to the file, and what others feel of it:
`python -m tests.benchmarks.export`.

Everybody handed in a quiz of 20 questions once: 75 cells of each. The product, openpyxl alone in
its write-only mode, and XlsxWriter in its constant-memory mode write the rows of the first sheet as
they are read from the database, each in a process of its own, whose most memory counts. The other
two write values as they are; the product also keeps formulas out of texts and writes the other
sheets. Meanwhile an ordinary query is asked over a socket. `EXPORT_SIZES` (such as `10000,100000`)
says how many people there are.
"""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import system
from access.permissions import Principal
from app.workbooks import Sheet, write_xlsx
from app.workbooks.quiz_insights import QuizWorkbook, quiz_workbook
from operations.edge import Edge
from operations.insights.cells import EVERYBODY, Unit
from tests.benchmarks.crowd import course_of
from tests.benchmarks.database import durable_database
from tests.benchmarks.reaction import Spread
from tests.benchmarks.workbook import peak
from tests.stories.running import Company, founding, running

SIZES: Final = [int(each) for each in os.environ.get("EXPORT_SIZES", "1000,10000").split(",")]
ASKS: Final = 400
PAUSE: Final = 0.02
AIM: Final = 1.3

ORDINARY: Final = """{ listAllMembers(first: 50) { totalCount
  nodes { id displayName userName email state lastSignInAt } } }"""


async def filled(company: Company) -> list[Unit]:
    world = company.world
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    return [(await course_of(world, size, modules=1))[1] for size in SIZES]


@asynccontextmanager
async def opened(url: str, unit: Unit) -> AsyncIterator[QuizWorkbook]:
    engine = create_async_engine(url)
    async with Edge(async_sessionmaker(engine)).read() as db:
        yield await quiz_workbook(
            lambda: nullcontext(db),
            by=system(unit.workspace_id),
            course_id=unit.course_id,
            module_id=unit.module_id,
            to=EVERYBODY,
            at=dt.datetime.now(dt.UTC),
        )
    await engine.dispose()


async def by_the_product(path: Path, book: QuizWorkbook) -> None:
    await write_xlsx(path, book.sheets, zone=book.zone)


async def cells_of(sheet: Sheet) -> AsyncIterator[list[Any]]:
    """As they belong into cells: moments are local."""
    local = ZoneInfo("Europe/Stockholm")
    assert not isinstance(sheet.rows, list)
    async for row in sheet.rows:  # type: ignore[union-attr]
        yield [
            value.astimezone(local).replace(tzinfo=None)
            if isinstance(value, dt.datetime)
            else value
            for value in row
        ]


async def by_openpyxl(path: Path, book: QuizWorkbook) -> None:
    from openpyxl import Workbook

    written, sheet = Workbook(write_only=True), book.sheets[0]
    page = written.create_sheet(sheet.title)
    page.append([column.title for column in sheet.columns])
    async for row in cells_of(sheet):
        page.append(row)
    written.save(path)


async def by_xlsxwriter(path: Path, book: QuizWorkbook) -> None:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    written = Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet, page = book.sheets[0], written.add_worksheet("Attempts")
    page.write_row(0, 0, [column.title for column in sheet.columns])
    number = 0
    async for row in cells_of(sheet):
        number += 1
        page.write_row(number, 0, row)
    written.close()


WAYS: Final = {
    "openpyxl, write-only": by_openpyxl,
    "XlsxWriter, constant memory": by_xlsxwriter,
    "the product": by_the_product,
}


async def export(url: str, way: str, unit: Unit) -> None:
    """Write the workbook, and say how it went as JSON."""
    with tempfile.TemporaryDirectory() as place:
        began, worked = time.perf_counter(), time.process_time()
        async with opened(url, unit) as book:
            await WAYS[way](Path(place) / "quiz.xlsx", book)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": book.total, "peak": peak()}))


def begun(url: str, way: str, unit: Unit) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.export", url, way, *map(str, unit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, float] = json.loads(out)
    return found


async def asked(company: Company, goes_on: Callable[[int], bool]) -> Spread:
    """The ordinary query, over a socket, one after the other."""
    headers = {"Authorization": f"Bearer {company.token('Mona')}"}
    spent: list[float] = []
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        while goes_on(len(spent)):
            since = time.perf_counter()
            answer = await client.post(company.system.graphql, json={"query": ORDINARY})
            spent.append(time.perf_counter() - since)
            assert "errors" not in answer.json(), answer.text
            await asyncio.sleep(PAUSE)
    return Spread.of(spent)


async def beside(company: Company, url: str, unit: Unit) -> dict[str, float]:
    """The product's export, and the query before and meanwhile."""
    await asked(company, lambda n: n < ASKS // 10)
    idle = await asked(company, lambda n: n < ASKS)
    process = begun(url, "the product", unit)
    during = await asked(company, lambda _: process.poll() is None)
    print(
        f"  a query, idle: p50 {idle.p50:.1f}, p99 {idle.p99:.1f} ms; during the export"
        f" ({len(during.samples)} asked): p50 {during.p50:.1f}, p99 {during.p99:.1f} ms:"
        f" {during.p50 / idle.p50:.2f} × and {during.p99 / idle.p99:.2f} ×",
        flush=True,
    )
    return ended(process)


async def compare(company: Company, url: str, units: list[Unit]) -> None:
    print(
        f"{'rows':>9}  {'written by':<28}{'s':>8}{'CPU s':>8}{'×':>7}{'rows/s':>9}{'peak MiB':>10}"
    )
    for unit in units:
        alone = None
        for way in WAYS:
            found = ended(begun(url, way, unit))
            alone = alone or found["cpu"]
            print(
                f"{found['rows']:>9,}  {way:<28}{found['seconds']:>8.1f}{found['cpu']:>8.1f}"
                f"{found['cpu'] / alone:>7.2f}{found['rows'] / found['seconds']:>9,.0f}"
                f"{found['peak']:>10.0f}",
                flush=True,
            )
    print(f"× is in time of the processor (aim ≤ {AIM}).")
    await beside(company, url, units[-1])


async def run(engine: Engine, home: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    with running(url, home) as whole:
        async with founding(whole) as found:
            company = await found()
            units = await filled(company)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
                plain.execute(text("VACUUM ANALYZE"))
            await compare(company, url, units)


def main() -> None:
    with durable_database() as engine, tempfile.TemporaryDirectory() as place:
        home = Path(place)
        home.chmod(0o755)
        asyncio.run(run(engine, home))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(export(sys.argv[1], sys.argv[2], Unit(*map(int, sys.argv[3:]))))
    else:
        main()
