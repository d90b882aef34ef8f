"""Files without bytes: their rows are said, and a worker of the test tries and does them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from models.jobs import FileFormat, ImportRow, Job, JobKind, JobState
from models.people import Member
from operations import people
from operations.imports import asking, working
from operations.imports.asking import IGNORING
from operations.imports.outcomes import Tried
from operations.imports.planning import Plan, Said, plan_assignments, plan_members
from operations.imports.trying import attempt
from operations.jobs import working as runs
from operations.jobs.rights import asker_of
from operations.jobs.working import MadeFile
from tests.world import MONDAY, World

Cells = Sequence[str]

A_FILE = MadeFile("not imported.csv", "text/csv", 12, b"\x01" * 32, 1)


@dataclass
class Bringing:
    """One file that Mona, or `by`, brings into the company: titles and rows."""

    world: World
    titles: Cells
    rows: Sequence[Cells]
    by: str = "Mona"
    course: str | None = None
    group: str | None = None
    ignoring: Sequence[str] = ()
    batch: int = 500
    job_id: int = 0

    @property
    def said(self) -> list[Said]:
        return [Said(line, tuple(cells)) for line, cells in enumerate(self.rows, start=2)]

    async def bring(self) -> "Bringing":
        kind = JobKind.IMPORT_ASSIGNMENTS if self.course else JobKind.IMPORT_MEMBERS
        said: dict[str, Any] = {IGNORING: list(self.ignoring)} if self.ignoring else {}
        if self.group:
            said[asking.GROUP] = self.world.groups[self.group]
        async with self.world.edge.transaction() as db:
            job = await asking.bring(
                db,
                by=self.world.caller(self.by),
                kind=kind,
                format=FileFormat.CSV,
                course_id=self.world.courses[self.course] if self.course else None,
                parameters=said,
                input_key="brought/1",
                file_name="people.csv",
                size=100,
                at=MONDAY,
            )
        self.job_id = job.id
        return self

    async def claim(self) -> Job:
        async with self.world.edge.transaction() as db:
            job = await runs.claim(db, at=MONDAY)
        assert job is not None
        assert job.id == self.job_id
        return job

    async def plan(self) -> Plan:
        if self.course:
            return plan_assignments(self.titles, ignoring=self.ignoring)
        async with self.world.edge.read() as db:
            catalog = await people.catalog_of(db, self.world.workspace_id)
        return plan_members(self.titles, catalog, ignoring=self.ignoring)

    async def do(self, job: Job, rows: Sequence[Said], at: dt.datetime = MONDAY) -> list[Tried]:
        """One batch of a run, as the worker does it."""
        plan = await self.plan()
        async with self.world.edge.transaction() as db:
            by = await asker_of(db, job)
            assert by is not None
            tried = await attempt(
                db, by=by, job=job, plan=plan, rows=rows, at=at, dry_run=not job.is_applied
            )
            await working.keep(
                db,
                job=job,
                run=job.runs,
                plan=plan,
                said=rows,
                tried=tried,
                through_line=rows[-1].line,
            )
        return tried

    async def work(self, job: Job | None = None) -> Job:
        """A whole run, from where it was left."""
        job = job or await self.claim()
        left = [each for each in self.said if each.line > job.applied_line]
        for start in range(0, len(left), self.batch):
            await self.do(job, left[start : start + self.batch])
        async with self.world.edge.transaction() as db:
            end = working.applied if job.is_applied else working.checked
            assert await end(db, job_id=job.id, run=job.runs, file=None, at=MONDAY)
        return await self.look()

    async def check(self) -> list[str]:
        """What would become of each row."""
        await self.bring()
        await self.work()
        return await self.outcomes()

    async def confirm(self) -> Job:
        async with self.world.edge.transaction() as db:
            return await asking.apply(
                db, by=self.world.caller(self.by), job_id=self.job_id, at=MONDAY
            )

    async def apply(self) -> list[str]:
        """Say the word, and have it done: what became of each row."""
        await self.confirm()
        await self.work()
        return await self.outcomes()

    async def look(self) -> Job:
        async with self.world.edge.read() as db:
            return await db.get_one(Job, self.job_id)

    async def kept(self) -> list[ImportRow]:
        async with self.world.edge.read() as db:
            mine = select(ImportRow).where(ImportRow.job_id == self.job_id)
            return list(await db.scalars(mine.order_by(ImportRow.line)))

    async def outcomes(self) -> list[str]:
        return [each.outcome.value for each in await self.kept()]

    async def refusals(self) -> dict[int, tuple[str | None, str | None]]:
        return {
            each.line: (each.code, each.message)
            for each in await self.kept()
            if each.outcome.value == "REFUSED"
        }


async def imported(world: World, titles: Cells, *rows: Cells, **more: Any) -> list[str]:
    """What became of the rows of a file that was tried and done; both say the same."""
    bringing = Bringing(world, titles, rows, **more)
    checked = await bringing.check()
    assert await bringing.apply() == checked
    assert (await bringing.look()).state is JobState.DONE
    return checked


async def refused(world: World, titles: Cells, *rows: Cells, **more: Any) -> str:
    """The sentence about the only row that is refused."""
    bringing = Bringing(world, titles, rows, **more)
    await bringing.check()
    [(_, message)] = (await bringing.refusals()).values()
    assert message is not None
    return message


async def known(world: World) -> Mapping[str, dict[str, Any]]:
    """The attributes of everybody, by user name."""
    async with world.edge.read() as db:
        rows = await db.scalars(
            select(Member).where(
                Member.workspace_id == world.workspace_id, Member.deleted_at.is_(None)
            )
        )
        return {each.user_name: each.attributes for each in rows}


async def scalar(world: World, statement: str, **told: Any) -> Any:
    async with world.edge.read() as db:
        return await db.scalar(text(statement), told)
