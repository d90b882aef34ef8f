"""Single changes while a bulk drain runs: `python -m tests.benchmarks.interactive`.

25 changes a second are made to every twentieth person, first alone, then while an import keeps
moving everybody else, in the same blocks of people, faster than the bulk lane can be drained. The
99th percentile from commit to commit, as a multiple of that without the import. Aim: at most 8 ×.
"""

import threading
from dataclasses import dataclass, field
from typing import Final

from sync_engine.state import Connection
from tests.benchmarks.reaction import PEOPLE, Spread, Stage, department, stage
from tests.ground import lock_members, mark_members

RATE: Final = 25.0
SECONDS: Final = 12.0
CHUNK: Final = 1_000
BACKLOG: Final = 4_000
"""Bulk markers above which the import waits, as `Retry-After` would make it."""

AIM: Final = 8.0

IMPORT: Final = """
UPDATE member SET attributes = n.attributes, facts = n.facts, revision = revision + 1
  FROM unnest(%(ids)s::bigint[], %(attributes)s::jsonb[], %(facts)s::jsonb[])
              AS n(id, attributes, facts)
 WHERE member.id = n.id
"""


@dataclass
class Import:
    """Keeps the bulk lane full from a connection of its own, until told to stop."""

    here: Stage
    others: list[int]
    moved: int = 0
    fewest_waiting: int = PEOPLE
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="import")
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last people are moved."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        db = self.here.ground.connection()
        turn = 0
        while not self._stop.is_set():
            waiting = self._waiting(db)
            if self.moved >= BACKLOG:
                self.fewest_waiting = min(self.fewest_waiting, waiting)
            if waiting > BACKLOG:
                self._stop.wait(0.02)
                continue
            start = turn * CHUNK % len(self.others)
            self._move(db, self.others[start : start + CHUNK])
            turn += 1

    def _waiting(self, db: Connection) -> int:
        [(waiting,)] = db.execute("SELECT count(*) FROM dirty_member WHERE lane = 1")
        db.rollback()
        return int(waiting)

    def _move(self, db: Connection, numbers: list[int]) -> None:
        here = self.here
        ids = [here.ids[number] for number in numbers]
        lock_members(db, ids)
        for number in numbers:
            here.at[number] += 1
        attributes = [f'{{"department": "{department(here.at[n])}"}}' for n in numbers]
        db.execute(
            IMPORT,
            {"ids": ids, "attributes": attributes, "facts": [each.lower() for each in attributes]},
        )
        mark_members(db, here.ground.workspace_id, ids, lane=1)
        db.commit()
        self.moved += len(ids)


def main() -> None:
    among = range(0, PEOPLE, 20)
    others = [number for number in range(PEOPLE) if number % 20]
    with stage() as here:
        here.react(rate=RATE, seconds=2.0, among=among)
        alone = here.react(rate=RATE, seconds=SECONDS, among=among)
        show("alone", alone)
        bulk = Import(here, others)
        bulk.start()
        try:
            beside = here.react(rate=RATE, seconds=SECONDS, among=among, rest=bulk.stop)
        finally:
            bulk.stop()
        show("beside the import", beside)
    print(f"The import moved {bulk.moved:,} people; never fewer than {bulk.fewest_waiting} waited.")
    print(
        f"Beside a bulk drain the p99 is {beside.p99 / alone.p99:.1f} × (aim ≤ {AIM:.0f}), "
        f"the p50 {beside.p50 / alone.p50:.1f} × of what it is alone."
    )


def show(what: str, spread: Spread) -> None:
    print(
        f"{what:>18}: {len(spread.samples)} changes, p50 {spread.p50:.2f} ms, "
        f"p99 {spread.p99:.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
