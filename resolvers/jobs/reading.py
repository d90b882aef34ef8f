"""Files that are made: how far they are, and where to fetch them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Scope
from models.jobs import Job, JobState
from operations.jobs import rights
from operations.jobs.asking import seen_by
from operations.refusals import not_found
from resolvers.context import Context
from resolvers.ids import encode, number_of
from resolvers.listing import Listing, listed
from resolvers.references import IS_SELF, NOTHING, Reference, refer

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

FILES: Final = "/files"
OVER: Final = (JobState.DONE, JobState.CHECKED)
"""States in which there is a file, if anything was put into one."""

NEWEST: Final = ((-Job.id).label("newest"),)

refer(
    Job,
    lambda row, caller: Reference(
        Scope.WORKSPACE,
        row.workspace_id,
        IS_SELF if row.requested_by_id == caller.member_id else NOTHING,
    ),
)


async def job(info: Info, id: strawberry.ID) -> Job:
    found = await info.context.load(own_jobs_by_id, number_of(id, "Job"))
    if found is None:
        raise not_found("job")
    return found


async def jobs(info: Info, *, first: int | None = None, after: str | None = None) -> Listing:
    rows = seen_by(info.context.signed_in)
    return await listed(info.context, rows, order=NEWEST, first=first, after=after, name="jobs")


async def touched(root: Parent, info: Info) -> Job | None:
    """The job a mutation was about."""
    return None if root.job_id is None else await info.context.load(own_jobs_by_id, root.job_id)


def percent(root: Parent) -> float | None:
    """How much of it is done; None while nobody knows how much there is."""
    job: Job = root
    if job.state in OVER:
        return 100.0
    if not job.total:
        return None
    return min(100.0, round(100 * job.done / job.total, 1))


def expires_at(root: Parent) -> dt.datetime | None:
    """Of a file; of work that came to nothing, nobody needs to know when its remains go."""
    when: dt.datetime | None = root.expires_at
    return when if root.state in OVER else None


async def file_name(root: Parent, info: Info) -> str | None:
    return root.file_name if await _is_there(root, info.context) else None


async def size(root: Parent, info: Info) -> str | None:
    return str(root.size) if await _is_there(root, info.context) else None


async def url(root: Parent, info: Info) -> str | None:
    return address_of(root.id) if await _is_there(root, info.context) else None


def address_of(job_id: int) -> str:
    """Where a file is fetched, below the address of the product."""
    return f"{FILES}/{encode('Job', job_id)}"


async def own_jobs_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Job | None]:
    rows = await db.scalars(seen_by(context.signed_in).where(Job.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def readable(db: AsyncSession, context: Context, jobs: Sequence[Job]) -> list[bool]:
    """Of each of these whether its file may be read now."""
    return await rights.readable(db, by=context.signed_in, jobs=jobs)


async def _is_there(job: Job, context: Context) -> bool:
    is_made = job.state in OVER and job.size is not None
    return is_made and await context.load(readable, job)
