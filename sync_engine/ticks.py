"""The engine's clock: a day begins, and exactly those whom it concerns are looked at.

`now` in a rule is the workspace's `today`, which moves only here. The people concerned are marked
in a transaction after the one that moves the clock: by then everybody who could have been worked
on with yesterday's date is committed, and is found (research: engine §2.3, 4 and §7).
"""

import datetime as dt
import logging
import uuid
from collections.abc import Collection
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from sqlalchemy import Engine

from access.caller import system
from models import journal
from models.coordinators import OverrideKind
from sync_engine import invitees
from sync_engine.changes import append
from sync_engine.grace import GUARD
from sync_engine.markers import Lane
from sync_engine.rules import crossing
from sync_engine.snapshot import array
from sync_engine.state import Connection, OnCommit, Rules, connection_to, quietly

CLOCKS: Final = """
SELECT w.id, w.time_zone, e.today
  FROM workspace w JOIN engine_state e ON e.workspace_id = w.id ORDER BY w.id
"""

MOVE_CLOCK: Final = """
WITH moved AS (
    UPDATE engine_state SET today = %(new)s, epoch = epoch + 1
     WHERE workspace_id = %(workspace_id)s AND today = %(old)s RETURNING workspace_id
)
INSERT INTO tick_window (workspace_id, old, new, cause)
SELECT workspace_id, %(old)s, %(new)s, %(cause)s FROM moved
"""

OLDEST_WINDOW: Final = """
SELECT w.id, w.workspace_id, w.old, w.new, w.cause,
       (SELECT min(j.at) FROM journal_entry j
         WHERE j.workspace_id = w.workspace_id AND j.cause = w.cause)
  FROM tick_window w ORDER BY w.id LIMIT 1
"""

MARK: Final = """
INSERT INTO dirty_member (member_id, workspace_id, lane, since, cause)
SELECT id, %(workspace_id)s, %(lane)s, coalesce(%(since)s::timestamptz, clock_timestamp()),
       %(cause)s
  FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id
ON CONFLICT (member_id) DO UPDATE
   SET lane = least(dirty_member.lane, excluded.lane),
       since = least(dirty_member.since, excluded.since), cause = excluded.cause
"""
"""Like MARK_MEMBERS, but as old as the tick: it is not reflected before all these are gone."""

CLOSE_WINDOW: Final = "DELETE FROM tick_window WHERE id = %(id)s"

EPOCH: Final = "SELECT epoch FROM engine_state WHERE workspace_id = %(workspace_id)s"

CROSSING: Final = """
SELECT DISTINCT m.member_id
  FROM unnest(%(attributes)s::text[], %(first)s::date[], %(last)s::date[])
              AS c(attribute, first, last)
  JOIN member_moment m ON m.workspace_id = %(workspace_id)s AND m.attribute = c.attribute
                      AND m.on_date BETWEEN c.first AND c.last
"""

EXPIRED_IN: Final = """
SELECT DISTINCT workspace_id FROM coordinator_override
 WHERE expires_at <= %(now)s ORDER BY workspace_id
"""

EXPIRE: Final = """
DELETE FROM coordinator_override WHERE (course_id, member_id) IN (
    SELECT course_id, member_id FROM coordinator_override
     WHERE workspace_id = %(workspace_id)s AND expires_at <= %(now)s
     ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING course_id, member_id, kind, reason, expires_at, cause
"""

PINS_EXPIRED: Final = """
SELECT workspace_id, segment_id, member_id FROM membership_pin
 WHERE expires_at <= %(now)s ORDER BY expires_at, segment_id, member_id LIMIT %(most)s
"""

EXPIRE_PINS: Final = """
DELETE FROM membership_pin p
 USING unnest(%(segments)s::integer[], %(members)s::bigint[]) AS e(segment_id, member_id)
 WHERE p.segment_id = e.segment_id AND p.member_id = e.member_id
   AND p.workspace_id = %(workspace_id)s AND p.expires_at <= %(now)s
RETURNING p.segment_id, p.is_in, p.member_id
"""

EXPIRED_A_PASS: Final = 1000

MARKED_A_TRANSACTION: Final = 5000
"""People marked before a commit: a writer who changes one of them waits at most that long."""

_log = logging.getLogger(__name__)


def tick(engine: Engine, *, now: dt.datetime, on_commit: OnCommit = quietly) -> tuple[int, ...]:
    """Move each workspace's clock to its own date at `now` (aware); the workspaces that moved.

    A clock never moves back. Ticks that were missed are one longer step.
    """
    moved: list[int] = []
    with connection_to(engine) as db:
        clocks = db.execute(CLOCKS).fetchall()
        db.rollback()
        for workspace_id, time_zone, today in clocks:
            date = now.astimezone(zone_named(time_zone)).date()
            if date <= today:
                continue
            head = move_clock(db, workspace_id, today, date)
            db.commit()
            if head is not None:
                moved.append(workspace_id)
                on_commit(workspace_id, head)
    return tuple(moved)


def zone_named(time_zone: str) -> dt.tzinfo:
    """The zone, or UTC, said in the log, when this machine's zone data does not know it: one
    workspace must not stop the clocks of the others."""
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        _log.error("There is no time zone %r here; its workspace's day begins in UTC.", time_zone)
        return dt.UTC


def move_clock(db: Connection, workspace_id: int, old: dt.date, new: dt.date) -> int | None:
    """Set a workspace's date and leave a window to look at. Returns the journal's head, or None
    when the clock does not stand at `old` any more: another process has moved it."""
    cause = uuid.uuid4()
    move = {"workspace_id": workspace_id, "old": old, "new": new, "cause": cause}
    if db.execute(MOVE_CLOCK, move).rowcount == 0:
        return None
    told = journal.entry(
        system(workspace_id),
        "clock.ticked",
        cause=cause,
        before={"today": old},
        after={"today": new},
    )
    return append(db, workspace_id, [told])


def expand_ticks(engine: Engine, rules: Rules) -> int:
    """Mark everybody for whom a comparison with the clock may have turned; how many.

    A window goes with the last people marked for it. When it is interrupted, or two processes
    take up the same one, people are marked twice, which changes nothing.
    """
    marked = 0
    with connection_to(engine) as db:
        while (window := db.execute(OLDEST_WINDOW).fetchone()) is not None:
            try:
                marked += _expand(db, rules, *window)
            except psycopg.errors.DeadlockDetected:
                db.rollback()
        db.rollback()
    return marked


def _expand(
    db: Connection,
    rules: Rules,
    id: int,
    workspace_id: int,
    *window: Any,
) -> int:
    old, new, cause, since = window
    state = db.execute(EPOCH, {"workspace_id": workspace_id}).fetchone()
    offsets = set() if state is None else rules.of(db, workspace_id, state[0]).offsets()
    ids = people_crossing(db, workspace_id, offsets, old, new)
    for start in range(0, len(ids), MARKED_A_TRANSACTION):
        if start:
            db.commit()
        mark(db, workspace_id, ids[start : start + MARKED_A_TRANSACTION], cause, since)
    db.execute(CLOSE_WINDOW, {"id": id})
    db.commit()
    return len(ids)


def mark(
    db: Connection,
    workspace_id: int,
    member_ids: Collection[int],
    cause: uuid.UUID | None,
    since: dt.datetime | None = None,
) -> None:
    """Leave a marker for each of these people, as writers do, behind what is interactive."""
    db.execute(
        MARK,
        {
            "workspace_id": workspace_id,
            "lane": int(Lane.BULK),
            "since": since,
            "cause": cause,
            "ids": array(member_ids),
        },
    )


def people_crossing(
    db: Connection,
    workspace_id: int,
    offsets: Collection[tuple[str, str]],
    old: dt.date,
    new: dt.date,
) -> list[int]:
    """The people with a date that lies between a threshold's old and new place, by id."""
    ranges = [(attribute, *crossing(offset, old, new)) for attribute, offset in sorted(offsets)]
    found = db.execute(
        CROSSING,
        {
            "workspace_id": workspace_id,
            "attributes": [attribute for attribute, _, _ in ranges],
            "first": [first for _, first, _ in ranges],
            "last": [last for _, _, last in ranges],
        },
    )
    return sorted(member_id for (member_id,) in found)


def expire_overrides(engine: Engine, *, now: dt.datetime, on_commit: OnCommit = quietly) -> int:
    """Lift the exclusions and keeps whose time is over at `now`, and end the roles whose grace is;
    how many."""
    expired = 0
    with connection_to(engine) as db:
        workspaces = [row[0] for row in db.execute(EXPIRED_IN, {"now": now})]
        db.rollback()
        for workspace_id in workspaces:
            # Whatever ends a role is decided behind this lock, so also what ends a KEEP.
            db.execute(GUARD, {"workspace_id": workspace_id})
            rows = db.execute(
                EXPIRE, {"workspace_id": workspace_id, "now": now, "most": EXPIRED_A_PASS}
            ).fetchall()
            if not rows:
                db.rollback()
                continue
            # Who was excluded may be coordinator now.
            let_in = [row[1] for row in rows if row[2] == OverrideKind.EXCLUDE]
            invitees.note_pending(db, workspace_id, let_in)
            head = append(db, workspace_id, [_expired(workspace_id, row) for row in rows])
            db.commit()
            expired += len(rows)
            on_commit(workspace_id, head)
    return expired


def _expired(workspace_id: int, row: tuple[Any, ...]) -> dict[str, Any]:
    course_id, member_id, kind, reason, expires_at, cause = row
    return journal.entry(
        system(workspace_id),
        "override.expired",
        cause=cause,
        course_id=course_id,
        member_id=member_id,
        before={"kind": kind, "reason": reason, "expiresAt": expires_at.isoformat()},
    )


def expire_pins(engine: Engine, *, now: dt.datetime, on_commit: OnCommit = quietly) -> int:
    """Let the rules decide again where a pin's time is over at `now`; of how many.

    The people are marked before the pins go, so a run that has read one comes before.
    """
    expired = 0
    with connection_to(engine) as db:
        while True:
            found = db.execute(PINS_EXPIRED, {"now": now, "most": EXPIRED_A_PASS}).fetchall()
            db.rollback()
            gone = 0
            for workspace_id in sorted({row[0] for row in found}):
                pairs = [(row[1], row[2]) for row in found if row[0] == workspace_id]
                gone += _expire_pins(db, workspace_id, pairs, now, on_commit)
            expired += gone
            if len(found) < EXPIRED_A_PASS or not gone:
                return expired


def _expire_pins(
    db: Connection,
    workspace_id: int,
    pairs: Collection[tuple[int, int]],
    now: dt.datetime,
    on_commit: OnCommit,
) -> int:
    cause = uuid.uuid4()
    mark(db, workspace_id, sorted({member_id for _, member_id in pairs}), cause)
    about = {
        "workspace_id": workspace_id,
        "segments": array(segment_id for segment_id, _ in pairs),
        "members": array(member_id for _, member_id in pairs),
        "now": now,
    }
    rows = sorted(db.execute(EXPIRE_PINS, about).fetchall())
    if not rows:
        db.rollback()
        return 0
    told = [
        journal.entry(
            system(workspace_id),
            "pin.expired",
            cause=cause,
            segment_id=segment_id,
            before={"memberIds": [row[2] for row in of_one], "isIn": is_in},
        )
        for (segment_id, is_in), of_one in groupby(rows, key=lambda row: row[:2])
    ]
    head = append(db, workspace_id, told)
    db.commit()
    on_commit(workspace_id, head)
    return len(rows)
