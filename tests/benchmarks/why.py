"""How fast why is, now and at any past time: `python -m tests.benchmarks.why`.

`WHY_INTERVALS` memberships (1,000,000; try 10000000), 100 of each person in ten segments, with the
journal that led there, are made by set-based SQL; three of the segments are on each of 200 courses.
Then strangers to each other are asked about, one after the other: why now, why at a random past
time, and the time line. Last, what the indexes behind it cost the engine, as a ratio with and
without them, in turns.
"""

import asyncio
import datetime as dt
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import system
from operations import explain
from operations.edge import Edge
from operations.why import entries, history, places
from tests.benchmarks.database import durable_database
from tests.ground import Ground

INTERVALS = int(os.environ.get("WHY_INTERVALS", "1000000"))
SEGMENTS, TURNS, COURSES, CHANGES, ASKED = 10, 10, 200, 5, 500
PEOPLE = INTERVALS // (SEGMENTS * TURNS)
BATCH = 200
BEGINNING = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
END = BEGINNING + dt.timedelta(days=2 * SEGMENTS * TURNS)
BEHIND_IT = ("ix_journal_entry_change_set", "ix_journal_entry_attachment", "ix_journal_entry_group")

# Turn `k` of segment `s` begins on day 2(10k + s) and ends on the next; people follow each other
# in batches, a second apart. Of the last turn nobody leaves.
RUNS = """
CREATE TEMP TABLE run AS
SELECT 1000000 + row_number() OVER () AS id, k, s, is_end, b,
       %(beginning)s::timestamptz + (2 * (k * %(segments)s + s) + is_end) * interval '1 day'
           + b * interval '1 second' AS at
  FROM generate_series(0, %(turns)s - 1) AS k, generate_series(0, %(segments)s - 1) AS s,
       generate_series(0, 1) AS is_end, generate_series(0, (%(people)s - 1) / %(batch)s) AS b
 WHERE NOT (k = %(turns)s - 1 AND is_end = 1)
"""
INDEX_RUNS = "CREATE UNIQUE INDEX ON run (k, s, is_end, b); ANALYZE run, member, segment"
CHANGE_SETS = """
INSERT INTO change_set (id, workspace_id, kind, causes, watermark, epoch, today, examined, added,
                        removed, suppressed, at)
OVERRIDING SYSTEM VALUE
SELECT id, %(workspace_id)s, 'people', '{}', 0, 1, at::date, %(batch)s, 0, 0, 0, at FROM run
"""
MEMBERSHIPS = """
INSERT INTO membership (member_id, segment_id, since, until, opened_by_id, closed_by_id)
SELECT p.id, g.id, opened.at, closed.at, opened.id, closed.id
  FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(batch)s AS b
          FROM member WHERE workspace_id = %(workspace_id)s) AS p
 CROSS JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS s
               FROM segment WHERE workspace_id = %(workspace_id)s) AS g
 CROSS JOIN generate_series(0, %(turns)s - 1) AS k
  JOIN run opened ON opened.k = k.k AND opened.s = g.s AND opened.is_end = 0 AND opened.b = p.b
  LEFT JOIN run closed ON closed.k = k.k AND closed.s = g.s AND closed.is_end = 1
                      AND closed.b = p.b
 ORDER BY p.id, g.id, k.k
"""
JOURNAL = """
INSERT INTO journal_entry (workspace_id, seq, at, verb, origin, by_name, cause, member_id,
                           change_set_id, before, after, detail, digest, hash)
SELECT %(workspace_id)s, row_number() OVER (ORDER BY at), at, verb, 'scim', 'Okta',
       gen_random_uuid(), member_id, change_set_id, before, after, detail, '', ''
  FROM (SELECT at + interval '1 millisecond' AS at, 'membership.changed' AS verb,
               NULL::bigint AS member_id, id AS change_set_id, NULL::jsonb AS before,
               NULL::jsonb AS after, '{"segments": {}, "causes": []}'::jsonb AS detail
          FROM run
        UNION ALL
        SELECT %(beginning)s::timestamptz + (n * 37 + m.id %% 37) * interval '1 day'
                   + (m.id %% 86400) * interval '1 second', 'member.changed', m.id, NULL,
               jsonb_build_object('department', 'Unit ' || n),
               jsonb_build_object('department', 'Unit ' || n + 1), NULL
          FROM member m, generate_series(0, %(changes)s - 1) AS n
         WHERE m.workspace_id = %(workspace_id)s) AS said
"""
ATTACH = """
INSERT INTO course_segment (course_id, segment_id, workspace_id, place, attached_at)
SELECT c.id, s.id, c.workspace_id, s.n %% 3 + 1, %(beginning)s
  FROM course c JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM segment
                       WHERE workspace_id = %(workspace_id)s) AS s
    ON (s.n - 1) / 3 = c.id %% 3
 WHERE c.workspace_id = %(workspace_id)s
"""
AFTERWARDS = (
    "UPDATE course SET created_at = %(beginning)s WHERE workspace_id = %(workspace_id)s",
    """UPDATE workspace_stream s
          SET head = (SELECT max(seq) FROM journal_entry j WHERE j.workspace_id = s.workspace_id)
        WHERE workspace_id = %(workspace_id)s""",
    "DELETE FROM dirty_member WHERE workspace_id = %(workspace_id)s",
    "DELETE FROM dirty_segment WHERE workspace_id = %(workspace_id)s",
    "DELETE FROM dirty_reports WHERE workspace_id = %(workspace_id)s",
)


def build(ground: Ground) -> tuple[list[int], list[int]]:
    """The people and courses asked about, after everything that happened to them."""
    people = ground.people(PEOPLE, department=f"Unit {CHANGES}")
    for number in range(SEGMENTS):
        ground.segment({"attr": "department", "op": "eq", "value": f"Unit {number % CHANGES}"})
    courses = [ground.course() for _ in range(COURSES)]
    about = {
        "workspace_id": ground.workspace_id,
        "beginning": BEGINNING,
        "segments": SEGMENTS,
        "turns": TURNS,
        "people": PEOPLE,
        "batch": BATCH,
        "changes": CHANGES,
    }
    steps = (RUNS, INDEX_RUNS, CHANGE_SETS, MEMBERSHIPS, JOURNAL, ATTACH, *AFTERWARDS)
    begin = time.perf_counter()
    for step in steps:
        ground.db.execute(step, about if "%(" in step else None)
    ground.db.commit()
    ground.db.autocommit = True
    ground.db.execute("VACUUM ANALYZE")
    ground.db.autocommit = False
    kept = ground.one("SELECT count(*) FROM membership")
    said = ground.one("SELECT count(*) FROM journal_entry")
    print(
        f"{kept:,} memberships of {PEOPLE:,} people, {said:,} entries of the journal:"
        f" made in {time.perf_counter() - begin:.0f} s"
    )
    return people, courses


Ask = Callable[[Any, int, int], Awaitable[object]]


async def asked(engine: Any, ask: Ask, pairs: list[tuple[int, int]]) -> list[float]:
    """Milliseconds of each question, from the opening of its transaction to its end."""
    edge = Edge(async_sessionmaker(engine))
    spent = []
    for course_id, member_id in pairs:
        begin = time.perf_counter()
        async with edge.read() as db:
            await ask(db, course_id, member_id)
        spent.append((time.perf_counter() - begin) * 1e3)
    return spent


async def measure(url: Any, workspace_id: int, people: list[int], courses: list[int]) -> None:
    by, rng = system(workspace_id), random.Random(7)
    engine = create_async_engine(url)

    async def now(db: Any, course_id: int, member_id: int) -> object:
        return await explain.membership(db, by=by, course_id=course_id, member_id=member_id)

    async def then(db: Any, course_id: int, member_id: int) -> object:
        at = BEGINNING + (END - BEGINNING) * rng.random()
        return await explain.membership(db, by=by, course_id=course_id, member_id=member_id, at=at)

    async def line(db: Any, course_id: int, member_id: int) -> object:
        return await explain.timeline(db, by=by, course_id=course_id, member_id=member_id, limit=21)

    async def floor(db: Any, _: int, member_id: int) -> object:
        return await db.scalar(text("SELECT state FROM member WHERE id = :id"), {"id": member_id})

    print(f"{'':>18}{'p50 ms':>10}{'p99 ms':>10}")
    for name, ask in (("one row", floor), ("why now", now), ("why then", then), ("line", line)):
        pairs = [(rng.choice(courses), rng.choice(people)) for _ in range(ASKED)]
        await asked(engine, ask, pairs[:20])
        spent = sorted(await asked(engine, ask, pairs))
        print(f"{name:>18}{statistics.median(spent):>10.1f}{spent[len(spent) * 99 // 100]:>10.1f}")
    await engine.dispose()


def scans(ground: Ground, people: list[int], courses: list[int]) -> Iterator[str]:
    """The tables that a statement on the large ones would read from end to end; none should."""
    about = {
        "workspace_id": ground.workspace_id,
        "member_id": people[0],
        "course_id": courses[0],
        "segment_ids": [1, 2, 3],
        "at": END - (END - BEGINNING) / 2,
        "verbs": ["member.changed"],
    }
    with ground.engine.connect() as db:
        for name, statement in (
            ("intervals", history.INTERVALS),
            ("person", entries.OF_PERSON),
            ("attachments", entries.OF_ATTACHMENTS),
            ("moment", places.AT_MOMENT),
        ):
            plan = db.execute(text(f"EXPLAIN {statement.text}"), about).scalars().all()
            if any("Seq Scan" in row for row in plan):
                yield name


def cost(engine: Engine) -> None:
    """Seconds the engine takes with and without the indexes, in turns, as one ratio."""
    ground = Ground.new(engine)
    ids = ground.people(4_000, department="Sales")
    ground.segment({"attr": "department", "op": "eq", "value": "Sales"})
    ground.settle()
    made = {
        name: ground.one("SELECT indexdef FROM pg_indexes WHERE indexname = %s", name)
        for name in BEHIND_IT
    }
    spent: dict[tuple[bool, int], list[float]] = {}
    for turn in range(12):
        is_there = turn // 2 % 2 == 1
        for name, definition in made.items():
            ground.db.execute(f"DROP INDEX IF EXISTS {name}")
            if is_there:
                ground.db.execute(definition)
        ground.db.commit()
        ground.db.execute(
            "UPDATE member SET facts = jsonb_build_object('department', %s::text)"
            " WHERE workspace_id = %s",
            (("legal", "sales")[turn % 2], ground.workspace_id),
        )
        ground.db.execute(
            "INSERT INTO dirty_member (member_id, workspace_id, lane) SELECT id, %s, 1"
            " FROM unnest(%s::bigint[]) AS id",
            (ground.workspace_id, ids),
        )
        ground.db.commit()
        begin = time.perf_counter()
        ground.drain(lanes=(1,), seconds=600)
        spent.setdefault((is_there, turn % 2), []).append(time.perf_counter() - begin)
    ground.close()
    took = {each: sum(min(spent[each, way]) for way in (0, 1)) for each in (True, False)}
    ratio = took[True] / took[False]
    print(f"A drain of 4,000 people takes {ratio:.2f} times as long with the indexes as without.")


def main() -> None:
    with durable_database(max_wal_size="16GB") as engine:
        cost(engine)
        ground = Ground.new(engine)
        people, courses = build(ground)
        read = list(scans(ground, people, courses))
        print(f"Read from end to end: {', '.join(read) or 'nothing'}.")
        asyncio.run(measure(engine.url, ground.workspace_id, people, courses))
        ground.close()


if __name__ == "__main__":
    main()
