"""How long the bytes of files that were made are kept, and where they lie.

A run writes to a key of its own, so one that was given up for dead can spoil nothing. What a run
left behind, which never came to anything, goes when its job goes: every key a job ever may have
written to is known from its row.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import Job, JobState

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
    """Files kept for long enough are given to nobody from now on. Their bytes are still there:
    call `forget` once they are not."""
    found = await db.scalars(
        select(Job)
        .where(Job.expires_at <= at)
        .order_by(Job.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    expired = []
    for job in found:
        if job.state is JobState.DONE:
            job.state = JobState.EXPIRED
        expired.append(Expired(job.id, tuple(key_of(job, run + 1) for run in range(job.runs))))
    return expired


async def forget(db: AsyncSession, *, ids: Collection[int]) -> None:
    """Of these jobs no bytes are there any more."""
    await db.execute(update(Job).where(Job.id.in_(ids)).values(expires_at=None, output_key=None))
