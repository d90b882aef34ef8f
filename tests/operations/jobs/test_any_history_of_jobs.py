"""Whatever becomes of jobs in whatever order, one run at a time has each, and each comes to one
end: as a list of them, kept by hand, says (X4, X5)."""

import datetime as dt
import itertools
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Principal
from models.jobs import FileFormat, Job, JobKind, JobState
from operations.imports import asking as bringing
from operations.imports import working as importing
from operations.jobs import asking, keeping, working
from operations.jobs.rights import NOTHING
from operations.jobs.working import RUNS, MadeFile
from operations.refusals import Code, Refused
from tests.sampling import examples
from tests.world import World

pytestmark = [pytest.mark.spec("X4", "X5"), pytest.mark.timeout(300)]

A_FILE = MadeFile("people.csv", "text/csv", 12, b"\x01" * 32, 1)
YEARS = dt.timedelta(days=4_000)
STEPS = (
    *("export", "bring", "claim", "claim", "lease runs out", "beat", "end", "end", "fail"),
    *("give back", "leave", "cancel", "apply", "expire"),
)
OVER = (JobState.DONE, JobState.FAILED, JobState.CANCELED, JobState.EXPIRED)

_numbers = itertools.count(1)


@dataclass
class Told:
    """A job, as the list has it. `rests`: nobody may claim it yet."""

    is_import: bool
    state: JobState = JobState.QUEUED
    runs: int = 0
    spent: int = 0
    rests: bool = False
    is_applied: bool = False

    def is_of(self, run: int) -> bool:
        return self.state is JobState.RUNNING and self.runs == run

    def end(self, run: int) -> bool:
        if not self.is_of(run):
            return False
        is_tried = self.is_import and not self.is_applied
        self.state = JobState.CHECKED if is_tried else JobState.DONE
        return True

    def give_back(self, run: int, *, counts: bool) -> None:
        if self.is_of(run):
            self.state, self.rests, self.runs = JobState.QUEUED, counts, run if counts else run - 1

    def cancel(self) -> bool:
        if self.state in {JobState.DONE, JobState.FAILED, JobState.EXPIRED}:
            return False
        self.state = JobState.CANCELED
        return True

    def apply(self) -> bool:
        if not self.is_applied and self.state is not JobState.CHECKED:
            return False
        if not self.is_applied:
            self.state, self.is_applied, self.rests = JobState.QUEUED, True, False
            self.spent = self.runs
        return True


@dataclass
class Office:
    """The database and the list, side by side; ids of jobs in the order of the list."""

    world: World
    ids: list[int]
    told: list[Told]

    async def take(self, step: str, which: int, back: int) -> None:
        """One step, about one of the jobs, by its newest run or one before."""
        if step in {"export", "bring"}:
            await self._ask(step)
            return
        if step in {"claim", "expire"}:
            await (self._claim() if step == "claim" else self._expire())
            return
        if self.ids:
            n = which % len(self.ids)
            await self._about(step, self.ids[n], self.told[n], max(0, self.told[n].runs - back))

    async def _about(self, step: str, id: int, told: Told, run: int) -> None:
        match step:
            case "cancel" | "apply":
                await self._say(step, id, told)
            case "lease runs out":
                await self._wait(id, told)
            case "beat":
                async with self.world.edge.transaction() as db:
                    held = await working.progress(db, job_id=id, run=run, done=1, total=2)
                assert held is told.is_of(run)
                told.rests = told.rests or held
            case "end":
                assert await self._end(id, told, run) is told.end(run)
            case "fail":
                async with self.world.edge.transaction() as db:
                    held = await working.fail(
                        db, job_id=id, run=run, problem="X", message="Y.", at=_now()
                    )
                assert held is told.is_of(run)
                told.state = JobState.FAILED if held else told.state
            case _:
                counts = step == "give back"
                async with self.world.edge.transaction() as db:
                    await working.give_back(db, job_id=id, run=run, at=_now(), counts=counts)
                told.give_back(run, counts=counts)

    async def _ask(self, step: str) -> None:
        if sum(each.state not in OVER for each in self.told) >= asking.MOST_OF_ONE:
            return
        by, is_import = self.world.caller("Mona"), step == "bring"
        async with self.world.edge.transaction() as db:
            if is_import:
                job = await bringing.bring(
                    db,
                    by=by,
                    kind=JobKind.IMPORT_MEMBERS,
                    format=FileFormat.CSV,
                    course_id=None,
                    parameters={},
                    input_key="brought",
                    file_name="people.csv",
                    size=1,
                    at=_now(),
                )
            else:
                job = await asking.request(
                    db,
                    by=by,
                    kind=JobKind.MEMBERS,
                    format=FileFormat.CSV,
                    course_id=None,
                    parameters={},
                    at=_now(),
                )
        self.ids.append(job.id)
        self.told.append(Told(is_import))

    async def _claim(self) -> None:
        async with self.world.edge.transaction() as db:
            job = await working.claim(db, at=_now())
        expected = self._expected()
        assert (job.id if job else None) == expected

    def _expected(self) -> int | None:
        """Whoever has waited longest; what was tried often enough is given up on the way."""
        for id, told in zip(self.ids, self.told, strict=True):
            if told.state not in {JobState.QUEUED, JobState.RUNNING} or told.rests:
                continue
            if told.runs < RUNS + told.spent:
                told.state, told.runs, told.rests = JobState.RUNNING, told.runs + 1, True
                return id
            told.state = JobState.FAILED
        return None

    async def _wait(self, id: int, told: Told) -> None:
        past = "UPDATE job SET lease_until = now() - interval '1 second' WHERE id = :id"
        async with self.world.edge.transaction() as db:
            await db.execute(text(f"{past} AND lease_until IS NOT NULL"), {"id": id})
        told.rests = False

    async def _end(self, id: int, told: Told, run: int) -> bool:
        async with self.world.edge.transaction() as db:
            if not told.is_import:
                return await working.finish(
                    db, job_id=id, run=run, file=A_FILE, shows=NOTHING, at=_now()
                )
            wrong = importing.checked if told.is_applied else importing.applied
            assert not await wrong(db, job_id=id, run=run, file=A_FILE, at=_now())
            right = importing.applied if told.is_applied else importing.checked
            return await right(db, job_id=id, run=run, file=A_FILE, at=_now())

    async def _say(self, step: str, id: int, told: Told) -> None:
        by = self.world.caller("Mona")
        is_possible = told.cancel() if step == "cancel" else told.apply()
        say = asking.cancel if step == "cancel" else bringing.apply
        code = None
        try:
            async with self.world.edge.transaction() as db:
                await say(db, by=by, job_id=id, at=_now())
        except Refused as refused:
            code = refused.code
        refusal = Code.NOT_FOUND if step == "apply" and not told.is_import else Code.CONFLICT
        assert code == (None if is_possible else refusal)

    async def _expire(self) -> None:
        async with self.world.edge.transaction() as db:
            expired = await keeping.expire(db, at=_now() + YEARS, limit=50)
            await keeping.forget(db, ids=[each.id for each in expired])
        for told in self.told:
            if told.state in {JobState.DONE, JobState.CHECKED}:
                told.state = JobState.EXPIRED

    async def compare(self) -> None:
        async with self.world.edge.read() as db:
            mine = select(Job).where(Job.workspace_id == self.world.workspace_id)
            jobs = list(await db.scalars(mine.order_by(Job.id)))
        for job, told in zip(jobs, self.told, strict=True):
            assert (job.state, job.runs, job.is_applied) == (told.state, told.runs, told.is_applied)
            assert (job.problem is not None) is (job.state is JobState.FAILED)
            assert job.state in {JobState.QUEUED, JobState.RUNNING} or job.lease_until is None
            if job.state is JobState.EXPIRED:
                assert (job.input_key, job.output_key, job.expires_at) == (None, None, None)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


step = st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.sampled_from((0, 0, 0, 1, 2)))


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(step, min_size=6, max_size=24))
async def test_in_any_order_of_events_a_job_is_what_the_list_says(
    sessions: async_sessionmaker[AsyncSession], steps: list[tuple[str, int, int]]
) -> None:
    world = await World.new(sessions, f"w-{next(_numbers)}")
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    office = Office(world, [], [])
    async with world.edge.transaction() as db:
        await db.execute(text("DELETE FROM job"))  # of the histories before

    for each in [("bring", 0, 0), ("export", 0, 0), *steps]:
        await office.take(*each)
        await office.compare()
