"""What it costs writers that insights are kept true: `python -m tests.benchmarks.marks`.

The same work with the triggers that leave markers and without them (ALTER TABLE … DISABLE TRIGGER),
in turns: 10,000 people assigned and marked complete, 500 a call; 10,000 answers handed in, 20 a
call. Nobody folds meanwhile.
"""

import asyncio
import datetime as dt
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.caller import Caller, Origin
from models.progress import AttemptOrigin
from operations.learning import completing, enrolments, quizzes
from operations.people import PEOPLE_A_CALL
from tests.benchmarks.crowd import QUESTIONS, course_of
from tests.benchmarks.database import durable_database
from tests.world import World

PEOPLE: Final = int(os.environ.get("PEOPLE", "10000"))
ROUNDS: Final = 5
AT: Final = dt.datetime(2026, 6, 2, 9, tzinfo=dt.UTC)

Work = Callable[[AsyncSession, Sequence[int]], Awaitable[object]]

TRIGGERS: Final = text("""
SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'mark_insights_%'
""")
ALL_OPEN: Final = (
    """UPDATE submission SET state = 'IN_PROGRESS', submitted_at = NULL, graded_at = NULL,
              score = NULL, is_passed = NULL""",
    "UPDATE answer SET is_correct = NULL, points = NULL",
    "UPDATE attempt SET state = 'IN_PROGRESS', ended_at = NULL",
    "UPDATE attempt_module SET state = 'IN_PROGRESS', opened_at = now(), max_score = 20",
    "UPDATE progress SET state = 'IN_PROGRESS', completed_at = NULL",
)


async def leave_marks(world: World, *, is_on: bool) -> None:
    async with world.edge.transaction() as db:
        for table, name in (await db.execute(TRIGGERS)).all():
            what = "ENABLE" if is_on else "DISABLE"
            await db.execute(text(f"ALTER TABLE {table} {what} TRIGGER {name}"))


async def seconds(world: World, work: Work, people: Sequence[int], size: int) -> float:
    begin = time.perf_counter()
    for start in range(0, len(people), size):
        async with world.edge.transaction() as db:
            await work(db, people[start : start + size])
    return time.perf_counter() - begin


def assigning(by: Caller, course_id: int) -> Work:
    return lambda db, ids: enrolments.assign(db, by=by, course_id=course_id, member_ids=ids, at=AT)


def completing_(by: Caller, course_id: int) -> Work:
    return lambda db, ids: completing.complete(
        db, by=by, course_id=course_id, member_ids=ids, origin=AttemptOrigin.MANUAL, at=AT
    )


async def bulk(world: World, members: Sequence[int]) -> None:
    """Assigned, then completed, on a course of each way and round."""
    tasks = {"assign": assigning, "complete": completing_}
    spent: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in tasks}
    for number in range(ROUNDS + 1):
        for is_on in (number % 2 == 0, number % 2 != 0):
            course_id = await world.course(f"Course {number} {is_on}")
            await leave_marks(world, is_on=is_on)
            for name, task in tasks.items():
                work = task(world.system, course_id)
                took = await seconds(world, work, members, PEOPLE_A_CALL)
                if number:
                    spent[name][is_on].append(took)
    for name, (without, with_) in spent.items():
        tell(f"{name} {len(members):,}", without, with_)


async def handing_in(world: World, course_id: int) -> None:
    """Chunks of what is open, in turns with and without."""
    async with world.edge.transaction() as db:
        await db.execute(text("SET LOCAL session_replication_role = replica"))
        for each in ALL_OPEN:
            await db.execute(text(each))
    async with world.edge.read() as db:
        rows = (
            await db.execute(
                text("SELECT id, member_id FROM submission WHERE course_id = :c ORDER BY id"),
                {"c": course_id},
            )
        ).all()
    whose = {row.id: row.member_id for row in rows}

    async def hand_in(db: AsyncSession, ids: Sequence[int]) -> object:
        by = Caller(world.workspace_id, "P", Origin.GRAPHQL, member_id=whose[ids[0]])
        return await quizzes.submit(db, by=by, submission_id=ids[0], at=AT)

    spent: tuple[list[float], list[float]] = ([], [])
    size = PEOPLE // QUESTIONS // ROUNDS
    ids = list(whose)
    for number in range(2 * ROUNDS + 2):
        is_on = number % 2 == 0
        await leave_marks(world, is_on=is_on)
        took = await seconds(world, hand_in, ids[number * size : (number + 1) * size], 1)
        if number > 1:
            spent[is_on].append(took)
    tell(f"hand in {size * QUESTIONS:,} answers, {size} calls", *spent)


def tell(what: str, without: list[float], with_: list[float]) -> None:
    ratios = [a / b for a, b in zip(with_, without, strict=True)]
    print(
        f"{what}: {median(with_):.2f} s with markers, {median(without):.2f} s without:"
        f" {median(ratios):.3f} × (medians of {len(ratios)} pairs)",
        flush=True,
    )


async def run(url: str) -> None:
    engine = create_async_engine(url)
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    learners = max(PEOPLE, 3 * PEOPLE // QUESTIONS)
    course, *_ = await course_of(world, learners, modules=1)
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
    async with world.edge.read() as db:
        found = await db.scalars(text("SELECT member_id FROM progress ORDER BY member_id"))
        members = list(found)[:PEOPLE]
    await bulk(world, members)
    await handing_in(world, course.course_id)
    await engine.dispose()


def main() -> None:
    with durable_database() as engine:
        asyncio.run(run(engine.url.render_as_string(hide_password=False)))


if __name__ == "__main__":
    main()
