"""What long work there is in a workspace, for whoever runs the product: whose it is, how far, and
why it failed. Not what was asked for, nor what came of it."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.catalog import Course
from models.jobs import Job, JobState
from models.people import Member


class Seen(NamedTuple):
    """One job; `now` is the moment by the clock its lease goes by."""

    job: Job
    asked_by: str
    course: str | None
    now: dt.datetime

    @property
    def is_deserted(self) -> bool:
        """Somebody was at work, and has not been heard of: it is taken up by whoever comes next."""
        lease = self.job.lease_until
        return self.job.state is JobState.RUNNING and lease is not None and lease < self.now


async def of_workspace(
    db: AsyncSession, *, workspace_id: int, states: Collection[JobState], limit: int
) -> Sequence[Seen]:
    """The newest jobs in these states, newest first."""
    rows = await db.execute(
        select(Job, Member.display_name, Course.title, func.now())
        .join(
            Member,
            (Member.workspace_id == Job.workspace_id) & (Member.id == Job.requested_by_id),
        )
        .outerjoin(Course, (Course.workspace_id == Job.workspace_id) & (Course.id == Job.course_id))
        .where(Job.workspace_id == workspace_id, Job.state.in_(states))
        .order_by(Job.id.desc())
        .limit(limit)
    )
    return [Seen(*row) for row in rows]
