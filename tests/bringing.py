"""Files that people bring in a test: their bytes in the storage, their job in the queue."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import select

from models.jobs import FileFormat, ImportOutcome, ImportRow, Job, JobKind
from operations.imports import asking
from tests.files import Files


async def bring(
    files: Files,
    by: str,
    data: bytes,
    *,
    name: str = "people.csv",
    course: str | None = None,
    group: str | None = None,
    ignoring: Sequence[str] = (),
) -> Job:
    """What the door does once it has the bytes."""
    world = files.world
    key = f"{world.workspace_id}/imports/{uuid.uuid4().hex}"
    await files.storage.put(key, _once(data))
    said: dict[str, Any] = {asking.IGNORING: list(ignoring)}
    if group is not None:
        said[asking.GROUP] = world.groups[group]
    async with world.edge.transaction() as db:
        return await asking.bring(
            db,
            by=world.caller(by),
            kind=JobKind.IMPORT_ASSIGNMENTS if course else JobKind.IMPORT_MEMBERS,
            format=FileFormat.XLSX if name.endswith(".xlsx") else FileFormat.CSV,
            course_id=world.courses[course] if course else None,
            parameters=said,
            input_key=key,
            file_name=name,
            size=len(data),
            at=dt.datetime.now(dt.UTC),
        )


async def apply(files: Files, by: str, job: Job) -> Job:
    async with files.world.edge.transaction() as db:
        return await asking.apply(
            db, by=files.world.caller(by), job_id=job.id, at=dt.datetime.now(dt.UTC)
        )


async def outcomes(files: Files, job: Job) -> dict[int, ImportOutcome]:
    """By line."""
    async with files.world.edge.read() as db:
        rows = select(ImportRow.line, ImportRow.outcome).where(ImportRow.job_id == job.id)
        found = await db.execute(rows.order_by(ImportRow.line))
        return {row.line: row.outcome for row in found}


async def whys(files: Files, job: Job) -> dict[int, str]:
    """Why rows were refused, by line."""
    async with files.world.edge.read() as db:
        rows = select(ImportRow.line, ImportRow.message).where(
            ImportRow.job_id == job.id, ImportRow.message.is_not(None)
        )
        return {line: why or "" for line, why in await db.execute(rows.order_by(ImportRow.line))}


async def handed_back(files: Files, job: Job) -> bytes:
    """The file of its refused rows."""
    now = await files.look(job)
    assert now.output_key is not None
    assert now.size is not None
    pieces = await files.storage.get(now.output_key, 0, now.size)
    return b"".join([piece async for piece in pieces])


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
