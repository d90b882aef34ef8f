"""Cells: what insights are computed from, read in one statement that is true of its moment.

The summary (`insight_cell`) says what all people together amount to. From that the cells of marked
blocks are taken away, and what those people amount to now is counted and added. So it is exact
with and without the worker that folds markers in, and costs what differs. Where a narrowing needs
more than the summary tells apart, everything is counted, by the same statement.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.insights import ALL_BLOCKS, WHOLE_COURSE, Facet
from operations.insights import condensing, course_source, quiz_source, sources


class Policy(StrEnum):
    """Which submissions of a person at a quiz count."""

    ALL = "ALL"
    FIRST = "FIRST"
    LAST = "LAST"
    BEST = "BEST"


DEPARTMENT: Final = "department:"
GROUP: Final = "group:"
"""How the slices of a course begin."""

PATIENCE: Final = text("SET LOCAL statement_timeout = '12s'")
"""What has no summary is counted from the rows: two million answers take seconds."""

_COUNTS: Final = {Policy.FIRST: 1, Policy.LAST: 2, Policy.BEST: 4}


@dataclass(frozen=True, slots=True)
class Narrow:
    """Whom figures are about: learners of a group or of a department, who were enrolled, or whose
    submission was handed in, from `since` on and before `until`; without staff, unless said.
    `policy` is about quizzes."""

    group_id: int | None = None
    department: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    includes_staff: bool = False
    policy: Policy = Policy.FIRST


EVERYBODY: Final = Narrow()


class Unit(NamedTuple):
    """What cells are kept of: a course, or one quiz or assignment in it."""

    workspace_id: int
    course_id: int
    module_id: int = WHOLE_COURSE

    @property
    def facets(self) -> frozenset[Facet]:
        is_course = self.module_id == WHOLE_COURSE
        return sources.ABOUT_COURSES if is_course else sources.ABOUT_QUIZZES


class Cell(NamedTuple):
    """How many are alike in what the key says, and the sums over them (see `InsightCell`).

    Of TOTAL, `correct` is how many passed, and `points` are of the score. Of a course that is
    narrowed to a group or a department there is that slice alone; to both, the department's.
    """

    facet: Facet
    slice: str
    question_id: int
    key: str
    n: int
    answered: int
    correct: int
    points: Decimal
    squares: Decimal
    most: Decimal


async def read(
    db: AsyncSession,
    unit: Unit,
    *,
    facets: Collection[Facet] | None = None,
    to: Narrow = EVERYBODY,
) -> list[Cell]:
    """The cells of a course or a quiz, in no order: all there are. One statement, before which
    it is given time where everything has to be counted."""
    return await _told(db, unit, _EVERYTHING, facets=facets or Facet, to=to)


async def of_course(
    db: AsyncSession,
    unit: Unit,
    *,
    facets: Collection[Facet],
    to: Narrow,
    at: dt.datetime,
    due_at: dt.datetime | None,
) -> list[Cell]:
    """What a course amounts to at a moment, as `condensing.OF_COURSE` says; `due_at` is its own."""
    whole = GROUP if _is_of_group(to) else DEPARTMENT
    more = {"at": at, "due_at": due_at, "whole": whole}
    return await _told(db, unit, condensing.OF_COURSE, facets=facets, to=to, more=more)


async def of_quiz(db: AsyncSession, unit: Unit, *, to: Narrow) -> list[Cell]:
    """What a quiz amounts to, as `condensing.OF_QUIZ` says."""
    return await _told(db, unit, condensing.OF_QUIZ, facets=Facet, to=to)


async def _told(
    db: AsyncSession,
    unit: Unit,
    telling: str,
    *,
    facets: Iterable[Facet],
    to: Narrow,
    more: dict[str, Any] | None = None,
) -> list[Cell]:
    narrowed = {
        "group_id": to.group_id,
        "department": None if to.department is None else to.department[: sources.LONGEST_SLICE],
        "since": to.since,
        "until": to.until,
    }
    said = {name: value for name, value in narrowed.items() if value is not None}
    is_course = unit.module_id == WHOLE_COURSE
    counts_all = is_course or to.policy is Policy.ALL
    shape = _Shape(is_course, frozenset(said), to.includes_staff, counts_all, telling)
    told: dict[str, Any] = (
        unit._asdict() | said | {"facets": sorted(unit.facets & frozenset(facets))} | (more or {})
    )
    if not shape.counts_all:
        told["policy"] = _COUNTS[to.policy]
    if shape.has_slice:
        told["slice"] = _slice(to)
    if not shape.is_summed:
        await db.execute(PATIENCE)
    rows = await db.execute(_statement(shape), told)
    return [Cell(Facet(row[0]), *row[1:]) for row in rows]


def _is_of_group(to: Narrow) -> bool:
    """Whether the slice is a group: to a group and a department, it is the department's."""
    return to.group_id is not None and to.department is None


def _slice(to: Narrow) -> str:
    if to.department is None:
        return f"{GROUP}{to.group_id}"
    return f"{DEPARTMENT}{to.department[: sources.LONGEST_SLICE]}"


class _Shape(NamedTuple):
    """What the text of the statement depends on."""

    is_course: bool
    narrowed: frozenset[str]
    includes_staff: bool
    counts_all: bool
    telling: str

    @property
    def is_summed(self) -> bool:
        """Whether the summary tells apart what is asked for."""
        if self.is_course:
            return len(self.narrowed) <= 1 and self.narrowed <= {"group_id", "department"}
        return not self.narrowed

    @property
    def has_slice(self) -> bool:
        return self.is_summed and bool(self.narrowed)


_EVERYTHING: Final = " SELECT * FROM summed"
_SUMS: Final = """
SELECT facet, slice, question_id, key, sum(n)::bigint AS n, sum(answered)::bigint AS answered,
       sum(correct)::bigint AS correct, sum(points) AS points, sum(squares) AS squares,
       sum(most) AS most"""

_COUNTED: Final = (
    "WITH "
    + sources.EVERYBODY
    + "{source}, summed AS MATERIALIZED ("
    + _SUMS
    + """
  FROM counted WHERE TRUE{asked}
 GROUP BY facet, slice, question_id, key
){telling}"""
)
_SUMMED: Final = (
    "WITH "  # noqa: S608 - made of constants of ours
    + sources.MARKED_BLOCKS
    + "{source}, summed AS MATERIALIZED ("
    + _SUMS
    + f"""
  FROM (
    SELECT {sources.KEYS}, {", ".join(sources.NAMES)} FROM insight_cell
     WHERE course_id = :course_id AND module_id = :module_id AND block = {ALL_BLOCKS}
       AND facet = ANY (CAST(:facets AS text[])) AND EXISTS (SELECT FROM kept)
     UNION ALL
    SELECT {sources.KEYS}, {", ".join(f"-{name}" for name in sources.NAMES)} FROM insight_cell
     WHERE course_id = :course_id AND module_id = :module_id
       AND block = ANY (ARRAY(SELECT block FROM marked))
       AND facet = ANY (CAST(:facets AS text[])) AND EXISTS (SELECT FROM kept)
     UNION ALL
    SELECT {sources.KEYS}, {", ".join(sources.NAMES)} FROM counted
       ) AS cell WHERE TRUE{{asked}}
 GROUP BY facet, slice, question_id, key HAVING sum(n) <> 0
){{telling}}"""  # noqa: S608 - made of constants of ours
)


@lru_cache(maxsize=256)
def _statement(shape: _Shape) -> TextClause:
    narrowed = () if shape.is_summed else shape.narrowed
    asked = "" if shape.includes_staff else " AND NOT is_staff"
    asked += "" if shape.counts_all else " AND counts & :policy <> 0"
    asked += " AND slice = :slice" if shape.has_slice else ""
    if shape.is_course:
        source = course_source.of_course(narrowed, by_block=shape.is_summed)
    elif shape.is_summed:
        source = quiz_source.of_quiz()
    else:
        source = quiz_source.of_narrowed_quiz(narrowed, asked=asked)
    statement = _SUMMED if shape.is_summed else _COUNTED
    return text(statement.format(source=source, asked=asked, telling=shape.telling))
