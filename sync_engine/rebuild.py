"""Bring segments up to date: first a marker for every block, then a stretch of blocks at a time.

Expansion is a transaction of its own, after the commit of the change it expands. Only so does it
see every block that somebody with the old rule may have worked on (research: engine §2.3, 4).
"""

import contextlib
import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg
from sqlalchemy import Engine

from sync_engine.blocks import Block, in_hands, work_off
from sync_engine.changes import Run
from sync_engine.drain import plan_segments
from sync_engine.holds import Case, write_plan
from sync_engine.markers import BLOCK_BITS, NOT_EXPANDED
from sync_engine.parking import is_poison, mark_people
from sync_engine.passes import plan_for_block, planned, read_residents
from sync_engine.plan import Pair, Plan
from sync_engine.state import (
    Connection,
    OnCommit,
    Rules,
    WorkspaceRules,
    connection_to,
    quietly,
)
from sync_engine.stretches import SEGMENTS_A_PASS, Claims, Pace, claim, give_back, pick

TAKE_UNEXPANDED: Final = f"""
DELETE FROM dirty_segment WHERE block = {NOT_EXPANDED} AND segment_id = (
    SELECT segment_id FROM dirty_segment WHERE block = {NOT_EXPANDED}
     ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING segment_id, workspace_id, cause, since
"""  # noqa: S608 - made of a constant of ours

EXPAND: Final = f"""
WITH RECURSIVE blocks AS (
    SELECT (min(id) >> {BLOCK_BITS}) AS block FROM member WHERE workspace_id = %(workspace_id)s
    UNION ALL
    SELECT (SELECT min(id) >> {BLOCK_BITS} FROM member
             WHERE workspace_id = %(workspace_id)s AND id >= (b.block + 1) << {BLOCK_BITS})
      FROM blocks b WHERE b.block IS NOT NULL
)
INSERT INTO dirty_segment (segment_id, block, workspace_id, since, cause)
SELECT %(segment_id)s, block, %(workspace_id)s,
       coalesce(%(since)s::timestamptz, clock_timestamp()), %(cause)s
  FROM blocks WHERE block IS NOT NULL ORDER BY block
ON CONFLICT (segment_id, block) DO UPDATE
   SET since = least(dirty_segment.since, excluded.since), cause = excluded.cause
"""  # noqa: S608 - made of a constant of ours

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Expanded:
    """What an expansion did. `more`: it ran out of time, not of work."""

    segments: int = 0
    blocks: int = 0
    more: bool = False


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild did. `more`: it ran out of time, not of work."""

    blocks: int = 0
    people: int = 0
    added: int = 0
    removed: int = 0
    more: bool = False


def expand(engine: Engine, *, seconds: float = 5.0) -> Expanded:
    """Turn every marker of a whole segment into one for each block that holds people."""
    expanded = Expanded()
    until = time.monotonic() + seconds
    with connection_to(engine) as db:
        while (taken := db.execute(TAKE_UNEXPANDED).fetchone()) is not None:
            segment_id, workspace_id, cause, since = taken
            blocks = fan_out(db, workspace_id, segment_id, cause, since)
            db.commit()
            expanded.segments += 1
            expanded.blocks += blocks
            if time.monotonic() > until:
                expanded.more = True
                break
        db.rollback()
    return expanded


def fan_out(
    db: Connection,
    workspace_id: int,
    segment_id: int,
    cause: uuid.UUID | None,
    since: dt.datetime | None = None,
) -> int:
    """Mark a segment for every block that holds people now; how many.

    The markers are as old as the one they come from (`since`): what it stood for is not reflected
    before all of them are gone (`operations.freshness`).
    """
    marker = {
        "workspace_id": workspace_id,
        "segment_id": segment_id,
        "cause": cause,
        "since": since,
    }
    return db.execute(EXPAND, marker).rowcount


def rebuild(
    engine: Engine,
    rules: Rules,
    *,
    seconds: float = 5.0,
    on_commit: OnCommit = quietly,
    hands: int = 1,
) -> Rebuilt:
    """Work off the markers of segments until none is left or time is over. `hands` as in a drain:
    each goes on behind the stretch the other works on."""
    done = in_hands(hands, partial(_work, engine, rules, seconds=seconds, on_commit=on_commit))
    return Rebuilt(
        blocks=sum(each.blocks for each in done),
        people=sum(each.people for each in done),
        added=sum(each.added for each in done),
        removed=sum(each.removed for each in done),
        more=any(each.more for each in done),
    )


def _work(engine: Engine, rules: Rules, *, seconds: float, on_commit: OnCommit) -> Rebuilt:
    """One pair of hands."""
    rebuilt, pace = Rebuilt(), Pace()
    rebuilt.more = work_off(
        engine,
        rules,
        "segments",
        pick,
        partial(_run_apart, rebuilt=rebuilt, pace=pace, on_commit=on_commit),
        seconds=seconds,
        on_commit=on_commit,
        stretch=lambda: pace.blocks,
    )
    return rebuilt


def _run_apart(
    db: Connection,
    rules: Rules,
    block: Block,
    *,
    rebuilt: Rebuilt,
    pace: Pace,
    on_commit: OnCommit,
) -> bool:
    """`_run`; where it fails with somebody, the block's people are marked instead, each on their
    own: a drain finds out with whom, and goes on with everybody else."""
    begin = time.monotonic()
    try:
        stretch, claims = claim(db, block, pace.blocks)
        is_done = _run(db, rules, stretch, claims, rebuilt=rebuilt, on_commit=on_commit)
        pace.took(time.monotonic() - begin)
        return is_done
    except Exception as problem:
        db.rollback()
        if not is_poison(problem):
            raise
        if pace.blocks > 1:
            pace.blocks = 1
            return True
        _log.warning("Block %s fails; its people are looked at one by one", block, exc_info=problem)
        with contextlib.suppress(psycopg.errors.DeadlockDetected):
            mark_people(db, block.span | block.place | {"most": SEGMENTS_A_PASS})
        return True


def _run(
    db: Connection,
    rules: Rules,
    block: Block,
    claims: Claims,
    *,
    rebuilt: Rebuilt,
    on_commit: OnCommit,
) -> bool:
    """One transaction, whose stretch of blocks is locked, to its end. False: all its markers are
    in the hands of others."""
    claimed = {segment for _, segment in claims}
    known, renewed = rules.known(block.workspace_id), partial(rules.of, db, block.workspace_id)
    residents = read_residents(db, block, claimed, known, renewed) if claimed else None
    if residents is None:
        db.commit()
        return bool(claimed)
    compiled = rules.of(db, block.workspace_id, residents.clock.epoch)
    plan, postponed = plan_for_block(db, block, compiled, residents, claimed)
    if postponed:
        later = {where: said for where, said in claims.items() if where[1] in postponed}
        give_back(db, block.workspace_id, later)
    head = None
    if plan:
        done = {where: said.cause for where, said in claims.items() if where[1] not in postponed}
        because = frozenset(cause for cause in done.values() if cause is not None)
        run = Run(block.workspace_id, "segments", residents.clock, len(residents.rows), because)
        again = partial(planned, db, block, compiled, residents, claimed - postponed)
        states = {row[0]: row[1] for row in residents.rows}
        case = Case(
            run,
            cause_of=_cause_of(plan, compiled, done),
            replan=lambda waiting: again(waiting=waiting),
            states=states,
        )
        plan, head = write_plan(db, case, plan)
    db.commit()
    rebuilt.blocks += block.count
    rebuilt.people += len(residents.rows)
    rebuilt.added += len(plan.added)
    rebuilt.removed += len(plan.removed)
    if head is not None:
        rules.touch(plan_segments(plan))
        on_commit(block.workspace_id, head)
    return True


def _cause_of(
    plan: Plan, rules: WorkspaceRules, done: Mapping[tuple[int, int], uuid.UUID | None]
) -> Callable[[Pair], uuid.UUID | None]:
    """What led to each change, by the block and the segment that were marked; of a segment that was
    not marked itself, what led to those of one it builds on."""
    marked = {segment for _, segment in done}
    others = plan_segments(plan) - marked
    below = {each: rules.below(each, sorted(marked)) for each in others}

    def cause_of(pair: Pair) -> uuid.UUID | None:
        member_id, segment_id = pair
        block = member_id >> BLOCK_BITS
        causes = (done.get((block, each)) for each in below.get(segment_id, (segment_id,)))
        return next((each for each in causes if each is not None), None)

    return cause_of
