"""What the whole export of a quiz costs, from PostgreSQL to the file: `python -m
tests.benchmarks.export`.

Everybody handed in a quiz of 20 questions once: 75 cells of each. The workbook is written in a
process of its own, whose most memory is what counts. `EXPORT_SIZES` (such as `10000,100000`) says
how many people there are.
"""

import asyncio
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import system
from app.workbooks import write_xlsx
from app.workbooks.quiz_insights import quiz_workbook
from operations.edge import Edge
from operations.insights.cells import EVERYBODY, Unit
from tests.benchmarks.crowd import course_of
from tests.benchmarks.database import durable_database
from tests.benchmarks.workbook import peak
from tests.world import World

SIZES: Final = [int(each) for each in os.environ.get("EXPORT_SIZES", "1000,10000").split(",")]


async def filled(url: str) -> list[Unit]:
    engine = create_async_engine(url)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    found = [(await course_of(world, size, modules=1))[1] for size in SIZES]
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
    await engine.dispose()
    return found


async def export(url: str, unit: Unit) -> None:
    """Write the workbook, and say how it went as JSON."""
    engine = create_async_engine(url)
    edge = Edge(async_sessionmaker(engine))
    with tempfile.TemporaryDirectory() as place:
        began, worked = time.perf_counter(), time.process_time()
        async with edge.read() as db:
            book = await quiz_workbook(
                lambda: nullcontext(db),
                by=system(unit.workspace_id),
                course_id=unit.course_id,
                module_id=unit.module_id,
                to=EVERYBODY,
                at=dt.datetime.now(dt.UTC),
            )
            await write_xlsx(Path(place) / "quiz.xlsx", book.sheets, zone=book.zone)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    await engine.dispose()
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": book.total, "peak": peak()}))


def main() -> None:
    with durable_database() as engine:
        url = engine.url.render_as_string(hide_password=False)
        units = asyncio.run(filled(url))
        print(f"{'rows':>9}{'s':>8}{'CPU s':>8}{'rows/s':>9}{'peak MiB':>10}")
        for unit in units:
            told = [url, *map(str, unit)]
            command = [sys.executable, "-m", "tests.benchmarks.export", *told]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            print(
                f"{found['rows']:>9,}{found['seconds']:>8.1f}{found['cpu']:>8.1f}"
                f"{found['rows'] / found['seconds']:>9,.0f}{found['peak']:>10.0f}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(export(sys.argv[1], Unit(*map(int, sys.argv[2:]))))
    else:
        main()
