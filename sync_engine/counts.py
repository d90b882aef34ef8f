"""Member counts for displays: counted after the fact, never while the engine holds a block.

A count inside the drain would make it wait for whoever edits the segment, and writers who name
people hold a segment's row while they wait for the engine's markers: a deadlock. So each process
remembers which segments it changed and counts them a moment later; `counted_at` says how old a
number is. A process that dies forgets; `recount_all` makes up for it.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from sync_engine.snapshot import array
from sync_engine.state import Connection, Rules, connection_to

SEGMENTS_A_PASS: Final = 50

RESTS: Final = 19
"""So many times as long as counting took, nothing is counted: one twentieth of the time goes into
what only displays show."""

COUNT: Final = """
SELECT s.id, statement_timestamp(),
       (SELECT count(*) FROM membership m WHERE m.segment_id = s.id AND m.until IS NULL)
  FROM unnest(%(segments)s::integer[]) AS s(id)
"""

STORE: Final = """
UPDATE segment SET member_count = c.members, counted_at = c.at
  FROM (SELECT s.id, n.members, n.at
          FROM unnest(%(segments)s::integer[], %(members)s::integer[], %(moments)s::timestamptz[])
                      AS n(id, members, at)
          JOIN segment s ON s.id = n.id AND s.counted_at < n.at
         ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED) AS c
 WHERE segment.id = c.id
RETURNING segment.id
"""

ALL: Final = "SELECT id FROM segment WHERE deleted_at IS NULL ORDER BY counted_at, id"


@dataclass(slots=True)
class Counting:
    """How a process counts beside its work: after each time it rests, much longer than that took.
    During a large import nothing would be left for the import otherwise."""

    rests_until: float = 0.0

    def recount(self, engine: Engine, rules: Rules) -> int:
        """`recount`, unless it rests."""
        begin = time.monotonic()
        if begin < self.rests_until:
            return 0
        counted = recount(engine, rules)
        now = time.monotonic()
        self.rests_until = now + RESTS * (now - begin)
        return counted


def recount(engine: Engine, rules: Rules, *, at_most: int = 200) -> int:
    """Count the segments that this process changed since it last counted them; how many.

    A segment that somebody is editing is tried again the next time.
    """
    with connection_to(engine) as db:
        waiting = rules.take_touched(at_most)
        stored = _count(db, waiting)
    rules.touch(set(waiting) - stored)
    return len(stored)


def recount_all(engine: Engine) -> int:
    """Count every segment anew, a few at a time; how many."""
    with connection_to(engine) as db:
        ids = [row[0] for row in db.execute(ALL)]
        db.rollback()
        return sum(
            len(_count(db, ids[start : start + SEGMENTS_A_PASS]))
            for start in range(0, len(ids), SEGMENTS_A_PASS)
        )


def _count(db: Connection, segment_ids: Collection[int]) -> set[int]:
    """The segments whose count is stored now. Counting holds no lock; storing waits for nobody."""
    if not segment_ids:
        return set()
    rows = db.execute(COUNT, {"segments": array(segment_ids)}).fetchall()
    db.commit()
    stored = db.execute(
        STORE,
        {
            "segments": array(id for id, _, _ in rows),
            "members": array(members for _, _, members in rows),
            "moments": [at for _, at, _ in rows],
        },
    ).fetchall()
    db.commit()
    return {id for (id,) in stored}
