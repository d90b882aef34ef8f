"""The import of one file: it is fetched, looked through, and gone through in batches, each in one
transaction with what became of its rows. The first time nothing is done; once its rows are to be
done, a run goes on after the last line that was. What was refused is handed back as a file."""

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from access.caller import Caller
from app.jobs.making import PREFIX, Ending, put_away
from app.jobs.refused_rows import write_refused
from app.jobs.watching import Stopped, Watch
from app.storage import Storage, StorageFails
from app.workbooks.reading import Reading, Row, read
from models.jobs import ImportOutcome, Job, JobKind
from operations.edge import Edge
from operations.imports import working
from operations.imports.asking import brought_with
from operations.imports.outcomes import Tried
from operations.imports.planning import Plan, Said, plan_assignments, plan_members
from operations.imports.recognizing import keep_reading
from operations.imports.trying import attempt
from operations.jobs.rights import asker_of
from operations.jobs.working import MadeFile, RunIsOver
from operations.people import PEOPLE_A_CALL, catalog_of
from operations.refusals import Code, Refused, not_found
from resolvers.ids import storable_in


@dataclass
class Importing:
    """One run of one job."""

    edge: Edge
    storage: Storage
    job: Job
    watch: Watch
    is_ending: Callable[[], bool]
    now: Callable[[], dt.datetime]

    async def make(self) -> None:
        """Raises Stopped, Ending; Denied and Refused where the right to all of it is gone or the
        file cannot be read; and what the database and the storage raise."""
        async with self.edge.read() as db:
            by = await asker_of(db, self.job)
        if by is None:
            raise not_found("member")
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
            path = Path(folder) / "brought"
            await self._fetch(path)
            reading = await read(path, self.job.format)
            self._check()
            plan = await self._plan(reading)
            try:
                await self._go_through(by, reading, plan)
            except RunIsOver:
                raise Stopped from None
            file = await self._refused(Path(folder) / "refused", reading)
        await self._finish(file)

    async def _fetch(self, path: Path) -> None:
        size = brought_with(self.job).size
        try:
            with await asyncio.to_thread(path.open, "wb") as file:
                if size:
                    pieces = await self.storage.get(self.job.input_key or "", 0, size)
                    await self._write(file, pieces)
        except StorageFails as problem:
            if not isinstance(problem.__cause__, FileNotFoundError):
                raise
            raise Refused(
                Code.UNREADABLE_FILE,
                "The bytes of this file are not there any more; bring it anew.",
            ) from problem

    async def _write(self, file: BinaryIO, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self._check()
            await asyncio.to_thread(file.write, piece)

    async def _plan(self, reading: Reading) -> Plan:
        job, ignoring = self.job, brought_with(self.job).ignoring
        async with self.edge.transaction() as db:
            await keep_reading(
                db,
                job_id=job.id,
                run=job.runs,
                said=reading.recognized,
                titles=reading.titles,
            )
            catalog = await catalog_of(db, job.workspace_id)
        if job.kind is JobKind.IMPORT_MEMBERS:
            return plan_members(reading.titles, catalog, ignoring=ignoring)
        return plan_assignments(reading.titles, ignoring=ignoring, decode=_member)

    async def _go_through(self, by: Caller, reading: Reading, plan: Plan) -> None:
        self.watch.total = reading.total
        async with aclosing(reading.rows(PEOPLE_A_CALL)) as batches:
            async for batch in batches:
                if batch[-1].line > self._done_before():
                    await self._do(by, plan, batch)
                self.watch.done += len(batch)
                self._check()

    def _done_before(self) -> int:
        return self.job.applied_line if self.job.is_applied else 0

    async def _do(self, by: Caller, plan: Plan, batch: list[Row]) -> None:
        job = self.job
        rows = [each for each in batch if each.line > self._done_before()]
        said = [Said(each.line, each.cells) for each in rows if each.problem is None]
        async with self.edge.transaction() as db:
            tried = await attempt(
                db,
                by=by,
                job=job,
                plan=plan,
                rows=said,
                at=self.now(),
                dry_run=not job.is_applied,
            )
            tried += [_not_understood(each) for each in rows if each.problem is not None]
            await working.keep(
                db,
                job=job,
                run=job.runs,
                plan=plan,
                said=[Said(each.line, each.cells) for each in rows],
                tried=sorted(tried, key=lambda each: each.line),
                through_line=rows[-1].line,
            )

    async def _refused(self, path: Path, reading: Reading) -> MadeFile | None:
        """The file of what was refused, put away; None where nothing was."""
        async with self.edge.read() as db:
            found = working.refused_rows(db, self.job.id)
            rows = await write_refused(path, self.job.format, reading, found, told=self._told)
        if not rows:
            return None
        name = _renamed(brought_with(self.job).file_name)
        return await put_away(self.storage, self.job, path, name=name, rows=rows, check=self._check)

    async def _told(self, _: int) -> None:
        self._check()

    async def _finish(self, file: MadeFile | None) -> None:
        finish = working.applied if self.job.is_applied else working.checked
        async with self.edge.transaction() as db:
            is_over = await finish(
                db, job_id=self.job.id, run=self.job.runs, file=file, at=self.now()
            )
        if not is_over:
            raise Stopped

    def _check(self) -> None:
        self.watch.check()
        if self.is_ending():
            raise Ending


def _not_understood(row: Row) -> Tried:
    code, why = Code.BAD_USER_INPUT.value, row.problem
    return Tried(row.line, ImportOutcome.REFUSED, code=code, message=why)


def _member(said: str) -> int | None:
    return storable_in(said.strip(), "Member")


def _renamed(name: str) -> str:
    stem, point, ending = name.rpartition(".")
    return f"{stem or ending} – refused rows{point}{ending if stem else ''}"
