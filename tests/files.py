"""Files that are made in a test: asked for as by a person, made by a workshop of this process."""

import asyncio
import csv
import datetime as dt
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import strawberry
from sqlalchemy import text

from access.caller import Caller
from app.database import worker_engine
from app.jobs import Workshop
from app.storage import Storage, in_directory
from models import journal
from models.coordinators import CourseRoleKind
from models.jobs import FileFormat, Job, JobKind, JobState
from operations import coordinators
from operations.audit import Filters
from operations.jobs import asking
from operations.jobs.asking import WAITING
from resolvers.ids import encode
from resolvers.jobs.asked import AuditAsked, LearnersAsked, MembersAsked, said
from resolvers.member_search import Narrowing
from tests.world import World

PATIENCE = 60.0


@dataclass
class Files:
    """One company, its storage, and a workshop."""

    world: World
    workshop: Workshop
    storage: Storage
    folder: Path

    async def learners(self, by: str | Caller, course: str = "Safety", **more: Any) -> Job:
        id = self.world.courses[course]
        format = more.pop("format", FileFormat.CSV)
        asked = LearnersAsked(strawberry.ID(encode("Course", id)), **more)
        return await self.ask(by, JobKind.LEARNERS, format, asked, course_id=id)

    async def members(self, by: str | Caller, **more: Any) -> Job:
        format = more.pop("format", FileFormat.CSV)
        return await self.ask(by, JobKind.MEMBERS, format, MembersAsked(Narrowing(**more)))

    async def audit(self, by: str | Caller, **more: Any) -> Job:
        format = more.pop("format", FileFormat.CSV)
        async with self.world.edge.read() as db:
            _, head = await journal.head(db, self.world.workspace_id)
        return await self.ask(by, JobKind.AUDIT, format, AuditAsked(Filters(**more), head))

    async def ask(
        self,
        by: str | Caller,
        kind: JobKind,
        format: FileFormat,
        asked: object,
        course_id: int | None = None,
    ) -> Job:
        async with self.world.edge.transaction() as db:
            return await asking.request(
                db,
                by=self.world.caller(by) if isinstance(by, str) else by,
                kind=kind,
                format=format,
                course_id=course_id,
                parameters=said(kind, asked),
                at=dt.datetime.now(dt.UTC),
            )

    async def cancel(self, by: str, job: Job) -> Job:
        async with self.world.edge.transaction() as db:
            return await asking.cancel(
                db, by=self.world.caller(by), job_id=job.id, at=dt.datetime.now(dt.UTC)
            )

    async def look(self, job: Job) -> Job:
        """The job as it stands."""
        async with self.world.edge.read() as db:
            return await db.get_one(Job, job.id)

    async def made(self, job: Job) -> Job:
        """The same, once nobody works at it any more."""
        until = time.monotonic() + PATIENCE
        self.workshop.begin()
        while (now := await self.look(job)).state in WAITING:
            assert time.monotonic() < until, now.state
            await asyncio.sleep(0.02)
            self.workshop.begin()
        return now

    async def bytes_of(self, job: Job) -> bytes:
        now = await self.made(job)
        assert now.state is JobState.DONE, (now.problem, now.message)
        assert now.output_key is not None
        assert now.size is not None
        pieces = await self.storage.get(now.output_key, 0, now.size)
        return b"".join([piece async for piece in pieces])

    async def lines_of(self, job: Job) -> list[dict[str, str]]:
        """A CSV file, by title."""
        return in_lines(await self.bytes_of(job))

    async def do(self, statement: str, **values: Any) -> None:
        """Something that happens to the rows."""
        async with self.world.edge.transaction() as db:
            await db.execute(text(statement), values)

    def held(self) -> set[str]:
        """What lies in the storage."""
        found = (each for each in self.folder.rglob("*") if each.is_file())
        return {str(each.relative_to(self.folder)) for each in found}


def in_lines(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file, by title."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


async def no_longer_coordinates(world: World) -> None:
    """Cora of Safety."""
    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_ids=[world.members["Cora"]],
            role=CourseRoleKind.COORDINATOR,
        )


@asynccontextmanager
async def open_workshop(
    world: World, database_url: str, folder: Path, *, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Files]:
    """The workshop of one process, for as long as a test lasts."""
    engine = worker_engine(database_url, pool_size=4)
    storage = in_directory(folder)
    workshop = Workshop(database_url, engine, world.edge, storage, world.edge.ring, clock=clock)
    try:
        yield Files(world, workshop, storage, folder)
    finally:
        await asyncio.to_thread(workshop.end)
        engine.dispose()
