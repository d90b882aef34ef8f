"""Bring segments up to date: first a marker for every block, then block by block.

Expansion is a transaction of its own, after the commit of the change it expands. Only so does it
see every block that somebody with the old rule may have worked on (research: engine §2.3, 4).
"""

import contextlib
import datetime as dt
import logging
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import psycopg
from sqlalchemy import Engine

from sync_engine import breakage
from sync_engine.changes import Run
from sync_engine.drain import RETRY_SECONDS, Block, plan_segments
from sync_engine.holds import Case, write_plan
from sync_engine.markers import BLOCK_BITS, NOT_EXPANDED
from sync_engine.parking import is_poison, mark_people
from sync_engine.passes import plan_for_block, planned, read_residents
from sync_engine.plan import Plan
from sync_engine.snapshot import array
from sync_engine.state import (
    Connection,
    OnCommit,
    Rules,
    WorkspaceRules,
    connection_to,
    quietly,
)

SEGMENTS_A_PASS: Final = 64
"""Segments evaluated together in one pass over a block's people."""

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

_OLDEST: Final = """
SELECT workspace_id, block FROM dirty_segment d
 WHERE block >= 0 AND workspace_id {turn} %(turn)s AND NOT EXISTS (
       SELECT FROM unnest(%(workspaces)s::integer[], %(blocks)s::integer[])
                   AS busy(workspace_id, block)
        WHERE busy.workspace_id = d.workspace_id AND busy.block = d.block)
 ORDER BY workspace_id, since LIMIT 1"""

PICK: Final = f"""
SELECT p.workspace_id, p.block, pg_try_advisory_xact_lock(p.workspace_id, p.block)
  FROM (({_OLDEST.format(turn=">")}) UNION ALL ({_OLDEST.format(turn="<=")}) LIMIT 1) AS p
"""  # noqa: S608 - made of constants of ours
"""Workspaces take turns, as in a drain."""

CLAIM: Final = """
DELETE FROM dirty_segment WHERE block = %(block)s AND segment_id = ANY (ARRAY(
    SELECT segment_id FROM dirty_segment
     WHERE workspace_id = %(workspace_id)s AND block = %(block)s
     ORDER BY since LIMIT %(most)s FOR UPDATE SKIP LOCKED))
RETURNING segment_id, cause, since
"""

GIVE_BACK: Final = """
INSERT INTO dirty_segment (segment_id, block, workspace_id, since, cause)
SELECT s.id, %(block)s, %(workspace_id)s, s.since, s.cause
  FROM unnest(%(segments)s::integer[], %(moments)s::timestamptz[], %(causes)s::uuid[])
           AS s(id, since, cause) ORDER BY s.id
"""


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


class Claimed(NamedTuple):
    """What a marker said: the latest cause, and since when it stood."""

    cause: uuid.UUID | None
    since: dt.datetime


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
) -> Rebuilt:
    """Work off the markers of segments, a block at a time, until none is left or time is over."""
    rebuilt = Rebuilt()
    until = time.monotonic() + seconds
    busy: list[Block] = []
    with connection_to(engine) as db:
        while True:
            block, is_ours = _pick(db, busy, rules.turns["segments"])
            if block is None and not busy:
                break
            if block is None:
                db.rollback()
                busy.clear()
                time.sleep(RETRY_SECONDS)
            elif is_ours and _run_apart(db, rules, block, rebuilt, on_commit):
                rules.turns["segments"] = block.workspace_id
                busy.clear()
            else:
                busy.append(block)
            if time.monotonic() > until:
                rebuilt.more = True
                break
        db.rollback()
        breakage.report(db, rules, on_commit)
    return rebuilt


def _pick(db: Connection, busy: Collection[Block], turn: int) -> tuple[Block | None, bool]:
    """The block of the oldest marker outside `busy` of the workspace whose turn comes after that
    of `turn`, and whether its lock is ours now."""
    row = db.execute(
        PICK,
        {
            "turn": turn,
            "workspaces": array(each.workspace_id for each in busy),
            "blocks": array(each.number for each in busy),
        },
    ).fetchone()
    return (None, False) if row is None else (Block(row[0], row[1]), row[2])


def claim(db: Connection, block: Block) -> dict[int, Claimed]:
    """Take this block's oldest segment markers out of the table, by segment id."""
    rows = db.execute(CLAIM, block.place | {"most": SEGMENTS_A_PASS})
    return {segment_id: Claimed(cause, since) for segment_id, cause, since in rows}


def _run_apart(
    db: Connection, rules: Rules, block: Block, rebuilt: Rebuilt, on_commit: OnCommit
) -> bool:
    """`_run`; where it fails with somebody, the block's people are marked instead, each on their
    own: a drain finds out with whom, and goes on with everybody else."""
    try:
        return _run(db, rules, block, rebuilt, on_commit)
    except Exception as problem:
        db.rollback()
        if not is_poison(problem):
            raise
        _log.warning("Block %s fails; its people are looked at one by one", block, exc_info=problem)
        with contextlib.suppress(psycopg.errors.DeadlockDetected):
            mark_people(db, block.span | block.place | {"most": SEGMENTS_A_PASS})
        return True


def _run(db: Connection, rules: Rules, block: Block, rebuilt: Rebuilt, on_commit: OnCommit) -> bool:
    """One transaction, whose block is already locked, to its end. False: all its markers are in
    the hands of others."""
    claimed = claim(db, block)
    known = rules.known(block.workspace_id)
    residents = read_residents(db, block, claimed, known) if claimed else None
    if residents is None:
        db.commit()
        return bool(claimed)
    compiled = rules.of(db, block.workspace_id, residents.clock.epoch)
    plan, postponed = plan_for_block(db, block, compiled, residents, claimed)
    done = {each: said.cause for each, said in claimed.items() if each not in postponed}
    if postponed:
        _give_back(db, block, {each: claimed[each] for each in postponed})
    head = None
    if plan:
        because = frozenset(cause for cause in done.values() if cause is not None)
        causes = _causes(plan, compiled, done)
        run = Run(block.workspace_id, "segments", residents.clock, len(residents.rows), because)
        again = partial(planned, db, block, compiled, residents, done)
        states = {row[0]: row[1] for row in residents.rows}
        case = Case(
            run,
            cause_of=lambda pair: causes.get(pair[1]),
            replan=lambda waiting: again(waiting=waiting),
            states=states,
        )
        plan, head = write_plan(db, case, plan)
    db.commit()
    rebuilt.blocks += 1
    rebuilt.people += len(residents.rows)
    rebuilt.added += len(plan.added)
    rebuilt.removed += len(plan.removed)
    if head is not None:
        rules.touch(plan_segments(plan))
        on_commit(block.workspace_id, head)
    return True


def _causes(
    plan: Plan, rules: WorkspaceRules, done: Mapping[int, uuid.UUID | None]
) -> dict[int, uuid.UUID | None]:
    """What led to the changes of each segment; of one that was not marked itself, what led to those
    of a segment it builds on."""
    causes = dict(done)
    for segment_id in plan_segments(plan) - done.keys():
        below = [done[each] for each in rules.below(segment_id, done)]
        causes[segment_id] = next((each for each in below if each is not None), None)
    return causes


def _give_back(db: Connection, block: Block, claimed: Mapping[int, Claimed]) -> None:
    db.execute(
        GIVE_BACK,
        {
            "workspace_id": block.workspace_id,
            "block": block.number,
            "segments": array(claimed),
            "moments": [each.since for each in claimed.values()],
            "causes": array(each.cause for each in claimed.values()),
        },
    )
