"""Doing long work: one worker at a time, for as long as it says that it lives.

A claimed job is out of everybody's reach until its lease is over. Whoever works says again and
again how far it is, which prolongs the lease; the number of the run tells the living worker from
one that was given up for dead and has woken up since. Leases go by the database's clock.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from access.caller import system
from models.jobs import Job, JobState
from models.journal import record
from operations.jobs.ending import ends_at, stays, tallied, verb_of
from operations.jobs.keeping import kept_until, key_of
from operations.jobs.rights import NOTHING, Shown, ask, asker_of
from operations.refusals import Code, Refused, not_found

LONGEST_RUN: Final = dt.timedelta(hours=1)
LEASE: Final = dt.timedelta(seconds=30)
RUNS: Final = 3
PAUSE: Final = dt.timedelta(seconds=5)
"""Before a try that went wrong is repeated."""

PENDING: Final = (
    "EXISTS (SELECT FROM job WHERE state IN ('QUEUED', 'RUNNING')"
    " AND (lease_until IS NULL OR lease_until < now()))"
)
"""SQL: whether some job waits for a worker."""

BEAT: Final = text(
    """
UPDATE job SET done = :done, total = :total, lease_until = now() + make_interval(secs => :lease)
 WHERE id = :id AND state = 'RUNNING' AND runs = :run
RETURNING id
"""
)
"""How far a run is, and that it lives; no row where it has nothing to do any more."""

GIVEN_UP: Final = "GIVEN_UP"

EARLIER_RUNS: Final = "earlierRuns"
"""Under which of a job's parameters stands how many runs an earlier part of it took."""

_LONGEST_MESSAGE: Final = 500


class RunIsOver(Exception):
    """The run has nothing to do any more: its job was called off, or is somebody else's."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """What a run has made, once its bytes are in the storage."""

    name: str
    media_type: str
    size: int
    sha256: bytes
    rows: int


async def claim(db: AsyncSession, *, at: dt.datetime) -> Job | None:
    """The next job, for whoever asks: its run is the number of its `runs`. Workspaces take turns.
    What nobody brought to an end in three runs is given up."""
    while (job := await _next(db)) is not None:
        if job.runs < RUNS + int(job.parameters.get(EARLIER_RUNS, 0)):
            job.state, job.runs = JobState.RUNNING, job.runs + 1
            job.done, job.total = 0, None
            job.started_at = at
            job.lease_until = await db.scalar(select(func.now() + LEASE))
            return job
        message = f"Nobody brought it to an end in {RUNS} tries. Ask for it again, or for less."
        await _fail(db, job, GIVEN_UP, message, at)
        await db.flush()
    return None


async def progress(
    db: AsyncSession, *, job_id: int, run: int, done: int, total: int | None
) -> bool:
    """Say how far a run is; false where it is to stop: called off, or given to somebody else."""
    return await db.scalar(BEAT, beat(job_id, run, done, total)) is not None


def beat(job_id: int, run: int, done: int, total: int | None) -> dict[str, object]:
    """The parameters of `BEAT`."""
    seconds = LEASE.total_seconds()
    return {"id": job_id, "run": run, "done": done, "total": total, "lease": seconds}


def took_too_long() -> Refused:
    """What is said of a run that has not come to its end in the time there is."""
    hours = LONGEST_RUN // dt.timedelta(hours=1)
    return Refused(
        Code.LIMIT_REACHED,
        f"It took longer than {hours} h, and was stopped. Narrow what is asked for, or bring the"
        " file in parts.",
        {"limit": hours},
    )


async def ask_again(db: AsyncSession, *, job: Job, shows: Shown = NOTHING) -> None:
    """Raises Refused, Denied if who asked for it would not be let in any more."""
    by = await asker_of(db, job)
    if by is None:
        raise not_found("member")
    await ask(db, by=by, kind=job.kind, course_id=job.course_id, shows=shows)


async def finish(
    db: AsyncSession, *, job_id: int, run: int, file: MadeFile, shows: Shown, at: dt.datetime
) -> bool:
    """The file is there; false where the run had nothing to do any more. Raises like `ask_again`
    for who may not read it by now."""
    job = await held(db, job_id=job_id, run=run)
    if job is None:
        return False
    await ask_again(db, job=job, shows=shows)
    job.parameters = {**job.parameters, **shows.kept()}
    job.state, job.finished_at, job.lease_until = JobState.DONE, at, None
    job.expires_at = await kept_until(db, workspace_id=job.workspace_id, at=at)
    put_away(job, file)
    job.total = job.done = file.rows
    tell(db, job, "finished", {"rows": job.done, "sha256": file.sha256.hex()})
    return True


def put_away(job: Job, file: MadeFile) -> None:
    """Say of a job where the file of its present run lies."""
    job.output_key, job.file_name = key_of(job, job.runs), file.name
    job.media_type, job.size, job.sha256 = file.media_type, file.size, file.sha256


async def give_back(
    db: AsyncSession,
    *,
    job_id: int,
    run: int,
    at: dt.datetime,
    counts: bool,
    pauses: bool = False,
) -> None:
    """Leave it to whoever comes next; `counts`: as a try that came to nothing, after a pause, as
    there may be without."""
    job = await held(db, job_id=job_id, run=run)
    if job is not None:
        job.state, job.done, job.total = JobState.QUEUED, 0, None
        job.lease_until = at + PAUSE if counts or pauses else None
        job.runs = run if counts else run - 1


async def fail(
    db: AsyncSession, *, job_id: int, run: int, problem: str, message: str, at: dt.datetime
) -> bool:
    """It comes to nothing, for good; false where the run had nothing to do any more."""
    job = await held(db, job_id=job_id, run=run)
    if job is None:
        return False
    await _fail(db, job, problem, message, at)
    return True


async def _fail(db: AsyncSession, job: Job, problem: str, message: str, at: dt.datetime) -> None:
    job.state, job.finished_at, job.lease_until = JobState.FAILED, at, None
    job.problem = problem
    job.message = f"{message[:_LONGEST_MESSAGE]}{await stays(db, job)}"
    job.expires_at = await ends_at(db, job, at)
    tell(db, job, "failed", {"problem": problem, **await tallied(db, job)})


async def _next(db: AsyncSession) -> Job | None:
    other = aliased(Job)
    served = (
        select(func.max(other.started_at))
        .where(other.workspace_id == Job.workspace_id)
        .scalar_subquery()
    )
    found: Job | None = await db.scalar(
        select(Job)
        .where(
            Job.state.in_([JobState.QUEUED, JobState.RUNNING]),
            or_(Job.lease_until.is_(None), Job.lease_until < func.now()),
        )
        .order_by(served.asc().nulls_first(), Job.id)
        .limit(1)
        .with_for_update(of=Job, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return found


async def held(db: AsyncSession, *, job_id: int, run: int) -> Job | None:
    """The job, locked, as long as it is this run's."""
    found: Job | None = await db.scalar(
        select(Job)
        .where(Job.id == job_id, Job.state == JobState.RUNNING, Job.runs == run)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def tell(db: AsyncSession, job: Job, participle: str, more: dict[str, object]) -> None:
    """The product did it, for the person named."""
    record(
        db,
        by=system(job.workspace_id),
        verb=verb_of(job, participle),
        course_id=job.course_id,
        member_id=job.requested_by_id,
        detail={"job": job.id, "kind": job.kind, "causedBy": job.cause, **more},
    )
