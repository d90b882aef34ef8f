"""What many learners cost: `python -m tests.benchmarks.learners`.

PEOPLE (10,000) are assigned to a course, given a due date, and marked complete, through the
product's own operations as a coordinator calls them: 500 a call, a durable commit for each, so
that progress can be watched. The floor writes the same rows, entries of the journal included, by
plain set-based SQL from one connection, with nothing asked, nothing looked up, and the entries
made beforehand: in the same transactions of 500, and all in one.
"""

import asyncio
import datetime as dt
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, Final

import psycopg
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from access.caller import Caller, Origin
from models import journal
from models.progress import AttemptOrigin
from operations.edge import Edge
from operations.learning import completing, due_dates, enrolments
from operations.people import PEOPLE_A_CALL
from tests.benchmarks.database import durable_database
from tests.ground import Ground
from tests.recording import recording_cursor

PEOPLE: Final = int(os.environ.get("PEOPLE", "10000"))
ROUNDS: Final = int(os.environ.get("ROUNDS", "5"))
AT: Final = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
DUE: Final = AT + dt.timedelta(days=90)

ASSIGN: Final = (
    """
INSERT INTO progress (course_id, member_id, workspace_id, is_learner, since)
SELECT %(course)s, m, %(workspace)s, true, %(at)s FROM unnest(%(people)s::bigint[]) AS m
""",
    """
INSERT INTO enrolment (workspace_id, course_id, member_id, source, since, enrolled_by_id, cause)
SELECT %(workspace)s, %(course)s, m, 'DIRECT', %(at)s, %(by)s, gen_random_uuid()
  FROM unnest(%(people)s::bigint[]) AS m
""",
)
REDATE: Final = (
    """
UPDATE progress SET override_due_at = %(due)s, own_due_at = %(due)s
 WHERE course_id = %(course)s AND member_id = ANY (%(people)s::bigint[])
""",
    """
INSERT INTO due_date_change (workspace_id, course_id, of, member_id, after, changed_at,
                             changed_by_id, cause)
SELECT %(workspace)s, %(course)s, 'LEARNER', m, %(due)s, %(at)s, %(by)s, gen_random_uuid()
  FROM unnest(%(people)s::bigint[]) AS m
""",
)
COMPLETE: Final = (
    """
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, due_at,
                     created_at, submitted_at, ended_at, ended_by_id)
SELECT %(workspace)s, %(course)s, m, 1, 'COMPLETED', 'MANUAL', 'LEARNER', %(due)s, %(at)s, %(at)s,
       %(at)s, %(by)s
  FROM unnest(%(people)s::bigint[]) AS m
""",
    """
UPDATE progress SET attempts = 1, state = 'COMPLETED', completed_at = %(at)s
 WHERE course_id = %(course)s AND member_id = ANY (%(people)s::bigint[])
""",
)

Work = Callable[[AsyncSession, int, Sequence[int]], Awaitable[object]]


@dataclass(frozen=True)
class Task:
    """One thing done to everybody: by the product, by the floor, and what the journal says."""

    name: str
    work: Callable[[Caller], Work]
    floor: Sequence[str]
    verb: str
    said: Mapping[str, Any]


def assigning(by: Caller) -> Work:
    return lambda db, course, people: enrolments.assign(
        db, by=by, course_id=course, member_ids=people, at=AT
    )


def redating(by: Caller) -> Work:
    return lambda db, course, people: due_dates.update(
        db, by=by, course_id=course, member_ids=people, due_at=DUE, at=AT
    )


def completing_(by: Caller) -> Work:
    return lambda db, course, people: completing.complete(
        db, by=by, course_id=course, member_ids=people, origin=AttemptOrigin.MANUAL, at=AT
    )


TASKS: Final = (
    Task("assign", assigning, ASSIGN, "learner.assigned", {"after": {"source": "DIRECT"}}),
    Task(
        "re-date",
        redating,
        REDATE,
        "due_date.changed",
        {"before": {"dueAt": None}, "after": {"dueAt": DUE.isoformat()}},
    ),
    Task(
        "mark complete",
        completing_,
        COMPLETE,
        "attempt.completed",
        {"after": {"number": 1, "state": "COMPLETED", "role": "LEARNER", "origin": "MANUAL"}},
    ),
)


@dataclass
class Measured:
    """Seconds of each round, and the statements of one."""

    product: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    at_once: list[float] = field(default_factory=list)
    statements: int = 0


@dataclass(frozen=True)
class Bench:
    """A workspace, its people, the coordinator of its courses, and ways to the database."""

    ground: Ground
    people: list[int]
    by: Caller
    edge: Edge
    plain: psycopg.Connection[Any]
    statements: list[str]

    def course(self) -> int:
        """A new course, looked after by the coordinator."""
        course_id = self.ground.course()
        self.ground.db.execute(
            "INSERT INTO course_role (course_id, member_id, workspace_id, role)"
            " VALUES (%s, %s, %s, 'COORDINATOR')",
            (course_id, self.by.member_id, self.ground.workspace_id),
        )
        self.ground.db.commit()
        return course_id

    async def product(self, work: Work, course: int) -> float:
        begin = time.perf_counter()
        for people in chunks(self.people, PEOPLE_A_CALL):
            async with self.edge.transaction() as db:
                await work(db, course, people)
        return time.perf_counter() - begin

    def floor(self, task: Task, course: int, size: int) -> float:
        """The same rows in transactions of `size`."""
        prepared = [
            (self._told(course, people), self._entries(task, course, people))
            for people in chunks(self.people, size)
        ]
        begin = time.perf_counter()
        for told, entries in prepared:
            for statement in task.floor:
                self.plain.execute(statement, told)
            self.plain.execute(journal.APPEND, entries)
            self.plain.commit()
        return time.perf_counter() - begin

    def _told(self, course: int, people: Sequence[int]) -> dict[str, Any]:
        return {
            "workspace": self.ground.workspace_id,
            "course": course,
            "people": list(people),
            "by": self.by.member_id,
            "at": AT,
            "due": DUE,
        }

    def _entries(self, task: Task, course: int, people: Sequence[int]) -> dict[str, Any]:
        rows = [
            journal.entry(self.by, task.verb, course_id=course, member_id=each, **task.said)
            for each in people
        ]
        return journal.append_parameters(self.ground.workspace_id, rows)


def chunks(people: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (people[start : start + size] for start in range(0, len(people), size))


async def measure(bench: Bench, results: Mapping[str, Measured]) -> None:
    """One round: every way does every task on a course of its own, in an order by chance."""
    courses = {way: bench.course() for way in ("product", "floor", "at_once")}
    bench.plain.execute("ANALYZE")
    bench.plain.commit()
    for task in TASKS:
        measured = results[task.name]
        ways = {
            "floor": partial(bench.floor, task, courses["floor"], PEOPLE_A_CALL),
            "at_once": partial(bench.floor, task, courses["at_once"], len(bench.people)),
        }
        for way in random.sample(("product", *ways), 3):
            if way == "product":
                bench.statements.clear()
                seconds = await bench.product(task.work(bench.by), courses[way])
                measured.statements = len(bench.statements)
            else:
                seconds = ways[way]()
            getattr(measured, way).append(seconds)


async def run(ground: Ground, people: list[int]) -> dict[str, Measured]:
    """Whose second round counts: the first warms everything."""
    statements: list[str] = []
    engine = create_async_engine(
        ground.engine.url, connect_args={"cursor_factory": recording_cursor(statements)}
    )
    by = Caller(ground.workspace_id, "Cora", Origin.CLI, member_id=ground.member())
    edge = Edge(async_sessionmaker(engine, expire_on_commit=False))
    bench = Bench(ground, people, by, edge, ground.connection(), statements)
    await measure(bench, {task.name: Measured() for task in TASKS})
    results = {task.name: Measured() for task in TASKS}
    for _ in range(ROUNDS):
        await measure(bench, results)
    await engine.dispose()
    return results


def show(results: Mapping[str, Measured]) -> None:
    print(f"{PEOPLE:,} learners, {PEOPLE_A_CALL} a call, {ROUNDS} rounds, medians")
    print(
        f"{'':>14}{'people/s':>11}{'floor/s':>11}{'ratio':>8}{'in one/s':>11}{'ratio':>8}"
        f"{'statements per thousand':>25}"
    )
    for name, each in results.items():
        ratio = median(a / b for a, b in zip(each.product, each.floor, strict=True))
        in_one = median(a / b for a, b in zip(each.product, each.at_once, strict=True))
        product, floor, at_once = (
            PEOPLE / median(seconds) for seconds in (each.product, each.floor, each.at_once)
        )
        print(
            f"{name:>14}{product:>11,.0f}{floor:>11,.0f}{ratio:>8.2f}{at_once:>11,.0f}"
            f"{in_one:>8.2f}{each.statements * 1000 / PEOPLE:>25.1f}"
        )


def main() -> None:
    with durable_database() as engine:
        show(asyncio.run(_on(engine)))


async def _on(engine: Engine) -> dict[str, Measured]:
    ground = Ground.new(engine)
    people = ground.people(PEOPLE)
    ground.settle()
    try:
        return await run(ground, people)
    finally:
        ground.close()


if __name__ == "__main__":
    main()
