"""How far the import of a file is, kept together with what it does."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import ImportOutcome, Job
from operations.imports.planning import Plan, Said
from operations.imports.trying import Tried
from operations.jobs.working import MadeFile


class RefusedRow(NamedTuple):
    """A row that was refused, to be handed back: its cells by title, and why."""

    line: int
    cells: Mapping[str, str]
    code: str
    message: str


async def keep(
    db: AsyncSession,
    *,
    job: Job,
    run: int,
    plan: Plan,
    said: Sequence[Said],
    tried: Sequence[Tried],
    through_line: int,
) -> None:
    """Keep what became of these rows. When the file is being applied, its lines are done up to
    `through_line`. Raises RunIsOver, and then nothing of the transaction may be committed."""
    raise NotImplementedError


async def checked(
    db: AsyncSession, *, job_id: int, run: int, file: MadeFile | None, at: dt.datetime
) -> bool:
    """Every row was tried; `file` is the refused ones, where there are any. False where the run
    has nothing to do any more. Raises like `jobs.working.ask_again`."""
    raise NotImplementedError


async def applied(
    db: AsyncSession, *, job_id: int, run: int, file: MadeFile | None, at: dt.datetime
) -> bool:
    """Every row was done; else like `checked`."""
    raise NotImplementedError


async def counts(
    db: AsyncSession, *, job_ids: Sequence[int]
) -> dict[int, dict[ImportOutcome, int]]:
    """How many rows of each of these files came, or would come, to what."""
    raise NotImplementedError


async def refused_rows(db: AsyncSession, job_id: int) -> AsyncIterator[RefusedRow]:
    """The rows that were refused, by line, read bit by bit."""
    none: tuple[RefusedRow, ...] = ()
    for row in none:
        yield row
