"""Bring people's memberships up to date: the transaction at the heart of the engine.

Pick the oldest marker, lock its block of people, claim markers by deleting them, and only then
read. The order is the proof (research: engine §2.3): a change that commits before the claim is
read; one that commits later finds its marker gone and leaves a new one. Everything that is tried
is refused at once rather than waited for, except the journal's number at the very end.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Engine

from sync_engine.blocks import Block, in_hands, outside, work_off
from sync_engine.chains import Once, chains_of
from sync_engine.changes import Run
from sync_engine.holds import Case, write_plan
from sync_engine.markers import BLOCK_BITS
from sync_engine.parking import Causes, settle_apart
from sync_engine.plan import Plan
from sync_engine.snapshot import Clock, plan_for_people, read_people
from sync_engine.state import Connection, OnCommit, Rules, quietly

BATCH: Final = 200
"""People a transaction. More is little faster, and an interactive change may wait that long."""

_OLDEST: Final = f"""
SELECT workspace_id, (member_id >> {BLOCK_BITS})::integer AS block
  FROM dirty_member d
 WHERE lane = %(lane)s AND workspace_id {{turn}} %(turn)s
   AND NOT EXISTS (
       SELECT FROM unnest(%(workspaces)s::integer[], %(blocks)s::integer[])
                   AS busy(workspace_id, block)
        WHERE busy.workspace_id = d.workspace_id AND busy.block = d.member_id >> {BLOCK_BITS})
 ORDER BY workspace_id, since LIMIT 1"""  # noqa: S608 - made of a constant of ours

PICK: Final = f"""
SELECT p.workspace_id, p.block, pg_try_advisory_xact_lock(p.workspace_id, p.block)
  FROM (({_OLDEST.format(turn=">")}) UNION ALL ({_OLDEST.format(turn="<=")}) LIMIT 1) AS p
"""  # noqa: S608 - made of constants of ours
"""Workspaces take turns within a lane: the oldest marker of the next one after `turn`, which had
the last turn. So nobody's bulk work waits for all of somebody else's (S15)."""

CLAIM: Final = """
WITH claimed AS (
    DELETE FROM dirty_member WHERE member_id = ANY (ARRAY(
        SELECT member_id FROM dirty_member
         WHERE workspace_id = %(workspace_id)s AND member_id BETWEEN %(first)s AND %(last)s
           AND lane <= %(lane)s
         ORDER BY lane, since LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
    RETURNING member_id, cause
), unparked AS (
    DELETE FROM parked_member WHERE member_id IN (SELECT member_id FROM claimed)
)
SELECT member_id, cause FROM claimed
"""


@dataclass(slots=True)
class Drained:
    """What a drain did. `more`: it ran out of time, not of work."""

    people: int = 0
    added: int = 0
    removed: int = 0
    more: bool = False


def drain(
    engine: Engine,
    rules: Rules,
    *,
    lanes: Collection[int],
    batch: int = BATCH,
    seconds: float = 5.0,
    on_commit: OnCommit = quietly,
    hands: int = 1,
) -> Drained:
    """Work off the markers of these lanes until none is left, or `seconds` are over.

    Markers of more urgent lanes in the same block go first, so an interactive change never waits
    for more than the batch under way. With two `hands`, each a thread with a connection, one
    evaluates while the other waits for the database; `on_commit` is then called from both.
    """
    work = partial(_work, engine, rules, lanes, batch=batch, seconds=seconds, on_commit=on_commit)
    done = in_hands(hands, work)
    return Drained(
        people=sum(each.people for each in done),
        added=sum(each.added for each in done),
        removed=sum(each.removed for each in done),
        more=any(each.more for each in done),
    )


def _work(
    engine: Engine,
    rules: Rules,
    lanes: Collection[int],
    *,
    batch: int,
    seconds: float,
    on_commit: OnCommit,
) -> Drained:
    """One pair of hands."""
    drained, lane = Drained(), max(lanes)
    run = partial(_run, lane=lane, batch=batch, drained=drained, on_commit=on_commit)
    drained.more = work_off(
        engine,
        rules,
        str(lane),
        partial(pick, lanes),
        run,
        seconds=seconds,
        on_commit=on_commit,
    )
    return drained


def pick(
    lanes: Collection[int], db: Connection, busy: Collection[Block], turn: int
) -> tuple[Block | None, bool]:
    """The block of the oldest marker of the most urgent lane that has any (`blocks.Pick`)."""
    given = {"turn": turn} | outside(busy)
    for lane in sorted(lanes):
        row = db.execute(PICK, given | {"lane": lane}).fetchone()
        if row is not None:
            return Block(row[0], row[1]), row[2]
    return None, False


def claim(db: Connection, block: Block, lane: int, batch: int) -> dict[int, uuid.UUID | None]:
    """Take up to `batch` markers of a block out of the table: member id → cause."""
    given = block.place | block.span | {"lane": lane, "batch": batch}
    return dict(db.execute(CLAIM, given).fetchall())


def _run(
    db: Connection,
    rules: Rules,
    block: Block,
    *,
    lane: int,
    batch: int,
    drained: Drained,
    on_commit: OnCommit,
) -> bool:
    """Claim markers of a block that is already locked, and work them off. False: all of them are
    in the hands of writers that have not committed yet."""
    causes = claim(db, block, lane, batch)
    if not causes:
        db.commit()
        return False
    settle = partial(_settle, db, rules, block, drained=drained, on_commit=on_commit)
    settle_apart(db, block.place, causes, settle)
    return True


def _settle(
    db: Connection,
    rules: Rules,
    block: Block,
    causes: Causes,
    *,
    drained: Drained,
    on_commit: OnCommit,
) -> None:
    """One transaction, whose markers are claimed, to its end."""
    workspace_id = block.workspace_id
    rows = read_people(db, workspace_id, causes.keys())
    if not rows:
        db.commit()
        return
    clock = Clock(*rows[0][:3])
    replan = partial(
        plan_for_people,
        rows,
        rules.of(db, workspace_id, clock.epoch),
        chains=Once(partial(chains_of, db, workspace_id, causes)),
    )
    plan, head = replan(), None
    if plan:
        because = frozenset(each for each in causes.values() if each is not None)
        run = Run(workspace_id, "people", clock, len(causes), because)
        states = {row[3]: row[4] for row in rows}
        plan, head = write_plan(db, Case(run, lambda pair: causes[pair[0]], replan, states), plan)
    db.commit()
    drained.people += len(causes)
    drained.added += len(plan.added)
    drained.removed += len(plan.removed)
    if head is not None:
        rules.touch(plan_segments(plan))
        on_commit(workspace_id, head)


def plan_segments(plan: Plan) -> set[int]:
    """The segments whose people a plan changes."""
    return {segment for _, segment in plan.added} | {segment for _, segment in plan.removed}
