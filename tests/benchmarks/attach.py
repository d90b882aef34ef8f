"""What attaching a segment writes: `python -m tests.benchmarks.attach`.

Segments of 10, 1,000 and 100,000 people are attached to a course through the product's own
operation. Counted are all rows inserted, updated and deleted in the whole database, by
PostgreSQL itself; they must be the same few for each. The coordinators are there at the commit.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import system
from operations import attachments
from operations.edge import Edge
from tests.benchmarks.database import durable_database
from tests.ground import Ground

SIZES = (10, 1_000, 100_000)

COUNTERS = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
 WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY relname
"""


def counters(ground: Ground) -> dict[str, int]:
    """Rows written by table so far: connections that are gone, or told to, hand in theirs."""
    ground.engine.dispose()
    ground.rows("SELECT pg_stat_force_next_flush()")
    before: dict[str, int] = {}
    while True:
        now = {name: int(rows) for name, rows in ground.rows(COUNTERS)}
        if now == before:
            return now
        before = now
        time.sleep(0.3)


async def attach(url: Any, workspace_id: int, course_id: int, segment_id: int) -> float:
    """Attach in a transaction of the edge; seconds to the end of its commit."""
    engine = create_async_engine(url)
    edge = Edge(async_sessionmaker(engine))
    async with edge.transaction() as db:
        begin = time.perf_counter()
        await attachments.attach(
            db, by=system(workspace_id), course_id=course_id, segment_id=segment_id
        )
    seconds = time.perf_counter() - begin
    await engine.dispose()
    return seconds


def measure(ground: Ground, size: int, prepare: Callable[[int], int]) -> dict[str, int]:
    segment_id = prepare(size)
    course_id = ground.course()
    before = counters(ground)
    seconds = asyncio.run(attach(ground.engine.url, ground.workspace_id, course_id, segment_id))
    seen = ground.one("SELECT count(*) FROM course_coordinator WHERE course_id = %s", course_id)
    after = counters(ground)
    written = {
        table: rows - before.get(table, 0)
        for table, rows in after.items()
        if rows != before.get(table, 0)
    }
    print(
        f"{size:>10,}{seen:>14,}{seconds * 1e3:>10.1f}{sum(written.values()):>8}  "
        + ", ".join(f"{table} {rows}" for table, rows in written.items())
    )
    return written


def main() -> None:
    with durable_database() as engine:
        ground = Ground.new(engine)

        def prepare(size: int) -> int:
            name = f"Department of {size}"
            ground.people(size, department=name)
            segment_id = ground.segment({"attr": "department", "op": "eq", "value": name})
            ground.settle()
            return segment_id

        print(f"{'people':>10}{'coordinators':>14}{'ms':>10}{'rows':>8}  written")
        written = [measure(ground, size, prepare) for size in SIZES]
        ground.close()
    same = all(each == written[0] for each in written)
    print(f"Rows written are {'the same' if same else 'NOT the same'} for every size.")


if __name__ == "__main__":
    main()
