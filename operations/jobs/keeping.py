"""How long the bytes of files that were made or brought are kept, and where they lie.

A run writes to a key of its own, so one that was given up for dead can spoil nothing. What a run
left behind, which never came to anything, goes when its job goes: every key a job ever may have
written to is known from its row.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import ImportRow, Job, JobState
from models.workspaces import Workspace

EXPIRED: Final = "EXISTS (SELECT FROM job WHERE expires_at <= now())"
"""SQL: whether bytes of some job are to be deleted."""

THROWN_AWAY: Final = dt.timedelta(minutes=2)
"""After this long nobody writes any more for a job that came to nothing."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A job whose bytes are to be deleted, under these keys as far as they are there."""

    id: int
    keys: tuple[str, ...]


def key_of(job: Job, run: int) -> str:
    """Where a run of a job puts its file."""
    return f"{job.workspace_id}/exports/{job.id}-{job.created_at:%Y%m%d%H%M%S%f}/{run}"


async def expire(db: AsyncSession, *, at: dt.datetime, limit: int) -> list[Expired]:
    """Files kept for long enough are given to nobody from now on, and imports that nobody has said
    a word about come to nothing. Their bytes are still there: call `forget` once they are not."""
    found = await db.scalars(
        select(Job)
        .where(Job.expires_at <= at)
        .order_by(Job.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    expired = []
    for job in found:
        if job.state in {JobState.DONE, JobState.CHECKED}:
            job.state = JobState.EXPIRED
        expired.append(Expired(job.id, tuple(_keys(job))))
    return expired


async def forget(db: AsyncSession, *, ids: Collection[int]) -> None:
    """Of these jobs no bytes are there any more, and nothing of what rows have said."""
    gone = {"expires_at": None, "output_key": None, "input_key": None}
    await db.execute(update(Job).where(Job.id.in_(ids)).values(**gone))
    await db.execute(delete(ImportRow).where(ImportRow.job_id.in_(ids)))


async def kept_until(db: AsyncSession, *, workspace_id: int, at: dt.datetime) -> dt.datetime:
    """How long a file that is there now will be."""
    days = await db.scalar(select(Workspace.kept_days).where(Workspace.id == workspace_id))
    return at + dt.timedelta(days=days or 0)


def _keys(job: Job) -> Iterator[str]:
    if job.input_key is not None:
        yield job.input_key
    for run in range(job.runs):
        yield key_of(job, run + 1)
