"""What was recognized in a file that was brought, to be shown to whoever brought it."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import Job

READ_AS: Final = "readAs"
"""Under which of a job's parameters stands how its file is read."""

_KEEP: Final = text(
    """
UPDATE job
   SET parameters = jsonb_set(parameters, CAST(:path AS text[]), to_jsonb(CAST(:said AS text)))
 WHERE id = :id AND state = 'RUNNING' AND runs = :run
"""
)


async def keep_reading(db: AsyncSession, *, job_id: int, run: int, said: str) -> None:
    """In which encoding a file is read, and what divides its cells."""
    await db.execute(_KEEP, {"id": job_id, "run": run, "path": [READ_AS], "said": said})


def read_as(job: Job) -> str | None:
    """The same, once the file was looked at."""
    said: str | None = job.parameters.get(READ_AS)
    return said
