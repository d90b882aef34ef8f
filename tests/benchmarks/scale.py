"""A large company from beginning to end: `python -m tests.benchmarks.scale`, `make bench-scale`.

First load, nightly deliveries with 0, 1, 10 and 100 % changed, a reorganization of 20,000 people,
edits of a rule over all, and attaching a segment with everybody; worked off by real worker
processes (`now`, `later`). After each, the floor does the same to a copy of the memberships: facts
read, intervals closed and opened, 4,096 people a commit, set-based and with parameters made
beforehand, without rules, markers, locks or journal. The ratio is seconds until the workers are at
rest by seconds of the floor. A delivery's own floor is reading the file, and the same updates.

Meanwhile one person at a time is changed, ten times a second: the 99th percentile from commit to
commit, as a multiple of that while nothing else is done. Peak memory is of each worker process.

SCALE_MEMBERS=100000,1000000 SCALE_SEGMENTS=1000,10000 SCALE_COURSES=5000 say how large; the
database is made anew for each size and deleted at the end.
"""

import asyncio
import contextlib
import datetime as dt
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.embedded import EmbeddedRedis
from sync_engine.bell import REBUILD_SEGMENTS, Bell
from sync_engine.snapshot import array
from tests.benchmarks.attach import attach
from tests.benchmarks.database import durable_database
from tests.benchmarks.reaction import Spread
from tests.benchmarks.scale_company import Company, Size, delivered, mark, sizes, write_facts
from tests.forking import Child
from tests.ground import Document, Ground
from tests.workers import Workers

MOVED: Final = 20_000
A_COMMIT: Final = 4_096
PATIENCE: Final = 3_600.0
RATE: Final = 10.0
IDLE_SECONDS: Final = 15.0

COPY: Final = "CREATE TABLE floor_membership (LIKE membership INCLUDING ALL)"
NET: Final = """
SELECT member_id, segment_id, true FROM membership WHERE opened_by_id > %(after)s AND until IS NULL
UNION ALL
SELECT member_id, segment_id, false FROM membership
 WHERE closed_by_id > %(after)s AND coalesce(opened_by_id, 0) <= %(after)s
 ORDER BY 1
"""
READ: Final = "SELECT id, state, facts::text FROM member WHERE id = ANY(%(ids)s::bigint[])"
CLOSE: Final = """
UPDATE floor_membership f SET until = clock_timestamp(), closed_by_id = 1
  FROM unnest(%(closed_members)s::bigint[], %(closed_segments)s::integer[]) AS r(member, segment)
 WHERE f.segment_id = r.segment AND f.member_id = r.member AND f.until IS NULL
"""
OPEN: Final = """
INSERT INTO floor_membership (member_id, segment_id, since, opened_by_id)
SELECT member, segment, clock_timestamp(), 1
  FROM unnest(%(opened_members)s::bigint[], %(opened_segments)s::integer[]) AS r(member, segment)
"""
BUSY: Final = """
SELECT EXISTS (SELECT FROM dirty_member WHERE lane = 1) OR EXISTS (SELECT FROM dirty_segment)
"""
REACTIONS: Final = """
SELECT causes.cause, extract(epoch FROM pg_xact_commit_timestamp(j.xmin))
  FROM journal_entry j, jsonb_array_elements_text(j.detail->'causes') AS causes(cause)
 WHERE j.workspace_id = %s AND j.seq > %s AND j.verb = 'membership.changed'
"""


@dataclass
class Single:
    """Changes one person after the other from a thread of its own, until told to stop."""

    company: Company
    bell: Bell
    begun: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._after = int(self.company.ground.one("SELECT head FROM workspace_stream"))
        self._thread = threading.Thread(target=self._run, name="single")
        self._thread.start()

    def stop(self) -> Spread:
        """Of every change, from before its commit to the commit of what it caused."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        ground = self.company.ground
        until = time.monotonic() + 60
        while ground.one("SELECT EXISTS (SELECT FROM dirty_member)"):
            if time.monotonic() > until:
                raise TimeoutError("Single changes were not worked off.")
            time.sleep(0.05)
        found = dict(ground.rows(REACTIONS, ground.workspace_id, self._after))
        return Spread.of([float(found[each]) - at for each, at in self.begun.items()])

    def _run(self) -> None:
        ground, numbers = self.company.ground, self.company.interactive()
        db = ground.connection()
        workspace_id = ground.workspace_id
        while not self._stop.wait(1 / RATE):
            turns = next(self.company.turns)
            number = numbers[turns % len(numbers)]
            team = ("one", "other")[turns // len(numbers) % 2]
            id = self.company.ids[number]
            write_facts(db, [id], [{"team": team}])
            mark(db, workspace_id, [id], 0)
            [(cause,)] = db.execute(
                "UPDATE dirty_member SET cause = gen_random_uuid() WHERE member_id = %s"
                " RETURNING cause::text",
                (id,),
            )
            self.begun[cause] = time.time()
            db.commit()
            self.bell.tell(lanes=(0,))


@dataclass(frozen=True, slots=True)
class Phase:
    """Seconds of the engine and of the floor, memberships changed, and single changes beside."""

    name: str
    engine: float
    floor: float
    changes: int
    beside: Spread | None = None

    def line(self, idle: Spread | None) -> str:
        p99 = "" if self.beside is None else f"{self.beside.p99:>9.0f}"
        if self.beside is not None and idle is not None:
            p99 += f"{self.beside.p99 / idle.p99:>8.1f}"
        return (
            f"{self.name:>26}{self.changes:>12,}{self.engine:>10.2f}{self.floor:>10.2f}"
            f"{self.engine / max(self.floor, 1e-9):>8.1f}{p99}"
        )


HEAD: Final = (
    f"{'':>26}{'changes':>12}{'engine s':>10}{'floor s':>10}{'ratio':>8}{'p99 ms':>9}{'idle ×':>8}"
)


@dataclass
class Scene:
    """A company, the workers that serve it, and where deliveries lie."""

    company: Company
    home: Path
    bell: Bell
    idle: Spread | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def ground(self) -> Ground:
        return self.company.ground

    def rest(self) -> None:
        """Wait until no bulk work is left."""
        until = time.monotonic() + PATIENCE
        while self.ground.one(BUSY):
            if time.monotonic() > until:
                raise TimeoutError("The workers did not come to rest.")
            time.sleep(0.02)

    def phase(
        self,
        name: str,
        change: Callable[[], object],
        *,
        floor: Callable[[], float] = lambda: 0.0,
        reads: list[int] | None = None,
        singles: bool = True,
    ) -> None:
        """Make a change, wait until it is worked off, and do the same on the floor."""
        after = int(self.ground.one("SELECT coalesce(max(id), 0) FROM change_set"))
        single = Single(self.company, self.bell)
        if singles:
            single.start()
        begin = time.perf_counter()
        change()
        self.bell.tell(lanes=(1,), wakes=(REBUILD_SEGMENTS,))
        self.rest()
        seconds = time.perf_counter() - begin
        beside = single.stop() if singles else None
        changes, floored = self.replay(after)
        floored += self.read(reads or []) + floor()
        self.say(Phase(name, seconds, floored, changes, beside).line(self.idle))

    def say(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)

    def read(self, ids: list[int]) -> float:
        """Seconds of reading the facts of these people."""
        begin = time.perf_counter()
        for start in range(0, len(ids), A_COMMIT):
            some = {"ids": array(ids[start : start + A_COMMIT])}
            self.ground.db.execute(READ, some).fetchall()
            self.ground.db.rollback()
        return time.perf_counter() - begin

    def replay(self, after: int) -> tuple[int, float]:
        """Memberships changed by change sets `after`, and seconds of doing so to the copy."""
        changes, spent = 0, 0.0
        db = self.ground.db
        for pairs in self._net(after):
            given = {
                "closed_members": array(member for member, _, is_open in pairs if not is_open),
                "closed_segments": array(segment for _, segment, is_open in pairs if not is_open),
                "opened_members": array(member for member, _, is_open in pairs if is_open),
                "opened_segments": array(segment for _, segment, is_open in pairs if is_open),
            }
            begin = time.perf_counter()
            db.execute(CLOSE, given)
            db.execute(OPEN, given)
            db.commit()
            spent += time.perf_counter() - begin
            changes += len(pairs)
        return changes, spent

    def _net(self, after: int) -> Iterator[list[tuple[int, int, bool]]]:
        """What differs from before, the pairs of up to 4,096 people at a time."""
        with (
            contextlib.closing(self.ground.connection()) as db,
            db.cursor(name="net") as cursor,
        ):
            cursor.itersize = 20_000
            cursor.execute(NET, {"after": after})
            some: list[tuple[int, int, bool]] = []
            people, last = 0, None
            for pair in cursor:
                people += pair[0] != last
                last = pair[0]
                if people > A_COMMIT:
                    yield some
                    some, people = [], 1
                some.append(pair)
            if some:
                yield some


def load(scene: Scene) -> None:
    company = scene.company

    def change() -> None:
        db = company.ground.db
        for start in range(0, len(company.ids), 50_000):
            mark(db, company.ground.workspace_id, company.ids[start : start + 50_000], 1)
            db.commit()

    scene.phase("first load", change, reads=company.ids, singles=False)
    db = company.ground.db
    db.autocommit = True
    db.execute("VACUUM (ANALYZE) member")
    db.execute("VACUUM (ANALYZE) membership")
    db.execute("VACUUM (ANALYZE) floor_membership")
    db.autocommit = False


def deliver(scene: Scene, percent: int) -> None:
    """A nightly delivery. Its floor reads the file, and makes the same updates."""
    company, file = scene.company, scene.home / "delivery.jsonl"
    company.deliver(percent, file)
    differing: list[int] = []
    begin = time.perf_counter()
    for _ in delivered(file):
        pass
    reading = time.perf_counter() - begin
    scene.phase(
        f"delivery, {percent} % changed",
        lambda: differing.extend(company.take_over(file)),
        floor=lambda: reading + scene.read(differing) + update(scene, differing),
    )
    file.unlink()


def update(scene: Scene, ids: list[int]) -> float:
    """Seconds of updating these people, without markers: what they are becomes what they are."""
    begin = time.perf_counter()
    for start in range(0, len(ids), A_COMMIT):
        scene.ground.db.execute(
            "UPDATE member SET facts = facts || '{}', revision = revision + 1"
            " WHERE id = ANY(%s::bigint[])",
            (array(ids[start : start + A_COMMIT]),),
        )
        scene.ground.db.commit()
    return time.perf_counter() - begin


def reorganize(scene: Scene) -> None:
    """So many people, all over the company, change."""
    company = scene.company
    left_out = set(company.interactive())
    step = max(1, company.size.members // MOVED)
    numbers = [each for each in range(1, company.size.members, step) if each not in left_out]
    ids = [company.ids[number] for number in numbers]

    def change() -> None:
        for start in range(0, len(numbers), 1_000):
            some = numbers[start : start + 1_000]
            for number in some:
                company.changed[number] = (company.changed[number] + 1) % 250
            company.write({company.ids[each]: json.loads(company.facts(each)) for each in some})

    scene.phase(
        f"reorganization of {len(ids):,}",
        change,
        reads=ids,
        floor=lambda: update(scene, ids),
    )


def edit(scene: Scene, name: str, rule: Document, where: str) -> None:
    """Another rule for a segment; its floor asks SQL who satisfies a condition like it."""
    company = scene.company

    def asked() -> float:
        begin = time.perf_counter()
        scene.ground.rows(f"SELECT id FROM member WHERE {where}")
        return time.perf_counter() - begin

    scene.phase(name, lambda: company.ground.edit(company.segments[2], rule=rule), floor=asked)


def attach_everybody(scene: Scene) -> None:
    """Attaching is one row, however many people it concerns."""
    ground = scene.ground
    course = ground.course()
    url = ground.engine.url
    seconds = asyncio.run(attach(url, ground.workspace_id, course, scene.company.everyone))
    people = ground.one("SELECT count(*) FROM course_coordinator WHERE course_id = %s", course)
    begin = time.perf_counter()
    ground.db.execute(
        "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
        " VALUES (%s, %s, %s, 2)",
        (course, scene.company.segments[0], ground.workspace_id),
    )
    ground.db.commit()
    floor = time.perf_counter() - begin
    scene.say(Phase("attach everybody", seconds, floor, int(people)).line(None))


def peak(process: Child) -> float:
    """The most memory a process has used, in MB."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def scene_of(size: Size) -> Iterator[tuple[Scene, dict[str, Child]]]:
    home = Path(tempfile.mkdtemp(prefix="coordinator-scale-"))
    home.chmod(0o755)
    try:
        with (
            durable_database(track_commit_timestamp="on") as engine,
            EmbeddedRedis(home / "redis") as redis,
            contextlib.closing(Ground.new(engine, today=dt.datetime.now(dt.UTC).date())) as ground,
        ):
            company = Company(ground, size)
            begin = time.perf_counter()
            company.populate()
            ground.db.execute(COPY)
            ground.db.commit()
            print(f"Written in {time.perf_counter() - begin:.0f} s.", flush=True)
            url = engine.url.render_as_string(hide_password=False)
            with Workers(url, redis.url(), home) as workers:
                processes = {queue: workers.begin(queue) for queue in ("now", "later")}
                for process in processes.values():
                    workers.wait_until_ready(process)
                yield Scene(company, home, Bell(redis.url())), processes
    finally:
        shutil.rmtree(home, ignore_errors=True)


def play(size: Size) -> None:
    print(f"\n{size.members:,} people, {size.segments:,} segments, {size.courses:,} courses.")
    with scene_of(size) as (scene, processes):
        print(HEAD)
        load(scene)
        single = Single(scene.company, scene.bell)
        single.start()
        time.sleep(IDLE_SECONDS)
        scene.idle = single.stop()
        print(
            f"{'single changes alone':>26}: p50 {scene.idle.p50:.1f} ms, p99 {scene.idle.p99:.1f}"
        )
        for percent in (0, 1, 10):
            deliver(scene, percent)
        reorganize(scene)
        first: Document = {"attr": "text1", "op": "eq", "value": "value 20"}
        second = {"attr": "text1", "op": "eq", "value": "value 24"}
        wide: Document = {"attr": "level", "op": "ge", "value": 5}
        text1 = "facts->>'text1' IN ('value 20', 'value 24')"
        edit(scene, "edit to a narrow rule", first, text1)
        edit(scene, "narrow to narrow", second, text1)
        few: list[Document] = [
            {"all": [first, {"attr": "text2", "op": "eq", "value": f"value {number}"}]}
            for number in (7, 8)
        ]
        rare = "facts->>'text1' = 'value 20' AND facts->>'text2' = 'value 8'"
        edit(scene, "narrow to rare", few[0], text1)
        edit(scene, "rare to rare", few[1], rare)
        edit(scene, "rare to half of all", wide, "(facts->>'level')::numeric >= 5")
        attach_everybody(scene)
        deliver(scene, 100)
        for queue, process in processes.items():
            scene.say(f"Peak memory of the worker of {queue}: {peak(process):.0f} MB")


def main() -> None:
    for size in sizes():
        play(size)


if __name__ == "__main__":
    main()
