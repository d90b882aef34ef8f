"""How long a committed change takes until the coordinators it makes are committed too.

The stage of the benchmarks `latency` and `interactive`: a durable PostgreSQL, a Redis, a worker
process for each queue, 10,000 people in 1,000 departments, a segment for each department, and
each segment attached to one of 100 courses. Changes are made by the product's own operations
through its own edge and bell.

Both ends are read from the database: PostgreSQL's time of the commit of the change, and of the
commit of the engine's entry that names it as a cause. So nobody who watches adds to the load.
"""

import asyncio
import contextlib
import datetime as dt
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from access.caller import system
from app.embedded import EmbeddedRedis
from models import journal
from operations import people
from operations.edge import Edge
from sync_engine.bell import Bell
from sync_engine.state import Connection
from tests.benchmarks.database import durable_database
from tests.ground import Ground, fold, insert_segment, mark_members
from tests.workers import Workers

PEOPLE: Final = 10_000
SEGMENTS: Final = 1_000
SEGMENTS_A_COURSE: Final = 10

MOVE: Final = """
UPDATE member SET attributes = %(attributes)s, facts = %(facts)s, revision = revision + 1
 WHERE id = %(member)s
"""
CLOSE: Final = """
UPDATE membership SET until = clock_timestamp()
 WHERE member_id = %(member)s AND segment_id = %(old)s AND until IS NULL
"""
OPEN: Final = """
INSERT INTO membership (member_id, segment_id, since)
VALUES (%(member)s, %(new)s, clock_timestamp())
"""
MINIMAL: Final = (MOVE, CLOSE, OPEN)
"""The least that must be written for one change, without engine, marker, lock or message; the
journal entry follows."""

COMMITS: Final = """
SELECT verb, cause::text, detail->'causes', extract(epoch FROM pg_xact_commit_timestamp(xmin))
  FROM journal_entry
 WHERE workspace_id = %s AND seq > %s AND verb IN ('member.changed', 'membership.changed')
"""

WRONG: Final = """
SELECT count(*) FROM (
    SELECT m.id, s.id FROM member m JOIN segment s ON s.rule->>'value' = m.attributes->>'department'
    EXCEPT SELECT member_id, segment_id FROM membership WHERE until IS NULL
  UNION ALL
    (SELECT member_id, segment_id FROM membership WHERE until IS NULL
     EXCEPT SELECT m.id, s.id FROM member m
              JOIN segment s ON s.rule->>'value' = m.attributes->>'department')) AS wrong
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds of many samples, in order."""

    samples: tuple[float, ...]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        return cls(tuple(sorted(1_000 * each for each in seconds)))

    @property
    def p50(self) -> float:
        return self.samples[len(self.samples) // 2]

    @property
    def p99(self) -> float:
        return self.samples[min(len(self.samples) - 1, int(len(self.samples) * 0.99))]


def department(number: int) -> str:
    return f"Department {number % SEGMENTS}"


@dataclass
class Stage:
    """People are numbered from 0; number n starts in department n % SEGMENTS."""

    ground: Ground
    database_url: str
    redis_url: str
    ids: list[int]
    segments: list[int]
    at: list[int]

    def react(
        self,
        *,
        rate: float,
        seconds: float,
        among: Sequence[int],
        rest: Callable[[], None] = lambda: None,
    ) -> Spread:
        """Move these people to their next departments, one after the other, `rate` a second;
        from commit to commit. `rest` is called before it is waited for what is left."""
        before = self._head()
        asyncio.run(self._change(rate, int(rate * seconds), among))
        rest()
        self.settle()
        return Spread.of(self._delays(before, int(rate * seconds)))

    async def _change(self, rate: float, count: int, among: Sequence[int]) -> None:
        """Each change begins when it is due, whether or not the one before has ended."""
        engine = create_async_engine(self.database_url, pool_size=16)
        bell = Bell(self.redis_url)
        edge = Edge(async_sessionmaker(engine, expire_on_commit=False), bell.ring)
        async with edge.read() as db:
            catalog = await people.catalog_of(db, self.ground.workspace_id)

        async def move(number: int) -> None:
            async with edge.transaction() as db:
                [member] = await people.lock(db, self.ground.workspace_id, [self.ids[number]])
                await people.write_attributes(
                    db,
                    by=system(self.ground.workspace_id),
                    member=member,
                    changes={"department": department(self.at[number])},
                    catalog=catalog,
                )

        loop = asyncio.get_running_loop()
        begin = loop.time()
        async with asyncio.TaskGroup() as moves:
            for turn in range(count):
                await asyncio.sleep(max(0.0, begin + turn / rate - loop.time()))
                number = among[turn % len(among)]
                self.at[number] += 1
                moves.create_task(move(number))
        await engine.dispose()

    def minimal(
        self, times: int, among: Sequence[int], *, rate: float | None = None
    ) -> list[float]:
        """Seconds of minimal transactions, each moving one of these people on; one after the
        other, or `rate` of them a second."""
        spent = []
        for turn in range(times):
            if rate is not None:
                time.sleep(1 / rate)
            number = among[turn % len(among)]
            old, self.at[number] = self.at[number], self.at[number] + 1
            attributes = {"department": department(self.at[number])}
            parameters = {
                "member": self.ids[number],
                "attributes": json.dumps(attributes),
                "facts": json.dumps(fold(attributes)[0]),
                "old": self.segments[old % SEGMENTS],
                "new": self.segments[self.at[number] % SEGMENTS],
            }
            entry = journal.entry(
                system(self.ground.workspace_id), "floor.measured", cause=uuid.uuid4()
            )
            appended = journal.append_parameters(self.ground.workspace_id, [entry])
            begin = time.perf_counter()
            for statement in MINIMAL:
                self.ground.db.execute(statement, parameters)
            self.ground.db.execute(journal.APPEND, appended)
            self.ground.db.commit()
            spent.append(time.perf_counter() - begin)
        return spent

    def settle(self, patience: float = 60.0) -> None:
        """Wait until the workers have nothing left to do; somebody in a wrong place is an error."""
        until = time.monotonic() + patience
        while self.ground.waiting():
            if time.monotonic() > until:
                raise TimeoutError("The workers did not come to rest.")
            time.sleep(0.02)
        wrong = self.ground.one(WRONG)
        if wrong:
            raise AssertionError(f"{wrong} memberships are wrong.")

    def _head(self) -> int:
        return int(self.ground.one("SELECT head FROM workspace_stream"))

    def _delays(self, after: int, expected: int) -> list[float]:
        """Seconds between the commit of each change and of what it caused."""
        changed: dict[str, float] = {}
        reconciled: dict[str, float] = {}
        for verb, cause, causes, moment in self.ground.rows(
            COMMITS, self.ground.workspace_id, after
        ):
            if verb == "member.changed":
                changed[cause] = float(moment)
            else:
                reconciled.update(dict.fromkeys(causes, float(moment)))
        delays = [reconciled[cause] - changed[cause] for cause in changed if cause in reconciled]
        if len(delays) != expected:
            raise AssertionError(f"{expected} changes were made and {len(delays)} were reconciled.")
        return delays


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Everything in place, workers running and at rest. Says how busy the machine is, because
    whoever waits for a core measures that."""
    busy, cores = os.getloadavg()[0], os.cpu_count()
    print(f"Load average {busy:.1f} on {cores} cores before the start.", flush=True)
    home = Path(tempfile.mkdtemp(prefix="coordinator-bench-"))
    home.chmod(0o755)
    try:
        with (
            durable_database(track_commit_timestamp="on") as engine,
            EmbeddedRedis(home / "redis") as redis,
            contextlib.closing(Ground.new(engine, today=dt.datetime.now(dt.UTC).date())) as ground,
        ):
            url = engine.url.render_as_string(hide_password=False)
            made = _populate(ground, url, redis.url())
            with Workers(url, redis.url(), home) as workers:
                for process in [workers.begin("now"), workers.begin("later")]:
                    workers.wait_until_ready(process)
                yield made
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _populate(ground: Ground, database_url: str, redis_url: str) -> Stage:
    db = ground.db
    segments = [
        insert_segment(
            db,
            ground.workspace_id,
            {"attr": "department", "op": "eq", "value": department(number)},
            mark=False,
        )
        for number in range(SEGMENTS)
    ]
    for first in range(0, SEGMENTS, SEGMENTS_A_COURSE):
        ground.course(*segments[first : first + SEGMENTS_A_COURSE])
    ids = _copy_people(db, ground.workspace_id)
    mark_members(db, ground.workspace_id, ids, lane=1)
    db.commit()
    while ground.drain((1,), seconds=60).more:
        pass
    db.autocommit = True
    db.execute("VACUUM ANALYZE")
    db.autocommit = False
    return Stage(ground, database_url, redis_url, ids, segments, list(range(PEOPLE)))


def _copy_people(db: Connection, workspace_id: int) -> list[int]:
    columns = "workspace_id, user_name, display_name, state, attributes, facts"
    with db.cursor() as cursor, cursor.copy(f"COPY member ({columns}) FROM STDIN") as copy:
        for number in range(PEOPLE):
            attributes: dict[str, Any] = {"department": department(number)}
            name = f"person-{number}"
            facts = json.dumps(fold(attributes)[0])
            copy.write_row((workspace_id, name, name, "ACTIVE", json.dumps(attributes), facts))
    return [id for (id,) in db.execute("SELECT id FROM member ORDER BY id")]
