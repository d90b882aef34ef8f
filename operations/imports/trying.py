"""Trying rows of a file, or doing them: what becomes, or would become, of each."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.jobs import Job, JobKind
from operations import people
from operations.imports import assignment_rows, person_rows
from operations.imports.outcomes import Batch, Tried
from operations.imports.planning import Plan, Said
from operations.jobs.working import RunIsOver, held


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
    """What becomes of these rows (as many people as a call may name), in their order.

    `dry_run` answers the same and writes nothing. Otherwise the job's row is locked first, rows up
    to its `applied_line` are left out, and `working.keep` has to follow in the same transaction.
    Raises RunIsOver where the run has nothing to do any more; Denied, Refused where the right to
    the whole is gone.
    """
    people.at_most(rows)
    batch = Batch(by=by, job=job, plan=plan, rows=tuple(rows), at=at, dry_run=dry_run)
    if not dry_run:
        present = await held(db, job_id=job.id, run=job.runs)
        if present is None or not present.is_applied:
            raise RunIsOver
        left = tuple(each for each in rows if each.line > present.applied_line)
        batch = replace(batch, rows=left)
    if job.kind is JobKind.IMPORT_MEMBERS:
        return await person_rows.attempt(db, batch)
    return await assignment_rows.attempt(db, batch)
