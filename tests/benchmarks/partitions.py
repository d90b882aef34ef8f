"""What partitions of `membership` would gain and cost: `python -m tests.benchmarks.partitions`.

PARTITION_ROWS (10,000,000) intervals of a tenth as many people in 2,000 segments, three of four
ended, lie in one table, in 16 partitions by person, and in 16 by segment; one after the other, so
that two gigabytes of disk are enough. Asked of each is what the engine and readers ask: planning
and execution in milliseconds, the median of many, and the milliseconds of a batch that closes and
opens 200 intervals, durably. Also printed: how large the indexes of one table are, and how long
the largest takes to vacuum: what partitions are for.
"""

import os
import random
import statistics
import time
from collections.abc import Mapping
from typing import Any, Final

from sync_engine.snapshot import IN_SEGMENTS, array
from sync_engine.state import Connection
from tests.benchmarks.database import durable_database
from tests.ground import connect

ROWS: Final = int(os.environ.get("PARTITION_ROWS", "10000000"))
SEGMENTS: Final = 2_000
PARTITIONS: Final = 16
TIMES: Final = 25
EACH: Final = 10
"""Intervals of a person."""

PEOPLE: Final = ROWS // EACH

COLUMNS: Final = "(LIKE membership INCLUDING DEFAULTS)"
INDEXES: Final = (
    "ALTER TABLE {name} ADD PRIMARY KEY (member_id, segment_id, since)",
    "CREATE UNIQUE INDEX ON {name} (segment_id, member_id) INCLUDE (since) WHERE until IS NULL",
    "CREATE INDEX ON {name} (segment_id, until) WHERE until IS NOT NULL",
)
FILL: Final = """
INSERT INTO {name} (member_id, segment_id, since, until, opened_by_id)
SELECT p, 1 + (p * 7919 + n * 104729) %% %(segments)s,
       timestamptz '2026-01-01' + n * interval '1 h',
       CASE WHEN n %% 4 > 0 THEN timestamptz '2026-02-01' + n * interval '1 h' END, 1
  FROM generate_series(1, %(people)s::bigint) AS p, generate_series(1, %(each)s) AS n
"""
OF_PEOPLE: Final = """
SELECT i.id, ARRAY(SELECT c.segment_id FROM {name} c
                    WHERE c.member_id = i.id AND coalesce(c.until, 'infinity') = 'infinity')
  FROM unnest(%(ids)s::bigint[]) AS i(id)
"""
PAGE: Final = """
SELECT member_id FROM {name} WHERE segment_id = %(segment)s AND until IS NULL
   AND member_id > %(first)s ORDER BY member_id LIMIT 50
"""
COUNT: Final = "SELECT count(*) FROM {name} WHERE segment_id = %(segment)s AND until IS NULL"
OF_BLOCK: Final = IN_SEGMENTS.replace("FROM membership", "FROM {name}")
CLOSE: Final = """
UPDATE {name} m SET until = clock_timestamp()
  FROM unnest(%(ids)s::bigint[], %(those)s::integer[]) AS r(member, segment)
 WHERE m.segment_id = r.segment AND m.member_id = r.member AND m.until IS NULL
"""
OPEN: Final = """
INSERT INTO {name} (member_id, segment_id, since)
SELECT member, segment, clock_timestamp()
  FROM unnest(%(ids)s::bigint[], %(those)s::integer[]) AS r(member, segment)
"""
QUESTIONS: Final = {
    "segments of 200 people": OF_PEOPLE,
    "64 segments in a block": OF_BLOCK,
    "a page of a segment": PAGE,
    "people of a segment": COUNT,
}
SIZES: Final = """
SELECT sum(pg_indexes_size(c.oid)) / 1e6, max(pg_indexes_size(c.oid)) / 1e6,
       sum(pg_total_relation_size(c.oid)) / 1e6,
       (array_agg(c.relname ORDER BY pg_total_relation_size(c.oid) DESC))[1]
  FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE %(like)s
"""


def build(db: Connection, name: str, key: str | None) -> float:
    """Make and fill a table; seconds."""
    begin = time.perf_counter()
    if key is None:
        db.execute(f"CREATE TABLE {name} {COLUMNS}")
    else:
        db.execute(f"CREATE TABLE {name} {COLUMNS} PARTITION BY HASH ({key})")
        for number in range(PARTITIONS):
            db.execute(
                f"CREATE TABLE {name}_{number} PARTITION OF {name}"
                f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            )
    given = {"segments": SEGMENTS, "people": PEOPLE, "each": EACH}
    db.execute(FILL.format(name=name), given)
    for statement in INDEXES:
        db.execute(statement.format(name=name))
    db.commit()
    db.autocommit = True
    db.execute(f"VACUUM (ANALYZE) {name}")
    db.autocommit = False
    return time.perf_counter() - begin


def asked(dice: random.Random) -> dict[str, Any]:
    first = dice.randrange(max(1, PEOPLE - 4_096))
    return {
        "ids": array(sorted(dice.sample(range(1, PEOPLE + 1), 200))),
        "segments": array(dice.sample(range(1, SEGMENTS + 1), 64)),
        "segment": dice.randint(1, SEGMENTS),
        "first": first,
        "last": first + 4_095,
    }


def explained(db: Connection, statement: str, given: Mapping[str, Any]) -> tuple[float, float]:
    """Milliseconds of planning, and of execution."""
    [(plan,)] = db.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", given)
    db.rollback()
    return float(plan[0]["Planning Time"]), float(plan[0]["Execution Time"])


def batch(db: Connection, name: str, dice: random.Random) -> float:
    """Milliseconds of closing a current interval of each of 200 people, and opening it again."""
    given = asked(dice)
    rows = db.execute(OF_PEOPLE.format(name=name), given).fetchall()
    pairs = [(id, segments[0]) for id, segments in rows if segments]
    those = {"ids": array(id for id, _ in pairs), "those": array(each for _, each in pairs)}
    begin = time.perf_counter()
    db.execute(CLOSE.format(name=name), those)
    db.execute(OPEN.format(name=name), those)
    db.commit()
    return 1e3 * (time.perf_counter() - begin)


def measure(db: Connection, title: str, name: str, key: str | None) -> None:
    seconds = build(db, name, key)
    dice = random.Random(3)
    print(f"\n{title}: made in {seconds:.0f} s")
    for question, statement in QUESTIONS.items():
        some = [explained(db, statement.format(name=name), asked(dice)) for _ in range(TIMES)]
        planned = statistics.median(each for each, _ in some)
        executed = statistics.median(each for _, each in some)
        print(f"{question:>26}: planning {planned:7.2f} ms, execution {executed:8.2f} ms")
    written = statistics.median(batch(db, name, dice) for _ in range(TIMES))
    [(indexes, largest, total, table)] = db.execute(SIZES, {"like": f"{name}%"})
    db.commit()
    db.autocommit = True
    begin = time.perf_counter()
    db.execute(f"VACUUM (INDEX_CLEANUP ON) {table}")
    vacuumed = time.perf_counter() - begin
    db.execute(f"DROP TABLE {name}")
    db.execute("CHECKPOINT")
    db.autocommit = False
    print(f"{'a batch of 200':>26}: {written:.2f} ms")
    print(
        f"{'size':>26}: {total:,.0f} MB, indexes {indexes:,.0f} MB, of one table {largest:,.0f} MB;"
        f" its vacuum {vacuumed:.1f} s",
        flush=True,
    )


def main() -> None:
    print(f"{ROWS:,} intervals of {PEOPLE:,} people in {SEGMENTS:,} segments.")
    with durable_database() as engine, connect(engine) as db:
        measure(db, "One table", "plain", None)
        measure(db, f"{PARTITIONS} partitions by person", "by_person", "member_id")
        measure(db, f"{PARTITIONS} partitions by segment", "by_segment", "segment_id")


if __name__ == "__main__":
    main()
