"""What was recognized in a file that was brought, to be shown to whoever brought it."""

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.jobs import Job

READ_AS: Final = "readAs"
TITLES: Final = "titles"
"""Under which of a job's parameters stands how its file is read, and its titles in order."""

_KEEP: Final = text(
    """
UPDATE job SET parameters = parameters || CAST(:more AS jsonb)
 WHERE id = :id AND state = 'RUNNING' AND runs = :run
"""
)


async def keep_reading(
    db: AsyncSession, *, job_id: int, run: int, said: str, titles: Sequence[str]
) -> None:
    """How a file is read: in which encoding, and what divides its cells."""
    more = json.dumps({READ_AS: said, TITLES: list(titles)})
    await db.execute(_KEEP, {"id": job_id, "run": run, "more": more})


def read_as(job: Job) -> str | None:
    """The same, once the file was looked at."""
    said: str | None = job.parameters.get(READ_AS)
    return said
