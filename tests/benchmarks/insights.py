"""Insights of a course and of a quiz: how long they take to read, by how many learn (X3).

Beside each stands the leanest statement written by hand that gives the same numbers from the rows.
Everybody has handed in every quiz once; the question is what the summary costs, and what it saves.
`INSIGHTS_SIZES` (such as `1000,100000`) and `INSIGHTS_MODULES` say how much there is: 10 modules of
100,000 learners are 20 million answers, and take a while to make.
"""

import asyncio
import datetime as dt
import os
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from statistics import median
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from operations.content.questions import (
    Choice,
    CorrectChoices,
    Question,
    QuestionKind,
    QuizContent,
)
from operations.insights import cells, folding
from operations.insights.cells import Narrow, Unit
from tests.benchmarks.database import durable_database
from tests.taking import teach
from tests.world import World

SIZES: Final = [int(each) for each in os.environ.get("INSIGHTS_SIZES", "1000,10000").split(",")]
MODULES: Final = int(os.environ.get("INSIGHTS_MODULES", "2"))
QUESTIONS: Final = 20
ROUNDS: Final = 15
AIM: Final = 2.0

CHOICES: Final = tuple(Choice(each, f"Choice {each}") for each in range(101, 105))
QUIZ: Final = QuizContent(
    questions=tuple(
        Question(
            number,
            QuestionKind.SINGLE_CHOICE,
            "Which?",
            Decimal(1),
            CHOICES,
            CorrectChoices(frozenset({101})),
        )
        for number in range(1, QUESTIONS + 1)
    )
)

PEOPLE: Final = (
    (
        "INSERT INTO member (workspace_id, user_name, display_name, state, attributes)"
        " SELECT :w, :c || '-' || n, 'Person', 'ACTIVE',"
        " jsonb_build_object('department', 'Department ' || n % 12)"
        " FROM generate_series(1, CAST(:learners AS integer)) AS n"
    ),
    (
        "INSERT INTO progress (course_id, member_id, workspace_id, is_learner, attempts, state,"
        " completed_at, percent)"
        " SELECT :c, id, :w, TRUE, 1, CASE id % 3 WHEN 0 THEN 'IN_PROGRESS' ELSE 'COMPLETED' END,"
        " CASE WHEN id % 3 > 0 THEN timestamptz '2026-03-02' + id % 90 * interval '1 day' END, NULL"
        " FROM member WHERE user_name LIKE :c || '-%'"
    ),
    (
        "INSERT INTO enrolment (course_id, member_id, workspace_id, source)"
        " SELECT :c, member_id, :w, 'DIRECT' FROM progress WHERE course_id = :c"
    ),
    (
        "INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role,"
        " started_at, ended_at) SELECT :w, :c, member_id, 1, state, 'SELF', 'LEARNER',"
        " coalesce(completed_at, timestamptz '2026-03-02') - member_id % 300 * interval '1 minute',"
        " completed_at FROM progress WHERE course_id = :c"
    ),
    (
        "INSERT INTO attempt_module (attempt_id, module_id, workspace_id, revision, place)"
        " SELECT a.id, m.module_id, :w, 1, m.place FROM attempt a"
        " JOIN course_module m ON m.course_id = a.course_id WHERE a.course_id = :c"
    ),
    (
        "INSERT INTO submission (workspace_id, course_id, member_id, attempt_id, module_id, number,"
        " state, started_at, submitted_at, graded_at, score, max_score, is_passed)"
        " SELECT :w, :c, a.member_id, a.id, m.module_id, 1, 'GRADED', a.started_at,"
        " a.started_at + interval '20 minutes', a.started_at + interval '20 minutes', 0, 20, FALSE"
        " FROM attempt a JOIN attempt_module m ON m.attempt_id = a.id WHERE a.course_id = :c"
    ),
    (
        "INSERT INTO answer (submission_id, question_id, workspace_id, given, answered_at,"
        " is_correct, points)"
        " SELECT s.id, q, :w, jsonb_build_object('choices', jsonb_build_array(101 + r.n)),"
        " s.started_at + q * (10 + s.id % 60) * interval '1 second', r.n = 0, (r.n = 0)::integer"
        " FROM submission s CROSS JOIN generate_series(1, 20) AS q"
        " CROSS JOIN LATERAL (SELECT (s.id * 7919 + q * 104729) % 97 % (2 + q % 3) AS n) AS r"
        " WHERE s.course_id = :c"
    ),
    (
        "UPDATE submission s SET score = found.score, is_passed = found.score >= 10 FROM ("
        " SELECT s.id, sum(a.points) AS score FROM submission s"
        " JOIN answer a ON a.submission_id = s.id WHERE s.course_id = :c"
        " GROUP BY s.id) AS found WHERE found.id = s.id"
    ),
)

COURSE_BY_HAND: Final = """
SELECT m.attributes ->> 'department', p.state, (p.completed_at AT TIME ZONE w.time_zone)::date,
       (a.started_at AT TIME ZONE w.time_zone)::date,
       floor(extract(epoch FROM a.ended_at - a.started_at) / 60), p.own_due_at, count(*)
  FROM progress p JOIN member m ON m.id = p.member_id AND m.deleted_at IS NULL
  JOIN workspace w ON w.id = p.workspace_id
  LEFT JOIN attempt a ON a.course_id = p.course_id AND a.member_id = p.member_id
                     AND a.number = p.attempts AND a.role = 'LEARNER'
 WHERE p.course_id = :c AND p.is_learner
 GROUP BY GROUPING SETS ((1, 2), (1, 3), (1, 4), (1, 5), (1, 6))
"""
QUIZ_BY_HAND: Final = """
SELECT a.question_id, s.score, a.given -> 'choices', count(*), count(*) FILTER (WHERE a.is_correct),
       sum(a.points), sum(a.points * a.points)
  FROM submission s JOIN attempt t ON t.id = s.attempt_id AND t.role = 'LEARNER'
                                  AND t.state NOT IN ('RESET', 'ABANDONED')
  JOIN answer a ON a.submission_id = s.id
 WHERE s.course_id = :c AND s.module_id = :m AND s.state = 'GRADED' AND s.number = 1
 GROUP BY GROUPING SETS ((1, 2), (1, 3))
"""

Once = Callable[[], Awaitable[int]]


async def timed(once: Once, rounds: int = ROUNDS) -> tuple[float, float]:
    """The median and the worst of some readings, in milliseconds; the first is left out."""
    spent = []
    for _ in range(rounds + 1):
        since = time.perf_counter()
        assert await once() > 0
        spent.append(1000 * (time.perf_counter() - since))
    return median(spent[1:]), max(spent[1:])


def ours(world: World, unit: Unit, to: Narrow = cells.EVERYBODY) -> Once:
    async def once() -> int:
        async with world.edge.read() as db:
            return len(await cells.read(db, unit, to=to))

    return once


def by_hand(engine: AsyncEngine, statement: str, told: dict[str, Any]) -> Once:
    async def once() -> int:
        async with engine.connect() as db:
            return len((await db.execute(text(statement), told)).all())

    return once


async def course_of(world: World, learners: int) -> tuple[Unit, Unit]:
    """A course with that many learners; the course, and the first of its quizzes."""
    title = f"Course of {learners}"
    await world.course(title)
    await teach(world, title, **{f"Quiz {n} of {learners}": QUIZ for n in range(MODULES)})
    given = {"w": world.workspace_id, "c": world.courses[title], "learners": learners}
    since = time.perf_counter()
    for statement in PEOPLE:
        named = {name: value for name, value in given.items() if f":{name}" in statement}
        async with world.edge.transaction() as db:
            await db.execute(text(statement.replace(":c ||", f"'c{given['c']}' ||")), named)
    print(f"{learners:,} learners made in {time.perf_counter() - since:.0f} s", flush=True)
    unit = Unit(world.workspace_id, world.courses[title])
    return unit, unit._replace(module_id=world.modules[f"Quiz 0 of {learners}"])


async def fold_all(world: World) -> tuple[int, float, float]:
    """How many blocks were folded, the seconds it took, and the longest transaction's."""
    blocks, since, longest = 0, time.perf_counter(), 0.0
    while True:
        began = time.perf_counter()
        async with world.edge.transaction() as db:
            now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
            folded = await folding.fold(db, at=now, limit=8)
        longest = max(longest, time.perf_counter() - began)
        if not folded:
            return blocks, time.perf_counter() - since, longest
        blocks += folded


async def touch(world: World, unit: Unit, blocks: int) -> None:
    """Somebody in each of that many blocks does something."""
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO insight_marker (course_id, module_id, block)"
                " SELECT course_id, module_id, block FROM insight_cell WHERE block >= 0"
                " AND course_id = :c AND module_id = :m GROUP BY 1, 2, 3 ORDER BY 3 LIMIT :blocks"
            ),
            {"c": unit.course_id, "m": unit.module_id, "blocks": blocks},
        )


async def compare(world: World, engine: AsyncEngine, learners: int) -> dict[str, float]:
    course, quiz = await course_of(world, learners)
    blocks, seconds, longest = await fold_all(world)
    print(f"{blocks} blocks folded in {seconds:.1f} s, 8 at once in at most {longest:.2f} s")
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))
    found = {}
    for name, unit, statement in (
        ("course", course, COURSE_BY_HAND),
        ("quiz", quiz, QUIZ_BY_HAND),
    ):
        told = {"c": unit.course_id} | ({"m": unit.module_id} if unit.module_id else {})
        p50, worst = await timed(ours(world, unit))
        hand, _ = await timed(by_hand(engine, statement, told), rounds=3)
        raw, _ = await timed(
            ours(world, unit, Narrow(department="Department 1", since=LONG_AGO)), 3
        )
        await touch(world, unit, 1)
        marked, _ = await timed(ours(world, unit))
        found[name] = p50
        print(
            f"{learners:,} learners, {name}: p50 {p50:.1f} ms, worst of {ROUNDS} {worst:.1f} ms;"
            f" by hand {hand:.0f} ms: {p50 / hand:.2f} × (aim ≤ {AIM:.0f});"
            f" with a marked block {marked:.0f} ms; a department, by rows {raw:.0f} ms",
            flush=True,
        )
    return found


LONG_AGO: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


async def run(url: str) -> None:
    engine = create_async_engine(url, connect_args={"options": "-c jit=off"})
    world = await World.new(async_sessionmaker(engine, expire_on_commit=False))
    found = [await compare(world, engine, each) for each in SIZES]
    for name in ("course", "quiz"):
        growth = found[-1][name] / found[0][name]
        print(f"{name}: {growth:.1f} × from {SIZES[0]:,} to {SIZES[-1]:,} learners (aim: flat)")
    await engine.dispose()


def main() -> None:
    with durable_database() as engine:
        asyncio.run(run(engine.url.render_as_string(hide_password=False)))


if __name__ == "__main__":
    main()
