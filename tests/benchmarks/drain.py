"""What a drain costs beside the bare database: `python -m tests.benchmarks.drain`.

20,000 people of 30 attributes, 2,000 segments, every other one broad. About 950 at a time change
one to three attributes and are drained in batches of up to 200. Then the floor undoes what the
drain did, batch by batch: the same numbers of rows read, deleted, closed, opened and told, in five
set-based statements with parameters made beforehand, without rules, locks or markers to look for.
All are durable commits, in turn, in the same run. The engine drains with one pair of hands, which
waits for the database while it is not evaluating, and with two, as workers do for bulk work; the
floor is always one connection. What counts are the ratios of the sums.
"""

import gc
import itertools
import json
import random
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from psycopg.types.json import Jsonb

from models import journal
from sync_engine import drain, holds
from sync_engine.changes import by_segment
from sync_engine.holds import Case, Done
from sync_engine.plan import Plan
from sync_engine.rules import fold, to_json
from sync_engine.snapshot import array
from sync_engine.state import Connection, Rules
from tests.benchmarks.database import durable_database
from tests.benchmarks.rules import TODAY, broad, catalog, person, selective
from tests.ground import Ground, insert_segment, mark_members

PEOPLE = 20_000
SEGMENTS = 2_000
ROUNDS = 21
WARM_UP = 1_000

FLOOR_CLAIM = "DELETE FROM dirty_member WHERE member_id = ANY(%(ids)s::bigint[]) RETURNING cause"
FLOOR_READ = """
SELECT m.id, m.state, m.facts::text, ARRAY(
         SELECT segment_id FROM membership c WHERE c.member_id = m.id AND c.until IS NULL)
  FROM member m WHERE m.id = ANY(%(ids)s::bigint[])
"""
FLOOR_CLOSE = """
UPDATE membership m SET until = clock_timestamp()
  FROM unnest(%(closed_members)s::bigint[], %(closed_segments)s::integer[]) AS r(member, segment)
 WHERE m.segment_id = r.segment AND m.member_id = r.member AND m.until IS NULL
"""
FLOOR_OPEN = """
WITH change AS (
    INSERT INTO change_set (workspace_id, kind, causes, watermark, epoch, today,
                            examined, added, removed, suppressed, at)
    VALUES (%(workspace_id)s, 'people', '{}', 1, 1, now(), 1, 1, 1, 0, now()) RETURNING id
)
INSERT INTO membership (member_id, segment_id, since, opened_by_id)
SELECT a.member, a.segment, clock_timestamp(), change.id
  FROM change, unnest(%(opened_members)s::bigint[], %(opened_segments)s::integer[])
               AS a(member, segment)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of the engine did."""

    member_ids: list[int]
    plan: Plan


@dataclass(slots=True)
class Spent:
    hands: int = 1
    engine: float = 0.0
    floor: float = 0.0
    people: int = 0
    changes: int = 0
    batches: int = 0


def populate(ground: Ground, dice: random.Random) -> dict[int, dict[str, Any]]:
    """Rules and people with their first memberships; raw attributes by member id."""
    db, known = ground.db, catalog()
    db.execute("DELETE FROM attribute_definition")
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO attribute_definition VALUES (%s, %s, %s, %s)",
            [
                (ground.workspace_id, each.name, each.type.value, each.owner.value)
                for each in known.values()
            ],
        )
    for number in range(SEGMENTS):
        rule = broad(dice) if number % 2 else selective(dice)
        insert_segment(db, ground.workspace_id, rule, mark=False)
    crowd = [person(dice) for _ in range(PEOPLE)]
    with (
        db.cursor() as cursor,
        cursor.copy(
            "COPY member (workspace_id, user_name, display_name, state, facts) FROM STDIN"
        ) as copy,
    ):
        for number, raw in enumerate(crowd):
            facts = json.dumps(to_json(fold(raw, known)[0]))
            copy.write_row((ground.workspace_id, f"p{number}", f"p{number}", "ACTIVE", facts))
    ids = [id for (id,) in db.execute("SELECT id FROM member ORDER BY id")]
    mark_members(db, ground.workspace_id, ids, lane=1)
    db.commit()
    while ground.drain((1,), seconds=60).more:
        pass
    db.autocommit = True
    db.execute("VACUUM ANALYZE")
    db.autocommit = False
    return dict(zip(ids, crowd, strict=True))


def change(
    ground: Ground, crowd: dict[int, dict[str, Any]], ids: Iterable[int], dice: random.Random
) -> None:
    """Give each of these people one to three other values, and mark them."""
    known = catalog()
    ids = sorted(ids)
    for member_id in ids:
        raw, other = crowd[member_id], person(dice)
        for name in dice.sample(sorted(known), dice.randint(1, 3)):
            raw[name] = other.get(name)
    with ground.db.cursor() as cursor:
        cursor.executemany(
            "UPDATE member SET facts = %s WHERE id = %s",
            [(Jsonb(to_json(fold(crowd[id], known)[0])), id) for id in ids],
        )
    mark_members(ground.db, ground.workspace_id, ids, lane=1)
    ground.db.commit()


def drained(ground: Ground, rules: Rules, hands: int) -> tuple[float, list[Batch]]:
    """Seconds of a drain, and what its batches did."""
    batches: list[Batch] = []
    mine = threading.local()

    def claim(*arguments: Any) -> dict[int, Any]:
        mine.claimed = _claim(*arguments)
        found: dict[int, Any] = mine.claimed
        return found

    def write_plan(db: Connection, case: Case, plan: Plan) -> Done:
        batches.append(Batch(list(mine.claimed), plan))
        return holds.write_plan(db, case, plan)

    with patch("sync_engine.drain.claim", claim), patch("sync_engine.drain.write_plan", write_plan):
        begin = time.perf_counter()
        drain.drain(ground.engine, rules, lanes=(1,), seconds=600, hands=hands)
        return time.perf_counter() - begin, batches


_claim = drain.claim


def floor(ground: Ground, batches: list[Batch]) -> float:
    """Seconds the bare database takes to undo the batches."""
    mark_members(
        ground.db, ground.workspace_id, [id for each in batches for id in each.member_ids], lane=1
    )
    ground.db.commit()
    prepared = [floor_parameters(ground.workspace_id, each) for each in batches]
    begin = time.perf_counter()
    for parameters, entries in prepared:
        ground.db.execute(FLOOR_CLAIM, parameters).fetchall()
        ground.db.execute(FLOOR_READ, parameters).fetchall()
        ground.db.execute(FLOOR_CLOSE, parameters)
        ground.db.execute(FLOOR_OPEN, parameters)
        ground.db.execute(journal.APPEND, entries).fetchall()
        ground.db.commit()
    return time.perf_counter() - begin


def floor_parameters(workspace_id: int, batch: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
    undone = Plan(batch.plan.removed, batch.plan.added)
    told = {
        "verb": "membership.changed",
        "origin": "engine",
        "by_name": "floor",
        "detail": {"segments": by_segment(undone), "causes": []},
    }
    return {
        "workspace_id": workspace_id,
        "ids": array(batch.member_ids),
        "closed_members": array(member for member, _ in undone.removed),
        "closed_segments": array(segment for _, segment in undone.removed),
        "opened_members": array(member for member, _ in undone.added),
        "opened_segments": array(segment for _, segment in undone.added),
    }, journal.append_parameters(workspace_id, [told])


def rounds(ground: Ground) -> Iterator[Spent]:
    dice = random.Random(7)
    crowd = populate(ground, dice)
    rules = Rules()
    rules.warm(ground.engine)
    gc.collect()
    gc.freeze()
    ids = list(crowd)
    change(ground, crowd, ids[:WARM_UP], dice)
    floor(ground, drained(ground, rules, hands=2)[1])
    for number, hands in itertools.product(range(ROUNDS), (1, 2)):
        some = ids[number::ROUNDS]
        change(ground, crowd, some, dice)
        seconds, batches = drained(ground, rules, hands)
        changed = sum(len(each.plan.added) + len(each.plan.removed) for each in batches)
        undone = floor(ground, batches)
        mark_members(ground.db, ground.workspace_id, some, lane=1)
        ground.db.commit()
        drain.drain(ground.engine, rules, lanes=(1,), seconds=600)
        yield Spent(hands, seconds, undone, len(some), changed, len(batches))


def main() -> None:
    print(f"{'hands':>5}{'people':>8}{'batches':>9}{'changes':>9}", end="")
    print(f"{'engine µs':>11}{'floor µs':>10}{'ratio':>8}")
    totals = {1: Spent(1), 2: Spent(2)}
    with durable_database() as engine:
        ground = Ground.new(engine, today=TODAY)
        for each in rounds(ground):
            totals[each.hands] = sum_of(totals[each.hands], each)
        ground.close()
    for total in totals.values():
        show(total)


def sum_of(one: Spent, other: Spent) -> Spent:
    return Spent(
        one.hands,
        one.engine + other.engine,
        one.floor + other.floor,
        one.people + other.people,
        one.changes + other.changes,
        one.batches + other.batches,
    )


def show(spent: Spent) -> None:
    print(
        f"{spent.hands:>5}{spent.people:>8,}{spent.batches:>9}{spent.changes:>9,}"
        f"{spent.engine / spent.people * 1e6:>11.1f}{spent.floor / spent.people * 1e6:>10.1f}"
        f"{spent.engine / spent.floor:>8.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
