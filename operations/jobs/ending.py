"""What is left of long work that came to an end before it was done: of a file that is made nothing,
of one that is brought what was done of it."""

import datetime as dt
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import ImportOutcome, ImportRow, Job, JobKind
from operations.jobs.keeping import THROWN_AWAY, kept_until

IMPORTS: Final = (JobKind.IMPORT_MEMBERS, JobKind.IMPORT_ASSIGNMENTS)


def verb_of(job: Job, participle: str) -> str:
    """What the journal calls something that happened to a job."""
    return f"{'import' if job.kind in IMPORTS else 'export'}.{participle}"


async def ends_at(db: AsyncSession, job: Job, at: dt.datetime) -> dt.datetime | None:
    """When what is left of it goes, where something may be: what was done of a file is looked at
    for as long as one that was made."""
    if job.applied_line:
        return await kept_until(db, workspace_id=job.workspace_id, at=at)
    return at + THROWN_AWAY if job.runs or job.input_key else None


async def tallied(db: AsyncSession, job: Job) -> dict[str, int]:
    """How many rows of a file that was brought have come to what so far, in the words of the
    journal."""
    if job.kind not in IMPORTS:
        return {}
    counted = (
        select(ImportRow.outcome, func.count().label("rows"))
        .where(ImportRow.job_id == job.id)
        .group_by(ImportRow.outcome)
    )
    if job.is_applied:
        counted = counted.where(ImportRow.line <= job.applied_line)
    found = {row.outcome: row.rows for row in await db.execute(counted)}
    return {each.value.lower(): found.get(each, 0) for each in ImportOutcome}


async def stays(db: AsyncSession, job: Job) -> str:
    """What was done of it and stays, as a sentence to follow others; empty where nothing was."""
    if not job.applied_line:
        return ""
    counts = await tallied(db, job)
    return (
        f" The rows up to line {job.applied_line} were done before and stay so: "
        f"{counts['created']} created, {counts['updated']} updated, "
        f"{counts['unchanged']} unchanged, {counts['refused']} refused."
    )
