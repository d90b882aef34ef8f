"""Trying rows of a file, or doing them: what becomes, or would become, of each."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.jobs import ImportOutcome, Job
from operations.imports.planning import Plan, Said

ROWS_A_BATCH: Final = 500


class Tried(NamedTuple):
    """What became of the row that begins at `line`. `keys` are what it says about who is meant: a
    later row of the file with one of them is about the same person."""

    line: int
    outcome: ImportOutcome
    member_id: int | None = None
    code: str | None = None
    message: str | None = None
    keys: tuple[str, ...] = ()


async def attempt(
    db: AsyncSession,
    *,
    by: Caller,
    job: Job,
    plan: Plan,
    rows: Sequence[Said],
    at: dt.datetime,
    dry_run: bool,
) -> list[Tried]:
    """What becomes of these rows (at most ROWS_A_BATCH), in their order.

    `dry_run` answers the same and writes nothing. Otherwise the job's row is locked first, rows up
    to its `applied_line` are left out, and `working.keep` has to follow in the same transaction.
    Raises RunIsOver where the run has nothing to do any more; Denied, Refused where the right to
    the whole is gone.
    """
    raise NotImplementedError
