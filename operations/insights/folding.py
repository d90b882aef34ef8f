"""What keeps the summary small to correct: markers are folded into it, by workers, bit by bit.

Whoever folds a unit has its row lock, and so nobody else changes its cells. They take down which
markers there are, and only then count the blocks of these anew: whatever commits in between has a
marker of its own, which stays. What the cells of a block say differently now is added to the cells
of all; so at every moment all is the sum of the blocks, and an unmarked block is what is counted.

A folder waits for nobody. Two things change what is counted of people who cannot all be known
while they change: departments (a trigger shares the lock PEOPLE, which a folder of courses has
alone) and the time zone (of whose workspace a folder holds the row). While one is under way,
nothing is folded.
"""

import datetime as dt
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.insights import ALL_BLOCKS, BLOCK_BITS, WHOLE_COURSE
from operations.insights import course_source, quiz_source, sources
from operations.insights.cells import Unit

SETTLED: Final = dt.timedelta(seconds=2)
"""How long workers let changes gather: a block is counted once for all of them."""

PENDING: Final = f"""
EXISTS (SELECT FROM insight_marker WHERE since <= now() - interval '{SETTLED.seconds} s')
"""
"""SQL: whether something has changed for so long, and the summary does not say it."""

PEOPLE: Final = 1_229_870_419
"""The advisory lock (with the workspace) of changes of department; the trigger names it, too."""

_UNITS: Final = 100

FIND: Final = text("""
SELECT c.workspace_id, k.course_id, k.module_id
  FROM (SELECT course_id, module_id, min(id) AS oldest FROM insight_marker
         GROUP BY course_id, module_id HAVING min(since) <= :before) AS k
  JOIN course c ON c.id = k.course_id
 ORDER BY k.oldest LIMIT :limit
""")
HOLD_ZONE: Final = text("SELECT 1 FROM workspace WHERE id = :workspace_id FOR SHARE SKIP LOCKED")
HOLD_PEOPLE: Final = text("SELECT pg_try_advisory_xact_lock(:people, :workspace_id)")
HOLD_UNIT: Final = text("""
SELECT 1 FROM insight_unit WHERE course_id = :course_id AND module_id = :module_id
   FOR UPDATE SKIP LOCKED
""")
MAKE_UNIT: Final = text("""
INSERT INTO insight_unit (course_id, module_id, workspace_id)
VALUES (:course_id, :module_id, :workspace_id) ON CONFLICT DO NOTHING RETURNING 1
""")
_MARK_ALL: Final = f"""
INSERT INTO insight_marker (course_id, module_id, block)
SELECT :course_id, :module_id, (member_id >> {BLOCK_BITS})::integer AS block
  FROM {{table}} WHERE workspace_id = :workspace_id AND course_id = :course_id{{whose}}
 GROUP BY block
"""  # noqa: S608 - made of constants of ours
MARK_COURSE: Final = text(_MARK_ALL.format(table="progress", whose=""))
MARK_QUIZ: Final = text(_MARK_ALL.format(table="submission", whose=" AND module_id = :module_id"))
SEEN: Final = text("""
SELECT id, block FROM insight_marker
 WHERE course_id = :course_id AND module_id = :module_id
   AND block IN (SELECT block FROM insight_marker
                  WHERE course_id = :course_id AND module_id = :module_id
                  GROUP BY block ORDER BY min(id) LIMIT :limit)
""")
TAKE: Final = text("DELETE FROM insight_marker WHERE id = ANY (CAST(:markers AS bigint[]))")
FOLDED: Final = text("""
UPDATE insight_unit SET folded_at = :at WHERE course_id = :course_id AND module_id = :module_id
""")
FORGET: Final = text("""
DELETE FROM insight_cell WHERE course_id = :course_id AND module_id = :module_id
""")
WAIT_FOR_ALL: Final = (
    text("SELECT 1 FROM workspace WHERE id = :workspace_id FOR SHARE"),
    text("SELECT pg_advisory_xact_lock(:people, :workspace_id)"),
    text("""
INSERT INTO insight_unit (course_id, module_id, workspace_id)
VALUES (:course_id, :module_id, :workspace_id)
ON CONFLICT (course_id, module_id) DO UPDATE SET workspace_id = excluded.workspace_id
"""),
)
KEPT: Final = text("""
SELECT workspace_id, course_id, module_id FROM insight_unit WHERE workspace_id = :workspace_id
 ORDER BY course_id, module_id
""")
NO_LIMIT: Final = text(
    "SELECT set_config('statement_timeout', '0', TRUE), set_config('lock_timeout', '0', TRUE)"
)
PATIENCE: Final = text("SET LOCAL statement_timeout = '60s'")

_COLUMNS: Final = f"{sources.KEYS}, {', '.join(sources.NAMES)}"
_SUMS: Final = ", ".join(f"sum({name}) AS {name}" for name in sources.NAMES)
_LESS: Final = ", ".join(f"-{name}" for name in sources.NAMES)
_DIFFERS: Final = " OR ".join(f"sum({name}) <> 0" for name in sources.NAMES)
_SAME: Final = " AND ".join(f"cell.{name} = now.{name}" for name in sources.KEYS.split(", "))
_NEW: Final = ", ".join(f"now.{name.strip()}" for name in _COLUMNS.split(","))
_ADDED: Final = ", ".join(f"{name} = cell.{name} + now.{name}" for name in sources.NAMES)

_FOLD: Final = f"""
, difference AS MATERIALIZED (
    SELECT block, {sources.KEYS}, {_SUMS}
      FROM (SELECT block, {_COLUMNS} FROM counted
             UNION ALL
            SELECT block, {sources.KEYS}, {_LESS} FROM insight_cell
             WHERE course_id = :course_id AND module_id = :module_id
               AND block = ANY (CAST(:blocks AS integer[]))) AS either
     GROUP BY block, {sources.KEYS} HAVING {_DIFFERS}
)
MERGE INTO insight_cell AS cell
USING (SELECT * FROM difference
        UNION ALL
       SELECT {ALL_BLOCKS}, {sources.KEYS}, {_SUMS} FROM difference
        GROUP BY {sources.KEYS} HAVING {_DIFFERS}) AS now
   ON cell.course_id = :course_id AND cell.module_id = :module_id AND cell.block = now.block
  AND cell.block = ANY (CAST(:blocks AS integer[]) || {ALL_BLOCKS})
  AND {_SAME}
 WHEN MATCHED AND cell.n + now.n = 0 THEN DELETE
 WHEN MATCHED THEN UPDATE SET {_ADDED}
 WHEN NOT MATCHED THEN
      INSERT (course_id, module_id, block, {_COLUMNS})
      VALUES (:course_id, :module_id, now.block, {_NEW})
"""  # noqa: S608 - made of constants of ours

_VERIFY: Final = f"""
SELECT block, {sources.KEYS}, sum(stored)::bigint AS stored, sum(expected)::bigint AS expected
  FROM (SELECT block, {_COLUMNS}, 0::bigint AS stored, n AS expected FROM counted
         WHERE block NOT IN (SELECT block FROM marked)
         UNION ALL
        SELECT block, {sources.KEYS}, {_LESS}, n, 0 FROM insight_cell
         WHERE course_id = :course_id AND module_id = :module_id AND block <> {ALL_BLOCKS}
           AND block NOT IN (SELECT block FROM marked)
         UNION ALL
        SELECT {ALL_BLOCKS}, {_COLUMNS}, 0, n FROM insight_cell
         WHERE course_id = :course_id AND module_id = :module_id AND block <> {ALL_BLOCKS}
         UNION ALL
        SELECT block, {sources.KEYS}, {_LESS}, n, 0 FROM insight_cell
         WHERE course_id = :course_id AND module_id = :module_id AND block = {ALL_BLOCKS}
       ) AS either
 WHERE EXISTS (SELECT FROM kept)
 GROUP BY block, {sources.KEYS} HAVING {_DIFFERS}
 ORDER BY block, {sources.KEYS}
"""  # noqa: S608 - made of constants of ours


class Difference(NamedTuple):
    """A cell that does not say what is counted; block -1: that is not the sum of its blocks.
    Where both numbers are the same, the sums differ."""

    block: int
    facet: str
    slice: str
    question_id: int
    key: str
    counts: int
    is_staff: bool
    stored: int
    expected: int


async def fold(
    db: AsyncSession, *, at: dt.datetime, limit: int, settled: dt.timedelta = dt.timedelta(0)
) -> int:
    """Fold up to `limit` marked blocks of the unit that waits longest and that nobody else folds,
    if it has waited as long as `settled`; how many there were."""
    found = await db.execute(FIND, {"limit": _UNITS, "before": at - settled})
    for row in found.all():
        unit = Unit(*row)
        if await _hold(db, unit):
            await db.execute(PATIENCE)
            return await _fold(db, unit, at=at, limit=limit)
    return 0


async def verify(db: AsyncSession, unit: Unit) -> list[Difference]:
    """What the summary of a course or a quiz says otherwise than it should, but for marked blocks,
    which it does not speak of. Nothing where there is no summary."""
    told = unit._asdict() | {"facets": sorted(unit.facets)}
    return [Difference(*row) for row in await db.execute(_verification(unit), told)]


async def rebuild(db: AsyncSession, unit: Unit, *, at: dt.datetime) -> None:
    """Forget what is kept of a course or a quiz and count everything anew. It waits for others,
    and meanwhile readers have what was there."""
    await db.execute(NO_LIMIT)
    for each in WAIT_FOR_ALL:
        await db.execute(each, unit._asdict() | {"people": PEOPLE})
    await db.execute(FORGET, unit._asdict())
    await _mark_all(db, unit)
    while await _fold(db, unit, at=at, limit=_UNITS):
        pass


async def kept(db: AsyncSession, *, workspace_id: int) -> list[Unit]:
    """The courses and quizzes of a workspace of which there is a summary."""
    return [Unit(*row) for row in await db.execute(KEPT, {"workspace_id": workspace_id})]


async def _hold(db: AsyncSession, unit: Unit) -> bool:
    """Take every lock that folding this needs, or else leave it to a later time.

    The unit comes last: one that is made here must be counted.
    """
    told = unit._asdict()
    if await db.scalar(HOLD_ZONE, told) is None:
        return False
    is_course = unit.module_id == WHOLE_COURSE
    if is_course and not await db.scalar(HOLD_PEOPLE, told | {"people": PEOPLE}):
        return False
    if await db.scalar(HOLD_UNIT, told):
        return True
    if await db.scalar(MAKE_UNIT, told):
        await _mark_all(db, unit)
        return True
    return False


async def _mark_all(db: AsyncSession, unit: Unit) -> None:
    """Mark every block in which there is somebody: who comes later leaves a marker."""
    is_course = unit.module_id == WHOLE_COURSE
    await db.execute(MARK_COURSE if is_course else MARK_QUIZ, unit._asdict())


async def _fold(db: AsyncSession, unit: Unit, *, at: dt.datetime, limit: int) -> int:
    told: dict[str, Any] = unit._asdict() | {"facets": sorted(unit.facets), "at": at}
    seen = (await db.execute(SEEN, told | {"limit": limit})).all()
    blocks = sorted({row.block for row in seen})
    if blocks:
        await db.execute(_folding(unit), told | {"blocks": blocks})
        await db.execute(TAKE, {"markers": [row.id for row in seen]})
        await db.execute(FOLDED, told)
    return len(blocks)


def _source(unit: Unit) -> str:
    is_course = unit.module_id == WHOLE_COURSE
    return course_source.of_course() if is_course else quiz_source.of_quiz()


def _folding(unit: Unit) -> TextClause:
    return _text(sources.SOME_BLOCKS + _source(unit) + _FOLD)


def _verification(unit: Unit) -> TextClause:
    return _text(sources.EVERYBODY_AND_MARKS + _source(unit) + _VERIFY)


@cache
def _text(said: str) -> TextClause:
    return text("WITH " + said)
