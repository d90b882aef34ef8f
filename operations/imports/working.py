"""How far the import of a file is, kept together with what it does."""

import datetime as dt
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import ImportOutcome, ImportRow, Job, JobState
from operations.imports.outcomes import Tried
from operations.imports.planning import Plan, Said
from operations.jobs.ending import tallied
from operations.jobs.keeping import kept_until
from operations.jobs.working import MadeFile, RunIsOver, ask_again, held, put_away, tell
from operations.wording import storable

PAGE: Final = 1_000

KEEP: Final = text("""
INSERT INTO import_row (job_id, line, outcome, member_id, code, message, said, keys)
SELECT :job_id, r.line, r.outcome, r.member_id, r.code, r.message, r.said,
       array(SELECT jsonb_array_elements_text(r.keys))
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(line integer, outcome text, member_id bigint,
       code text, message text, said jsonb, keys jsonb)
 ORDER BY r.line
ON CONFLICT (job_id, line) DO UPDATE
   SET outcome = excluded.outcome, member_id = excluded.member_id, code = excluded.code,
       message = excluded.message, said = excluded.said, keys = excluded.keys
""")


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
    present = await held(db, job_id=job.id, run=run)
    if present is None:
        raise RunIsOver
    cells = {each.line: plan.said(each) for each in said}
    rows = [_kept(each, cells[each.line]) for each in tried]
    if rows:
        await db.execute(KEEP, {"job_id": job.id, "rows": json.dumps(rows)})
    if present.is_applied and through_line > present.applied_line:
        present.applied_line = through_line
        await db.flush()


async def checked(
    db: AsyncSession, *, job_id: int, run: int, file: MadeFile | None, at: dt.datetime
) -> bool:
    """Every row was tried; `file` is the refused ones, where there are any. False where the run
    has nothing to do any more. Raises like `jobs.working.ask_again`."""
    job = await held(db, job_id=job_id, run=run)
    if job is None or job.is_applied:
        return False
    await _end(db, job, JobState.CHECKED, file, at)
    return True


async def applied(
    db: AsyncSession, *, job_id: int, run: int, file: MadeFile | None, at: dt.datetime
) -> bool:
    """Every row was done; else like `checked`."""
    job = await held(db, job_id=job_id, run=run)
    if job is None or not job.is_applied:
        return False
    await _end(db, job, JobState.DONE, file, at)
    return True


async def counts(
    db: AsyncSession, *, job_ids: Collection[int]
) -> dict[int, dict[ImportOutcome, int]]:
    """How many rows of each of these files came, or would come, to what; once they are done, only
    of those that were."""
    counted = (
        select(ImportRow.job_id, ImportRow.outcome, func.count())
        .join(Job, Job.id == ImportRow.job_id)
        .where(
            ImportRow.job_id.in_(job_ids),
            or_(Job.is_applied.is_(False), ImportRow.line <= Job.applied_line),
        )
        .group_by(ImportRow.job_id, ImportRow.outcome)
    )
    found = {id: dict.fromkeys(ImportOutcome, 0) for id in job_ids}
    for job_id, outcome, rows in await db.execute(counted):
        found[job_id][outcome] = rows
    return found


async def refused_rows(db: AsyncSession, job_id: int) -> AsyncIterator[RefusedRow]:
    """The rows that were refused, by line, read bit by bit."""
    rows = await db.stream(
        select(ImportRow.line, ImportRow.said, ImportRow.code, ImportRow.message)
        .where(ImportRow.job_id == job_id, ImportRow.outcome == ImportOutcome.REFUSED)
        .order_by(ImportRow.line)
        .execution_options(yield_per=PAGE)
    )
    async for line, said, code, message in rows:
        yield RefusedRow(line, said, code or "", message or "")


async def _end(
    db: AsyncSession, job: Job, state: JobState, file: MadeFile | None, at: dt.datetime
) -> None:
    await ask_again(db, job=job)
    tally = await tallied(db, job)
    job.state, job.lease_until = state, None
    job.finished_at = None if state is JobState.CHECKED else at
    job.expires_at = await kept_until(db, workspace_id=job.workspace_id, at=at)
    job.total = job.done = sum(tally.values())
    if file is None:
        job.output_key = job.file_name = job.media_type = job.size = job.sha256 = None
    else:
        put_away(job, file)
    tell(db, job, "checked" if state is JobState.CHECKED else "applied", {**tally})


def _kept(tried: Tried, cells: Mapping[str, str]) -> dict[str, Any]:
    return {
        "line": tried.line,
        "outcome": tried.outcome.value,
        "member_id": tried.member_id,
        "code": tried.code,
        "message": None if tried.message is None else storable(tried.message),
        "said": {storable(title): storable(cell) for title, cell in cells.items()},
        "keys": [storable(each) for each in tried.keys],
    }
