"""Making one file: its rows are read and written bit by bit, then it is put away, then its job says
that it is there. What breaks off on the way leaves nothing."""

import asyncio
import datetime as dt
import hashlib
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.jobs.exports import MAKERS, Export
from app.jobs.watching import Stopped, Watch
from app.storage import PIECE, Storage
from app.workbooks import About, write_csv, write_xlsx
from models.jobs import FileFormat, Job
from operations.edge import Edge
from operations.jobs import working
from operations.jobs.keeping import key_of
from operations.jobs.rights import Shown, asker_of, reach_of
from operations.jobs.working import MadeFile
from operations.refusals import not_found
from resolvers.context import Context, opened

PREFIX: Final = "coordinator-file-"
RIGHTS_SECONDS: Final = 1.0
"""How often rights are asked for anew while a file is written."""

LONGEST_NAME: Final = 120
MEDIA_TYPES: Final = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|\u2028\u2029\u202a-\u202e\u2066-\u2069]+')


class Ending(Exception):
    """The process is told to end."""


@dataclass
class Making:
    """One run of one job."""

    edge: Edge
    storage: Storage
    job: Job
    watch: Watch
    is_ending: Callable[[], bool]
    now: Callable[[], dt.datetime]
    _shown: Shown = field(default_factory=Shown)
    _asked_at: float = field(default_factory=time.monotonic)

    async def make(self) -> None:
        """Raises Stopped, Ending; Denied and Refused where the right is gone or what was asked for
        is; and what the database and the storage raise."""
        async with self.edge.read() as db:
            by = await asker_of(db, self.job)
        if by is None:
            raise not_found("member")
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
            path = Path(folder) / "file"
            async with opened(Context(by, self.edge)) as context:
                rows, export = await self._write(context, path)
            name = self._called(export)
            made = await put_away(
                self.storage, self.job, path, name=name, rows=rows, check=self._check
            )
        async with self.edge.transaction() as db:
            is_done = await working.finish(
                db,
                job_id=self.job.id,
                run=self.job.runs,
                file=made,
                shows=self._shown,
                at=self.now(),
            )
        if not is_done:
            raise Stopped

    async def _write(self, context: Context, path: Path) -> tuple[int, Export]:
        job = self.job
        async with context.read() as db:
            reach = await reach_of(db, by=context.signed_in, kind=job.kind, course_id=job.course_id)
        export = await MAKERS[job.kind](context, job, reach)
        self._shown = Shown(export.shows, reach)
        self.watch.total = export.total
        if job.format is FileFormat.CSV:
            rows = await write_csv(path, export.sheets[0], zone=export.zone, told=self._told)
        else:
            about = About(export.name, context.signed_in.name, self.now())
            rows = await write_xlsx(
                path, export.sheets, zone=export.zone, about=about, told=self._told
            )
        return rows, export

    async def _told(self, rows: int) -> None:
        self.watch.done = rows
        self._check()
        if time.monotonic() - self._asked_at < RIGHTS_SECONDS:
            return
        async with self.edge.read() as db:
            await working.ask_again(db, job=self.job, shows=self._shown)
        self._asked_at = time.monotonic()

    def _check(self) -> None:
        self.watch.check()
        if self.is_ending():
            raise Ending

    def _called(self, export: Export) -> str:
        day = self.now().astimezone(export.zone).date().isoformat()
        stem = " ".join(_UNFIT.sub(" ", export.name).split())[:LONGEST_NAME].strip(" .")
        return f"{stem} {day}.{self.job.format.value.lower()}"


async def put_away(
    storage: Storage, job: Job, path: Path, *, name: str, rows: int, check: Callable[[], None]
) -> MadeFile:
    """Store a file that a run has written, under the key of that run. What `check` raises breaks
    it off."""
    digest, size = hashlib.sha256(), 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal size
        with await asyncio.to_thread(path.open, "rb") as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                check()
                digest.update(piece)
                size += len(piece)
                yield piece

    await storage.put(key_of(job, job.runs), pieces())
    check()
    return MadeFile(name, MEDIA_TYPES[job.format], size, digest.digest(), rows)
