"""Insights of a course and of a quiz: how long they take to read, by how many learn (X3):
`python -m tests.benchmarks.insights`.

What is asked is the whole operation, rights and statistics included. Beside it stands the leanest
statement written by hand that gives the same numbers from the rows. `INSIGHTS_SIZES` (such as
`1000,100000`) and `INSIGHTS_MODULES` say how much there is: 10 modules of 100,000 learners are 20
million answers, which take minutes to write.
"""

import asyncio
import datetime as dt
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from operations.insights import courses, folding, quizzes
from operations.insights.cells import EVERYBODY, Narrow, Unit
from tests.benchmarks.crowd import course_of
from tests.benchmarks.database import durable_database
from tests.benchmarks.reaction import Spread
from tests.world import World

SIZES: Final = [int(each) for each in os.environ.get("INSIGHTS_SIZES", "1000,10000").split(",")]
MODULES: Final = int(os.environ.get("INSIGHTS_MODULES", "2"))
ASKS: Final = 250
FEW: Final = 5
AIM: Final = 2.0

COURSE_BY_HAND: Final = """
SELECT m.attributes ->> 'department', p.state, (p.completed_at AT TIME ZONE w.time_zone)::date,
       (a.started_at AT TIME ZONE w.time_zone)::date,
       floor(extract(epoch FROM a.ended_at - a.started_at) / 60), p.own_due_at, count(*)
  FROM progress p JOIN member m ON m.id = p.member_id AND m.deleted_at IS NULL
  JOIN workspace w ON w.id = p.workspace_id
  LEFT JOIN attempt a ON a.course_id = p.course_id AND a.member_id = p.member_id
                     AND a.number = p.attempts AND a.number > p.attempts_before
                     AND a.role = 'LEARNER'
 WHERE p.course_id = :c AND p.is_learner
 GROUP BY GROUPING SETS ((1, 2), (1, 3), (1, 4), (1, 5), (1, 6))
"""
QUIZ_BY_HAND: Final = """
SELECT a.question_id, s.score, a.given -> 'choices', count(*), count(*) FILTER (WHERE a.is_correct),
       sum(a.points), sum(a.points * a.points)
  FROM submission s JOIN attempt t ON t.id = s.attempt_id AND t.role = 'LEARNER'
                                  AND t.state NOT IN ('RESET', 'ABANDONED')
  JOIN progress p ON p.course_id = t.course_id AND p.member_id = t.member_id
                 AND t.number > p.attempts_before
  JOIN answer a ON a.submission_id = s.id
 WHERE s.course_id = :c AND s.module_id = :m AND s.state = 'GRADED' AND s.number = 1
 GROUP BY GROUPING SETS ((1, 2), (1, 3))
"""

Once = Callable[[], Awaitable[object]]


async def timed(once: Once, rounds: int) -> Spread:
    """Some askings; the first is left out."""
    spent = []
    for _ in range(rounds + 1):
        since = time.perf_counter()
        assert await once()
        spent.append(time.perf_counter() - since)
    return Spread.of(spent[1:])


def ours(world: World, unit: Unit, to: Narrow = EVERYBODY) -> Once:
    told: dict[str, Any] = {"by": world.system, "course_id": unit.course_id, "to": to}

    async def once() -> object:
        async with world.edge.read() as db:
            at = dt.datetime.now(dt.UTC)
            if unit.module_id:
                found = await quizzes.quiz_insights(db, module_id=unit.module_id, at=at, **told)
                return found.figures
            return (await courses.course_insights(db, at=at, **told)).figures

    return once


def by_hand(engine: AsyncEngine, unit: Unit) -> Once:
    statement = text(QUIZ_BY_HAND if unit.module_id else COURSE_BY_HAND)
    told = {"c": unit.course_id} | ({"m": unit.module_id} if unit.module_id else {})

    async def once() -> object:
        async with engine.connect() as db:
            return (await db.execute(statement, told)).all()

    return once


async def longest_hold(once: Once) -> float:
    """For how many milliseconds nothing else was done, at most, while this was asked."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            since = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - since)

    beside = asyncio.create_task(tick())
    await once()
    beside.cancel()
    with suppress(asyncio.CancelledError):
        await beside
    return 1000 * longest


async def mark(world: World, unit: Unit, blocks: int) -> None:
    """As if somebody in each of that many blocks had done something."""
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO insight_marker (course_id, module_id, block) SELECT DISTINCT"
                " :c, CAST(:m AS integer), (member_id >> 10)::integer FROM progress"
                " WHERE course_id = :c ORDER BY 3 LIMIT :blocks"
            ),
            {"c": unit.course_id, "m": unit.module_id, "blocks": blocks},
        )


async def fold_all(world: World) -> None:
    blocks, since, longest = 0, time.perf_counter(), 0.0
    while True:
        began = time.perf_counter()
        async with world.edge.transaction() as db:
            now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
            folded = await folding.fold(db, at=now, limit=8)
        if not folded:
            break
        longest = max(longest, time.perf_counter() - began)
        blocks += folded
    seconds = time.perf_counter() - since
    print(f"{blocks} blocks folded in {seconds:.1f} s, 8 at once in at most {longest:.2f} s")


async def clean(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))


@dataclass(frozen=True)
class Compared:
    """One course or quiz: how it was asked."""

    name: str
    asked: Spread


async def compare(world: World, engine: AsyncEngine, learners: int) -> list[Compared]:
    course, *taken = await course_of(world, learners, modules=MODULES)
    await clean(engine)
    for unit in (course, taken[0]):
        await mark(world, unit, 1)
    await fold_all(world)
    await clean(engine)
    found = []
    for name, unit in (("course", course), ("quiz", taken[0])):
        once = ours(world, unit)
        asked = await timed(once, ASKS)
        hand = median((await timed(by_hand(engine, unit), FEW)).samples)
        hold = max([await longest_hold(once) for _ in range(FEW)])
        print(
            f"{learners:,} learners, {name}: {ASKS} asked, p50 {asked.p50:.1f}, p99"
            f" {asked.p99:.1f} ms; by hand {hand:.0f} ms: {asked.p50 / hand:.3f} × and"
            f" {asked.p99 / hand:.3f} × (aim ≤ {AIM:.0f}); nothing else for {hold:.1f} ms at most",
            flush=True,
        )
        await narrowed(world, unit, f"Group of {learners}", hand)
        await mark(world, unit, 1)
        marked = await timed(once, ASKS)
        print(f"  with a marked block: p50 {marked.p50:.1f}, p99 {marked.p99:.1f} ms")
        found.append(Compared(name, asked))
    return found


async def narrowed(world: World, unit: Unit, group: str, hand: float) -> None:
    narrows = {
        "a department": Narrow(department="Department 1"),
        "a group": Narrow(group_id=world.groups[group]),
        "the last days": Narrow(since=dt.datetime(2026, 5, 25, tzinfo=dt.UTC)),
        "all times": Narrow(since=dt.datetime(2000, 1, 1, tzinfo=dt.UTC)),
    }
    said = []
    for name, to in narrows.items():
        try:
            took = median((await timed(ours(world, unit, to), FEW)).samples)
        except OperationalError:
            said.append(f"{name}: longer than it may take")
        else:
            said.append(f"{name} {took:.0f} ms ({took / hand:.2f} ×)")
    print(f"  narrowed to {', '.join(said)}", flush=True)


async def run(url: str) -> None:
    engine = create_async_engine(url, connect_args={"options": "-c jit=off"})
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    found = [await compare(world, engine, each) for each in SIZES]
    for small, large in zip(found[0], found[-1], strict=True):
        growth = large.asked.p50 / small.asked.p50
        print(
            f"{small.name}: {growth:.1f} × from {SIZES[0]:,} to {SIZES[-1]:,} learners (aim: flat)"
        )
    await engine.dispose()


def main() -> None:
    with durable_database() as engine:
        asyncio.run(run(engine.url.render_as_string(hide_password=False)))


if __name__ == "__main__":
    main()
