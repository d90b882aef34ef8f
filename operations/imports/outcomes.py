"""What becomes of rows, and which of them are about somebody who has had one."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.jobs import ImportOutcome, Job
from operations.imports.cells import plain, shown
from operations.imports.planning import Column, Field, Plan, Said
from operations.newcomers import KNOWN
from operations.refusals import Code, Denied, Refused

T = TypeVar("T")

PERMISSION_DENIED: Final = "PERMISSION_DENIED"
"""The code of a row that asks for more than its bringer may."""

EARLIER: Final = text("""
SELECT k.key, min(r.line) AS line
  FROM import_row r CROSS JOIN LATERAL unnest(r.keys) AS k(key)
 WHERE r.job_id = :job_id AND r.line < :line AND r.keys && CAST(:keys AS text[])
 GROUP BY k.key
""")


class Tried(NamedTuple):
    """What became of the row that begins at `line`. `keys` are by what its person is told: a later
    row of the file with one of them is about the same person."""

    line: int
    outcome: ImportOutcome
    member_id: int | None = None
    code: str | None = None
    message: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file, to be tried or done together, for whom."""

    by: Caller
    job: Job
    plan: Plan
    rows: tuple[Said, ...]
    at: dt.datetime
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a row is about, as far as the database knows; ids by what they were found by."""

    named: int | None = None
    reached: tuple[int, ...] = ()

    def member_id(self) -> int | None:
        """Raises CONFLICT where that is not one person."""
        if self.named is None and len(self.reached) > 1:
            raise Refused(
                Code.CONFLICT,
                f"{len(self.reached)} members have this address; say the user name of one.",
            )
        if self.named is not None and self.reached and self.named not in self.reached:
            raise Refused(
                Code.CONFLICT,
                "The user name is one member's, the address another's; correct one of them.",
            )
        return self.named if self.named is not None or not self.reached else self.reached[0]


@dataclass(slots=True)
class Repeats:
    """Who has had a row in the file, by key: before these rows, and among them."""

    line_of: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def before(cls, db: AsyncSession, batch: Batch, keys: Iterable[str]) -> "Repeats":
        """What earlier batches have left. It stands in the database, not in memory: whoever takes
        the work up in the middle knows it too, and a long file costs nobody more."""
        asked = {"job_id": batch.job.id, "keys": sorted(set(keys))}
        first = batch.rows[0].line if batch.rows else 0
        rows = await db.execute(EARLIER, asked | {"line": first})
        return cls({row.key: row.line for row in rows})

    def refuse(self, keys: Collection[str]) -> None:
        """Raises NAME_TAKEN for somebody who has had a row, naming its line."""
        lines = [self.line_of[each] for each in keys if each in self.line_of]
        if lines:
            raise Refused(
                Code.NAME_TAKEN,
                f"This is the person of line {min(lines)} again. Keep one row of each person.",
                {"sameAs": min(lines)},
            )

    def claim(self, keys: Collection[str], line: int) -> None:
        """The row of this line, which was not refused, is the first of its person."""
        self.line_of |= dict.fromkeys(keys, line)


def refused(line: int, problem: Refused | Denied) -> Tried:
    """The row came to nothing."""
    if isinstance(problem, Denied):
        return Tried(line, ImportOutcome.REFUSED, None, PERMISSION_DENIED, problem.reason)
    return Tried(line, ImportOutcome.REFUSED, None, problem.code.value, problem.message)


def cells_of(plan: Plan, row: Said) -> Mapping[Column, str]:
    """What a row says, by column that is read. Raises Refused for what stands under no title."""
    untitled = plan.without_title(row)
    if untitled is not None:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"Column {untitled} has no title, and says “{shown(row.cells[untitled - 1])}” here. "
            "Give it a title, or leave it empty.",
        )
    places = [each for each in plan.columns if each.place < len(row.cells)]
    said = {each: plain(row.cells[each.place]) for each in places}
    return {column: cell for column, cell in said.items() if cell}


def by_field(cells: Mapping[Column, str]) -> dict[Field, str]:
    """The cells of fields."""
    return {each.field: cell for each, cell in cells.items() if each.field is not None}


async def found(
    db: AsyncSession, workspace_id: int, asked: Sequence[tuple[str | None, str | None]]
) -> list[Found]:
    """Of each user name and address, whose they are."""
    named: dict[int, int] = {}
    reached: dict[int, list[int]] = {}
    told = {
        "workspace_id": workspace_id,
        "user_names": [name for name, _ in asked],
        "addresses": [address for _, address in asked],
    }
    for place, member_id, is_named in await db.execute(KNOWN, told):
        if is_named:
            named[place] = member_id
        else:
            reached.setdefault(place, []).append(member_id)
    return [Found(named.get(place), tuple(reached.get(place, ()))) for place in range(len(asked))]
