"""Bringing a file, and saying that its rows are to be done."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.jobs import FileFormat, Job, JobKind

GROUP: Final = "groupId"
IGNORING: Final = "ignoring"
"""Keys of the parameters of `bring`: the number of a group, and titles of columns to leave out."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What was said with a file: its name and size, into which group, which columns to ignore."""

    file_name: str
    size: int
    group_id: int | None = None
    ignoring: tuple[str, ...] = ()


def brought_with(job: Job) -> Brought:
    """What was said when the file was brought."""
    raise NotImplementedError


async def refuse_bringing(
    db: AsyncSession, *, by: Caller, kind: JobKind, course_id: int | None, group_id: int | None
) -> None:
    """Before any bytes are taken: raises Denied, NOT_FOUND for a course or a group one may not
    see, LIMIT_REACHED where as many files as may be wait."""
    raise NotImplementedError


async def bring(
    db: AsyncSession,
    *,
    by: Caller,
    kind: JobKind,
    format: FileFormat,
    course_id: int | None,
    parameters: Mapping[str, Any],
    input_key: str,
    file_name: str,
    size: int,
    at: dt.datetime,
) -> Job:
    """A file whose bytes lie at `input_key` is to be tried. Raises like `refuse_bringing`."""
    raise NotImplementedError


async def apply(db: AsyncSession, *, by: Caller, job_id: int, at: dt.datetime) -> Job:
    """Have the rows of a file that was tried done; once, however often it is said. CONFLICT for
    one that waits for no word."""
    raise NotImplementedError
