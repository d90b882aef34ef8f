"""Stretches: the consecutive blocks of marked segments that one run takes, and their markers.

A rule that concerns few people is worked off for many blocks in one transaction, one that concerns
many block by block: a run goes on for about as long as an interactive change may wait for it.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from sync_engine.blocks import Block, outside
from sync_engine.snapshot import array
from sync_engine.state import Connection

SEGMENTS_A_PASS: Final = 64
"""Segments evaluated together in one pass over people."""

RUN_SECONDS: Final = 0.06
"""About how long a run is to take, as long as it takes more than one block."""

MOST_BLOCKS: Final = 64

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
RETURNING block, segment_id, cause, since
"""

LOCK_ON: Final = """
SELECT number, pg_try_advisory_xact_lock(%(workspace_id)s, number)
  FROM generate_series(%(block)s + 1, (
       SELECT max(block) FROM dirty_segment
        WHERE segment_id = ANY(%(segments)s::integer[])
          AND block BETWEEN %(block)s AND %(block)s + %(more)s)) AS number
"""
"""Blocks behind the first one, as far as these segments are marked."""

CLAIM_ON: Final = """
DELETE FROM dirty_segment WHERE (segment_id, block) IN (
    SELECT segment_id, block FROM dirty_segment
     WHERE workspace_id = %(workspace_id)s AND segment_id = ANY(%(segments)s::integer[])
       AND block BETWEEN %(block)s + 1 AND %(to)s FOR UPDATE SKIP LOCKED)
RETURNING block, segment_id, cause, since
"""

GIVE_BACK: Final = """
INSERT INTO dirty_segment (segment_id, block, workspace_id, since, cause)
SELECT s.id, s.block, %(workspace_id)s, s.since, s.cause
  FROM unnest(%(segments)s::integer[], %(blocks)s::integer[], %(moments)s::timestamptz[],
              %(causes)s::uuid[]) AS s(id, block, since, cause) ORDER BY s.id, s.block
"""


class Claimed(NamedTuple):
    """What a marker said: the latest cause, and since when it stood."""

    cause: uuid.UUID | None
    since: dt.datetime


Claims = dict[tuple[int, int], Claimed]
"""Markers taken out of the table, by block and segment."""


@dataclass(slots=True)
class Pace:
    """How many blocks the next run takes: from run to run twice as many as long as that is quick,
    half as many when it is slow."""

    blocks: int = 1

    def took(self, seconds: float) -> None:
        if seconds < RUN_SECONDS / 2:
            self.blocks = min(2 * self.blocks, MOST_BLOCKS)
        elif seconds > RUN_SECONDS:
            self.blocks = max(self.blocks // 2, 1)


def pick(db: Connection, busy: Collection[Block], turn: int) -> tuple[Block | None, bool]:
    """The block of the oldest marker (`blocks.Pick`)."""
    row = db.execute(PICK, {"turn": turn} | outside(busy)).fetchone()
    return (None, False) if row is None else (Block(row[0], row[1]), row[2])


def claim(db: Connection, block: Block, at_most: int) -> tuple[Block, Claims]:
    """Take the oldest markers of this block, whose lock is held, out of the table; and those of
    the same segments in up to `at_most` blocks in all, as far as nobody else works there. The
    stretch, every block of which is locked now, and what was claimed."""
    claims = _claims(db, CLAIM, block.place | {"most": SEGMENTS_A_PASS})
    if at_most == 1 or not claims:
        return block, claims
    asked = block.place | {
        "segments": array(sorted(segment for _, segment in claims)),
        "more": at_most - 1,
    }
    behind = sorted(db.execute(LOCK_ON, asked))
    blocks = 1 + len(list(takewhile(lambda row: row[1], behind)))
    if blocks == 1:
        return block, claims
    stretch = Block(block.workspace_id, block.number, blocks)
    return stretch, claims | _claims(db, CLAIM_ON, asked | {"to": block.number + blocks - 1})


def give_back(db: Connection, workspace_id: int, claims: Mapping[tuple[int, int], Claimed]) -> None:
    """Put markers back as they were."""
    given = {
        "workspace_id": workspace_id,
        "blocks": array(block for block, _ in claims),
        "segments": array(segment for _, segment in claims),
        "moments": [each.since for each in claims.values()],
        "causes": array(each.cause for each in claims.values()),
    }
    db.execute(GIVE_BACK, given)


def _claims(db: Connection, statement: str, asked: Mapping[str, object]) -> Claims:
    return {
        (block, segment_id): Claimed(cause, since)
        for block, segment_id, cause, since in db.execute(statement, asked)
    }
