"""Who is above whom, followed by a duty when it changes.

`member.manager_id` says whom the attribute `manager` means. The database writes it with the person,
as far as the writer can see, and leaves a marker (`dirty_reports`). A transaction after the
writer's looks again: two that did not see each other, one who names a manager and one who becomes
it, are both committed by then, or the later one leaves a marker of its own. Who has another manager
than was stored is written and marked so, too; everybody below those who moved is marked for the
engine after that has been committed. Two who move at once, one above the other, each leave a
marker, and whichever is expanded last sees both moves.
"""

import datetime as dt
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from sqlalchemy import Engine

from sync_engine.snapshot import array
from sync_engine.state import Connection, connection_to
from sync_engine.ticks import MARKED_A_TRANSACTION, mark

WORKSPACES: Final = "SELECT DISTINCT workspace_id FROM dirty_reports ORDER BY workspace_id"

WAITING: Final = """
SELECT member_id, has_moved, since, cause, xmin::text FROM dirty_reports
 WHERE workspace_id = %(workspace_id)s AND member_id > %(after)s ORDER BY member_id LIMIT %(most)s
"""

DIFFERING: Final = """
WITH names AS MATERIALIZED (
    SELECT lower(user_name) AS name FROM member WHERE id = ANY(%(ids)s::bigint[])
     UNION
    SELECT d.id::text FROM directory_person d WHERE d.member_id = ANY(%(ids)s::bigint[])
), concerned AS MATERIALIZED (
    SELECT id FROM unnest(%(ids)s::bigint[]) AS id
     UNION
    SELECT m.id FROM member m WHERE m.manager_id = ANY(%(ids)s::bigint[])
     UNION
    SELECT m.id
      FROM names n
      JOIN member m ON m.workspace_id = %(workspace_id)s AND m.attributes ->> 'manager' IS NOT NULL
                   AND lower(btrim(m.attributes ->> 'manager')) = n.name
)
SELECT m.id, m.manager_id
  FROM concerned c JOIN member m ON m.id = c.id
 WHERE m.workspace_id = %(workspace_id)s AND m.deleted_at IS NULL
   AND (m.manager_id IS NOT NULL OR m.attributes ->> 'manager' IS NOT NULL)
   AND m.manager_id IS DISTINCT FROM
       manager_of(m.workspace_id, m.attributes ->> 'manager', m.id)
 ORDER BY m.id
"""
"""Those who are waiting, whose manager is one of them, or is said to be, and who have another
manager than is stored."""

_MEANT: Final = """
SELECT m.id, m.manager_id AS stored, nullif(coalesce(k.id, n.id), m.id) AS meant
  FROM {whom} c
  JOIN member m ON m.id = c.id AND m.workspace_id = %(workspace_id)s AND m.deleted_at IS NULL
  LEFT JOIN (SELECT d.id::text AS scim_id, p.id
               FROM directory_person d JOIN member p ON p.id = d.member_id
              WHERE d.workspace_id = %(workspace_id)s AND d.deleted_at IS NULL
                AND p.deleted_at IS NULL) AS k
    ON k.scim_id = lower(btrim(m.attributes ->> 'manager'))
  LEFT JOIN member n ON n.workspace_id = %(workspace_id)s AND n.deleted_at IS NULL
                    AND lower(n.user_name) = lower(btrim(m.attributes ->> 'manager'))
"""
"""What `manager_of` says, of thousands at once."""

_CONCERNED: Final = DIFFERING.partition("SELECT m.id, m.manager_id\n")[0]
_GIVEN: Final = "(SELECT unnest(%(ids)s::bigint[]) AS id)"

DIFFERING_OF_MANY: Final = f"""
{_CONCERNED}
SELECT id, stored FROM ({_MEANT.format(whom="concerned")}) AS said
 WHERE stored IS DISTINCT FROM meant ORDER BY id
"""  # noqa: S608 - made of constants of ours

RESOLVE_MANY: Final = f"""
UPDATE member m SET manager_id = said.meant
  FROM ({_MEANT.format(whom=_GIVEN)}) AS said
 WHERE m.id = said.id AND m.manager_id IS DISTINCT FROM said.meant
RETURNING m.id, m.manager_id
"""  # noqa: S608 - made of constants of ours

SAID: Final = """
SELECT EXISTS (SELECT FROM member WHERE workspace_id = %(workspace_id)s
                                    AND attributes ->> 'manager' IS NOT NULL)
    OR EXISTS (SELECT FROM member WHERE workspace_id = %(workspace_id)s
                                    AND manager_id IS NOT NULL)
"""
"""Whether anybody names a manager, or has one. Whoever names one later leaves a marker."""

SCAN: Final = "SET LOCAL enable_nestloop = off"
"""While PostgreSQL knows nothing about the tables, as during a first load, it would look for each
of many in the wrong index."""

FEW: Final = 50

PATIENCE: Final = "SET LOCAL lock_timeout = '250ms'"
"""Rather than waiting for a writer, the duty comes again."""

LOCK: Final = """
SELECT FROM member WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""

RESOLVE: Final = """
UPDATE member m SET manager_id = manager_of(m.workspace_id, m.attributes ->> 'manager', m.id)
 WHERE m.id = ANY(%(ids)s::bigint[])
   AND m.manager_id IS DISTINCT FROM manager_of(m.workspace_id, m.attributes ->> 'manager', m.id)
RETURNING m.id, m.manager_id
"""

CARRY_OVER: Final = """
UPDATE dirty_reports d SET since = least(d.since, %(since)s), cause = coalesce(d.cause, s.cause)
  FROM unnest(%(ids)s::bigint[], %(causes)s::uuid[]) AS s(id, cause) WHERE d.member_id = s.id
"""
"""The trigger has left these markers; what they are of has waited since before."""

CAUSES: Final = """
SELECT i.id, (SELECT j.cause FROM journal_entry j
               WHERE j.workspace_id = %(workspace_id)s AND j.member_id = i.id
               ORDER BY j.seq DESC LIMIT 1)
  FROM unnest(%(ids)s::bigint[]) AS i(id)
"""

ASKED: Final = """
SELECT EXISTS (SELECT FROM segment WHERE workspace_id = %(workspace_id)s AND asks_above
                                     AND deleted_at IS NULL)
"""

BELOW: Final = """
WITH RECURSIVE below(id) AS (
    SELECT unnest(%(ids)s::bigint[])
     UNION
    SELECT m.id FROM below b JOIN member m ON m.manager_id = b.id AND m.deleted_at IS NULL
)
SELECT id FROM below ORDER BY id
"""

DONE: Final = """
DELETE FROM dirty_reports WHERE member_id = ANY (ARRAY(
    SELECT d.member_id
      FROM dirty_reports d
      JOIN unnest(%(ids)s::bigint[], %(versions)s::text[]) AS v(id, version)
        ON v.id = d.member_id AND v.version = d.xmin::text
       FOR UPDATE OF d SKIP LOCKED))
"""
"""A marker that a writer has renewed since it was read stays."""

A_PASS: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Marker:
    member_id: int
    has_moved: bool
    since: dt.datetime
    cause: uuid.UUID | None
    version: str


def follow_reports(engine: Engine, *, seconds: float = 5.0) -> bool:
    """Work off what `dirty_reports` says, until nothing is left or `seconds` are over; whether
    people were marked for the engine."""
    until = time.monotonic() + seconds
    has_marked = False
    with connection_to(engine) as db:
        went_on = True
        while went_on and time.monotonic() < until:
            went_on = False
            workspaces = [id for (id,) in db.execute(WORKSPACES)]
            db.rollback()
            for workspace_id in workspaces:
                gone, marked = _follow_in(db, workspace_id, until)
                went_on |= bool(gone)
                has_marked |= bool(marked)
    return has_marked


def _follow_in(db: Connection, workspace_id: int, until: float) -> tuple[int, int]:
    """One round of a workspace: how many markers are gone, and how many people are marked."""
    gone = marked = after = 0
    while time.monotonic() < until:
        asked = {"workspace_id": workspace_id, "after": after, "most": A_PASS}
        waiting = [_Marker(*row) for row in db.execute(WAITING, asked).fetchall()]
        db.rollback()
        if not waiting:
            break
        after = waiting[-1].member_id
        try:
            look_again(db, workspace_id, waiting)
            marked += _mark_below(db, workspace_id, [each for each in waiting if each.has_moved])
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            db.rollback()
            continue
        done = {
            "ids": array(each.member_id for each in waiting),
            "versions": [each.version for each in waiting],
        }
        gone += db.execute(DONE, done).rowcount
        db.commit()
    return gone, marked


def look_again(db: Connection, workspace_id: int, waiting: Collection[_Marker]) -> None:
    """Write who is whose manager by now, where that concerns these, and commit."""
    ids = [each.member_id for each in waiting]
    about = {"workspace_id": workspace_id, "ids": array(ids)}
    if len(ids) > FEW:
        [(is_said,)] = db.execute(SAID, about)
        if not is_said:
            db.rollback()
            return
        db.execute(SCAN)
    differing = DIFFERING_OF_MANY if len(ids) > FEW else DIFFERING
    before: dict[int, int | None] = dict(db.execute(differing, about).fetchall())
    if before:
        db.execute(PATIENCE)
        db.execute(LOCK, {"ids": array(before)})
        # By a statement of its own, which sees what the writers waited for have written.
        resolve = RESOLVE_MANY if len(ids) > FEW else RESOLVE
        moved = db.execute(resolve, about | {"ids": array(before)}).fetchall()
        told: dict[int | None, uuid.UUID | None] = dict(db.execute(CAUSES, about).fetchall())
        told.update((each.member_id, each.cause) for each in waiting if each.cause is not None)
        because = [told.get(id) or told.get(now) or told.get(before[id]) for id, now in moved]
        carried = {
            "ids": array(id for id, _ in moved),
            "causes": array(because),
            "since": min(each.since for each in waiting),
        }
        db.execute(CARRY_OVER, carried)
    db.commit()


def _mark_below(db: Connection, workspace_id: int, moved: Collection[_Marker]) -> int:
    """Mark these and everybody below them, if any rule asks; how many. Asked after the managers
    are committed: a rule that comes later sees them."""
    if not moved:
        return 0
    [(is_asked,)] = db.execute(ASKED, {"workspace_id": workspace_id}).fetchall()
    if not is_asked:
        return 0
    about: dict[str, Any] = {
        "workspace_id": workspace_id,
        "ids": array(each.member_id for each in moved),
    }
    told: dict[int, uuid.UUID | None] = dict(db.execute(CAUSES, about).fetchall())
    by_cause: dict[uuid.UUID | None, list[_Marker]] = {}
    for each in moved:
        by_cause.setdefault(each.cause or told.get(each.member_id), []).append(each)
    marked = 0
    for cause, markers in by_cause.items():
        since = min(each.since for each in markers)
        below = db.execute(BELOW, {"ids": array(each.member_id for each in markers)})
        ids = [id for (id,) in below.fetchall()]
        for start in range(0, len(ids), MARKED_A_TRANSACTION):
            mark(db, workspace_id, ids[start : start + MARKED_A_TRANSACTION], cause, since)
            db.commit()
        marked += len(ids)
    return marked
