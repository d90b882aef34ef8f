"""People with whom the engine fails: found among those of their batch, set aside, tried again.

Without it one row that makes a statement or a rule fail would stop its lane for everybody. Only
faults that lie in what was read are taken for poison; a database that is away, full, shutting
down or of another version, a deadlock and a canceled statement are nobody's fault.

A marker is parked as it was tried: one that a writer has renewed meanwhile stays where it is. Who
parks or puts back locks the marker before the parked row, as a drain does that claims both.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from sync_engine.snapshot import array
from sync_engine.state import Connection, connection_to

Causes: TypeAlias = Mapping[int, Any]
"""What caused a marker, by the person's id."""

TRIES: Final = 5
"""After so many failures a person is tried again only when somebody says so."""

_POISON_CLASSES: Final = ("21", "22", "23", "2F", "54", "P0", "XX")
"""SQLSTATE classes of what a row can be at fault for: cardinality, data, integrity, limits."""

_MOST_SAID: Final = 500

LOCK: Final = "SELECT pg_try_advisory_xact_lock(%(workspace_id)s, %(block)s)"

CLAIM: Final = """
WITH claimed AS (
    DELETE FROM dirty_member WHERE member_id = ANY (ARRAY(
        SELECT member_id FROM dirty_member WHERE member_id = ANY(%(ids)s::bigint[])
           FOR UPDATE SKIP LOCKED))
    RETURNING member_id, cause, xmin::text AS version
), unparked AS (
    DELETE FROM parked_member WHERE member_id IN (SELECT member_id FROM claimed)
)
SELECT member_id, cause, version FROM claimed
"""

PARK: Final = """
WITH taken AS (
    DELETE FROM dirty_member WHERE member_id = (
        SELECT member_id FROM dirty_member
         WHERE member_id = %(id)s AND xmin::text = %(version)s FOR UPDATE SKIP LOCKED)
    RETURNING member_id, workspace_id, lane, since, cause
)
INSERT INTO parked_member AS p
       (member_id, workspace_id, lane, since, cause, failures, error, retry_at)
SELECT member_id, workspace_id, lane, since, cause, 1, %(error)s,
       clock_timestamp() + interval '4 seconds'
  FROM taken
ON CONFLICT (member_id) DO UPDATE
   SET lane = least(p.lane, excluded.lane), since = least(p.since, excluded.since),
       cause = excluded.cause, failures = p.failures + 1, error = excluded.error,
       parked_at = clock_timestamp(),
       retry_at = CASE WHEN p.failures + 1 < %(tries)s
                       THEN clock_timestamp() + power(4, p.failures + 1) * interval '1 second' END
RETURNING failures
"""

MARK_PEOPLE: Final = """
WITH taken AS (
    DELETE FROM dirty_segment WHERE block = %(block)s AND segment_id = ANY (ARRAY(
        SELECT segment_id FROM dirty_segment
         WHERE workspace_id = %(workspace_id)s AND block = %(block)s
         ORDER BY since LIMIT %(most)s FOR UPDATE SKIP LOCKED))
    RETURNING segment_id, cause, since
), oldest AS (
    SELECT min(since) AS since, (array_agg(cause ORDER BY since DESC))[1] AS cause FROM taken
), people AS (
    SELECT id FROM member WHERE workspace_id = %(workspace_id)s
                            AND id BETWEEN %(first)s AND %(last)s
    UNION SELECT member_id FROM membership JOIN taken USING (segment_id)
           WHERE until IS NULL AND member_id BETWEEN %(first)s AND %(last)s
)
INSERT INTO dirty_member AS d (member_id, workspace_id, lane, since, cause)
SELECT p.id, %(workspace_id)s, 1, o.since, o.cause
  FROM people p JOIN oldest o ON o.since IS NOT NULL ORDER BY p.id
ON CONFLICT (member_id) DO UPDATE
   SET since = least(d.since, excluded.since), cause = excluded.cause
"""

PUT_BACK: Final = """
INSERT INTO dirty_member AS d (member_id, workspace_id, lane, since, cause)
SELECT member_id, workspace_id, lane, since, cause FROM parked_member
 WHERE member_id = ANY(%(ids)s::bigint[]) ORDER BY member_id
ON CONFLICT (member_id) DO UPDATE
   SET lane = least(d.lane, excluded.lane), since = least(d.since, excluded.since),
       cause = excluded.cause
"""

BEING_TRIED: Final = """
UPDATE parked_member SET retry_at = NULL
 WHERE member_id = ANY (ARRAY(SELECT member_id FROM parked_member
                               WHERE member_id = ANY(%(ids)s::bigint[])
                               ORDER BY member_id FOR UPDATE))
"""

DUE: Final = """
SELECT member_id FROM parked_member WHERE retry_at <= clock_timestamp()
 ORDER BY retry_at LIMIT %(most)s
"""

DUE_A_PASS: Final = 1000

_log = logging.getLogger(__name__)


def is_poison(problem: Exception) -> bool:
    """Whether something that was read can be at fault, so that all else would succeed."""
    if isinstance(problem, psycopg.Error):
        return problem.sqlstate is not None and problem.sqlstate[:2] in _POISON_CLASSES
    return not isinstance(problem, SQLAlchemyError | OSError | MemoryError)


def settle_apart(
    db: Connection,
    place: Mapping[str, int],
    causes: Causes,
    settle: Callable[[Causes], None],
) -> None:
    """`settle` claimed markers of a block (`place`: workspace_id and block), and commit.

    When that fails, the people are tried in ever smaller parts, each in a transaction of its own,
    until those are parked with whom it fails alone. Raises what is no poison.
    """
    try:
        settle(causes)
    except Exception as problem:
        db.rollback()
        if not is_poison(problem):
            raise
        _try_parts(db, place, sorted(causes), settle)


def _try_parts(
    db: Connection,
    place: Mapping[str, int],
    ids: list[int],
    settle: Callable[[Causes], None],
) -> None:
    middle = len(ids) // 2
    for part in filter(None, (ids[:middle], ids[middle:])):
        claimed = _claim(db, place, part)
        if not claimed:
            db.rollback()
            continue
        try:
            settle({id: cause for id, cause, _ in claimed})
        except Exception as problem:
            db.rollback()
            if not is_poison(problem):
                raise
            if len(claimed) > 1:
                _try_parts(db, place, [id for id, _, _ in claimed], settle)
            else:
                park(db, claimed[0][0], claimed[0][2], problem)


def _claim(
    db: Connection, place: Mapping[str, int], ids: Collection[int]
) -> list[tuple[int, Any, str]]:
    """Markers of these people under their block's lock; none when somebody else has it, who then
    meets the same."""
    [(is_ours,)] = db.execute(LOCK, place).fetchall()
    return db.execute(CLAIM, {"ids": array(ids)}).fetchall() if is_ours else []


def park(db: Connection, member_id: int, version: str, problem: Exception) -> None:
    """Set aside the marker that was tried, and commit; its `version` is its xmin."""
    given = {"id": member_id, "version": version, "error": _told(problem), "tries": TRIES}
    row = db.execute(PARK, given).fetchone()
    db.commit()
    if row is not None:
        _log.error(
            "Person %d is parked after failure %d; everybody else goes on",
            member_id,
            row[0],
            exc_info=problem,
        )


def _told(problem: Exception) -> str:
    """One line for those who may know the person. Rows that a database shows lie on further lines;
    what it says of its own inside (class XX: files, pages) is for the log alone."""
    said = str(problem).strip().partition("\n")[0]
    if isinstance(problem, psycopg.Error) and str(problem.sqlstate).startswith("XX"):
        said = f"the database reports {problem.sqlstate}"
    return f"{type(problem).__name__}: {said}"[:_MOST_SAID]


def mark_people(db: Connection, where: Mapping[str, int]) -> None:
    """Turn up to `most` markers of segments in a block (`where`: workspace_id, block, first and
    last id) into bulk markers of its people, and commit. Its lock is not held: writers may be
    waited for here."""
    db.execute(MARK_PEOPLE, where)
    db.commit()


def retry_due(engine: Engine) -> int:
    """Put back those whose time to be tried again has come; how many."""
    with connection_to(engine) as db:
        ids = array(sorted(id for (id,) in db.execute(DUE, {"most": DUE_A_PASS})))
        db.rollback()
        put_back = db.execute(PUT_BACK, {"ids": ids}).rowcount
        db.execute(BEING_TRIED, {"ids": ids})
        db.commit()
    return put_back
