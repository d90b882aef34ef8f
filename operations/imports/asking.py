"""Bringing a file, and saying that its rows are to be done."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.jobs import FileFormat, Job, JobKind, JobState
from models.journal import record
from operations.jobs.asking import (
    CALLED_OFF,
    SAID,
    put_in_line,
    refuse_long,
    refuse_nobody,
    refuse_too_many,
    seen_by,
)
from operations.jobs.ending import IMPORTS, tallied
from operations.jobs.rights import LIMITED_TO, ask, limits_of
from operations.jobs.working import EARLIER_RUNS
from operations.learning import enrolments
from operations.refusals import Code, Refused, not_found
from operations.wording import storable

GROUP: Final = "groupId"
IGNORING: Final = "ignoring"
FILE_NAME: Final = "fileName"
SIZE: Final = "size"
"""Keys of what is said with a file: the number of a group, titles of columns to leave out; what it
is called, and how many bytes it has."""

LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Brought:
    """What was said with a file: its name and size, into which group, which columns to ignore."""

    file_name: str
    size: int
    group_id: int | None = None
    ignoring: tuple[str, ...] = ()


def brought_with(job: Job) -> Brought:
    """What was said when the file was brought."""
    said = job.parameters[SAID]
    return Brought(said[FILE_NAME], said[SIZE], said.get(GROUP), tuple(said.get(IGNORING, ())))


async def refuse_bringing(
    db: AsyncSession, *, by: Caller, kind: JobKind, course_id: int | None, group_id: int | None
) -> None:
    """Before any bytes are taken: raises Denied, NOT_FOUND for a course or a group one may not
    see, LIMIT_REACHED where as many files as may be wait for a worker or for a word."""
    refuse_nobody(by)
    if kind not in IMPORTS or (kind is JobKind.IMPORT_ASSIGNMENTS) != (course_id is not None):
        raise Refused(
            Code.BAD_USER_INPUT, "People are brought into the workspace, assignments to a course."
        )
    await ask(db, by=by, kind=kind, course_id=course_id)
    if group_id is not None:
        await _refuse_group(db, by, course_id, group_id)
    await refuse_too_many(db, by, CALLED_OFF)


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
    """A file whose bytes lie at `input_key` is to be tried. `parameters` are GROUP and IGNORING,
    as far as they are said. Raises like `refuse_bringing`."""
    group_id = parameters.get(GROUP)
    await refuse_bringing(db, by=by, kind=kind, course_id=course_id, group_id=group_id)
    name = storable(file_name)[:LONGEST_NAME]
    said = {**parameters, FILE_NAME: name, SIZE: size}
    refuse_long(said)
    job = Job(kind=kind, format=format, course_id=course_id, created_at=at, input_key=input_key)
    return await put_in_line(db, by=by, job=job, asked=said)


async def apply(db: AsyncSession, *, by: Caller, job_id: int, at: dt.datetime) -> Job:
    """Have the rows of a file that was tried done; once, however often it is said. CONFLICT for
    one that waits for no word."""
    job = await db.scalar(
        seen_by(by)
        .where(Job.id == job_id, Job.kind.in_(IMPORTS))
        .with_for_update(of=Job)
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise not_found("import")
    await ask(db, by=by, kind=job.kind, course_id=job.course_id)
    if job.is_applied:
        return job
    if job.state is not JobState.CHECKED:
        raise Refused(
            Code.CONFLICT,
            f"This is {job.state.value}: only what was tried, and is CHECKED, can be done.",
            {"state": job.state.value},
        )
    group_id = brought_with(job).group_id
    if group_id is not None:
        await _refuse_group(db, by, job.course_id, group_id)
    await refuse_too_many(db, by)
    job.parameters = {**job.parameters, LIMITED_TO: limits_of(by), EARLIER_RUNS: job.runs}
    job.is_applied, job.state = True, JobState.QUEUED
    job.finished_at = job.expires_at = job.lease_until = job.total = None
    job.done = 0
    detail = {"job": job.id, "kind": job.kind, "causedBy": job.cause, **await tallied(db, job)}
    record(db, by=by, verb="import.confirmed", course_id=job.course_id, detail=detail)
    return job


async def _refuse_group(db: AsyncSession, by: Caller, course_id: int | None, group_id: int) -> None:
    if course_id is None:
        raise not_found("group")
    await enrolments.require_on(db, by, Permission.ASSIGN_LEARNER, course_id, group_id)
