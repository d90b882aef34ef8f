"""Verification of every workspace once a night, and what it found (S13).

A run is a row that says how far it is, so any worker goes on where one has stopped. It is worked
on block by block, a few seconds at a time; while somebody works on it the row is locked.
"""

import datetime as dt
import logging
import time
from typing import Any, Final

from sqlalchemy import Engine

from sync_engine.markers import BLOCK_BITS
from sync_engine.parking import is_poison
from sync_engine.state import Connection, connection_to
from sync_engine.ticks import zone_named
from sync_engine.verify import Drift, Truth, needless_in, verify_block

QUIET_HOURS: Final = range(2, 6)
"""When a run begins, by the clock of its workspace."""

LATEST: Final = dt.timedelta(hours=36)
"""A workspace whose last run began longer ago is verified at any hour."""

KEPT: Final = dt.timedelta(days=90)

LAST_RUNS: Final = """
SELECT w.id, w.time_zone, max(v.began_at), bool_or(v.id > 0 AND v.ended_at IS NULL)
  FROM workspace w LEFT JOIN verification v ON v.workspace_id = w.id
 GROUP BY w.id ORDER BY w.id
"""

BEGIN: Final = """
INSERT INTO verification (workspace_id, began_at) VALUES (%(workspace_id)s, %(at)s)
ON CONFLICT (workspace_id) WHERE ended_at IS NULL DO NOTHING
"""

FORGET: Final = "DELETE FROM verification WHERE ended_at < %(before)s"

UNFINISHED: Final = """
SELECT id, workspace_id, next_block FROM verification WHERE ended_at IS NULL
 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

NEXT_BLOCK: Final = f"""
SELECT least(
    (SELECT min(id) FROM member WHERE workspace_id = %(workspace_id)s AND id >= %(first)s),
    (SELECT min(m.first)
       FROM segment s CROSS JOIN LATERAL (
            SELECT min(member_id) AS first FROM membership
             WHERE segment_id = s.id AND until IS NULL AND member_id >= %(first)s) AS m
      WHERE s.workspace_id = %(workspace_id)s)) >> {BLOCK_BITS}
"""  # noqa: S608 - made of a constant of ours

ADVANCE: Final = """
UPDATE verification
   SET next_block = %(next)s, blocks = blocks + 1, pairs_checked = pairs_checked + %(pairs)s,
       missing = missing + %(missing)s, extra = extra + %(extra)s, pending = pending + %(pending)s
 WHERE id = %(id)s
"""

END: Final = """
UPDATE verification SET ended_at = clock_timestamp(), needless = %(needless)s WHERE id = %(id)s
RETURNING workspace_id, missing, extra, needless, pairs_checked
"""

_log = logging.getLogger(__name__)


def begin_due(engine: Engine, *, now: dt.datetime) -> int:
    """Begin what is due at `now` (aware), and forget old results; how many runs began."""
    began = 0
    with connection_to(engine) as db:
        rows = db.execute(LAST_RUNS).fetchall()
        for workspace_id, time_zone, last, is_running in rows:
            if not is_running and _is_due(last, now, time_zone):
                given = {"workspace_id": workspace_id, "at": now}
                began += db.execute(BEGIN, given).rowcount
        db.execute(FORGET, {"before": now - KEPT})
        db.commit()
    return began


def _is_due(last: dt.datetime | None, now: dt.datetime, time_zone: str) -> bool:
    zone = zone_named(time_zone)
    here = now.astimezone(zone)
    if last is not None and now - last > LATEST:
        return True
    is_done = last is not None and last.astimezone(zone).date() == here.date()
    return here.hour in QUIET_HOURS and not is_done


def advance(engine: Engine, *, seconds: float = 5.0) -> bool:
    """Go on with the runs under way; whether more is left when `seconds` are over."""
    until = time.monotonic() + seconds
    truths: dict[int, Truth | None] = {}
    with connection_to(engine) as keeper, connection_to(engine) as db:
        while (run := keeper.execute(UNFINISHED).fetchone()) is not None:
            _step(keeper, db, run, truths)
            keeper.commit()
            if time.monotonic() > until:
                return True
        keeper.rollback()
    return False


def _step(
    keeper: Connection,
    db: Connection,
    run: tuple[Any, ...],
    truths: dict[int, Truth | None],
) -> None:
    """One block of a run whose row `keeper` holds; or its end."""
    id, workspace_id, first = run
    place = {"workspace_id": workspace_id, "first": first << BLOCK_BITS}
    [(block,)] = db.execute(NEXT_BLOCK, place).fetchall()
    db.rollback()
    if block is None:
        _end(keeper, id, needless_in(db, workspace_id))
        return
    drift = Drift()
    try:
        truths[id] = verify_block(db, workspace_id, block, truths.get(id), drift)
    except Exception as problem:
        db.rollback()
        if not is_poison(problem):
            raise
        _log.exception("Block %d of workspace %d cannot be verified", block, workspace_id)
        drift = Drift(pending=1)
    step = {
        "id": id,
        "next": block + 1,
        "pairs": drift.pairs_checked,
        "missing": drift.missing,
        "extra": drift.extra,
        "pending": drift.pending,
    }
    keeper.execute(ADVANCE, step)


def _end(keeper: Connection, id: int, needless: int) -> None:
    given = {"id": id, "needless": needless}
    [(workspace_id, missing, extra, needless, pairs)] = keeper.execute(END, given).fetchall()
    level = logging.ERROR if missing or extra or needless else logging.INFO
    _log.log(
        level,
        "Workspace %d verified: of %d pairs of a person and a segment %d are missing, %d too many;"
        " %d roles end although something gives them",
        workspace_id,
        pairs,
        missing,
        extra,
        needless,
    )
