"""Real worker processes, killed and disturbed while they import a file: every row is done once, and
none half."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from access.permissions import Principal
from models.jobs import Job, JobState
from tests.bringing import apply, bring
from tests.files import Files, open_workshop
from tests.workers import Workers
from tests.world import World

ROWS = 2_500
"""Five batches."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.spec("X5")]


@pytest.fixture
def workers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(database_url, redis_url, tmp_path) as started:
        yield started


@pytest.fixture
async def files(world: World, database_url: str, tmp_path: Path) -> AsyncIterator[Files]:
    """A company that Mona manages; its workshops are elsewhere."""
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            open_workshop(world, database_url, tmp_path / "data" / "files")
        )
        opened.workshop.end()
        yield opened


def people(count: int = ROWS) -> bytes:
    rows = [f"p{n}@acme.example;Person {n}\n" for n in range(count)]
    return ("Mail;Name\n" + "".join(rows)).encode()


async def until(files: Files, job: Job, question: str, patience: float = 120.0) -> Job:
    """Wait until the database says so of the job."""
    end = time.monotonic() + patience
    while True:
        async with files.world.edge.read() as db:
            if await db.scalar(text(f"SELECT {question} FROM job WHERE id = :id"), {"id": job.id}):
                return await db.get_one(Job, job.id)
        now = await files.look(job)
        assert time.monotonic() < end, (question, now.state, now.runs, now.done, now.message)
        await asyncio.sleep(0.01)


async def count(files: Files, question: str) -> int:
    async with files.world.edge.read() as db:
        return int(await db.scalar(text(f"SELECT count(*) FROM {question}")) or 0)


async def lease_is_over(files: Files) -> None:
    await files.do("UPDATE job SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'")


PEOPLE_ADDED = "member WHERE display_name LIKE 'Person %'"
ENTRIES = "journal_entry WHERE verb = 'member.added' AND by_name = 'Mona'"
IS_HALF_DONE = f"state = 'RUNNING' AND applied_line BETWEEN 2 AND {ROWS - 500}"


async def checked(files: Files) -> Job:
    return await until(files, await bring(files, "Mona", people()), "state = 'CHECKED'")


async def test_who_is_killed_in_the_middle_has_done_whole_batches_and_others_go_on(
    files: Files, workers: Workers
) -> None:
    first = workers.start("files")
    job = await checked(files)
    assert await count(files, PEOPLE_ADDED) == 0
    await apply(files, "Mona", job)
    await until(files, job, IS_HALF_DONE)
    first.kill()
    first.wait()
    left = await files.look(job)
    added = await count(files, PEOPLE_ADDED)
    assert added == left.applied_line - 1, "what is done, and how far it is, go together"
    assert 0 < added < ROWS

    await lease_is_over(files)
    workers.start("files")
    done = await until(files, job, "state = 'DONE'")

    assert await count(files, PEOPLE_ADDED) == await count(files, ENTRIES) == ROWS
    assert (done.done, done.total, done.applied_line) == (ROWS, ROWS, ROWS + 1)
    assert await count(files, "import_row WHERE outcome = 'CREATED'") == ROWS


async def test_who_is_killed_again_and_again_while_trying_is_given_up_and_nothing_is_done(
    files: Files, workers: Workers
) -> None:
    job = await bring(files, "Mona", people())
    for _ in range(3):
        process = workers.start("files")
        await until(files, job, "state = 'RUNNING' AND lease_until > now()")
        process.kill()
        process.wait()
        await lease_is_over(files)
    workers.start("files")
    failed = await until(files, job, "state = 'FAILED'")

    assert failed.problem == "GIVEN_UP"
    assert await count(files, PEOPLE_ADDED) == 0


async def test_an_import_that_is_called_off_stops_within_a_second_and_says_what_was_done(
    files: Files, workers: Workers
) -> None:
    workers.start("files")
    job = await checked(files)
    await apply(files, "Mona", job)
    await until(files, job, IS_HALF_DONE)
    asked = time.monotonic()
    canceled = await files.cancel("Mona", job)
    waited = time.monotonic() - asked
    await asyncio.sleep(1)
    added = await count(files, PEOPLE_ADDED)
    await asyncio.sleep(1)

    assert canceled.state is JobState.CANCELED
    assert waited < 1.5
    assert 0 < added < ROWS
    assert await count(files, PEOPLE_ADDED) == added == (await files.look(job)).applied_line - 1


async def test_a_worker_told_to_end_leaves_its_import_to_the_next_at_once(
    files: Files, workers: Workers
) -> None:
    process = workers.start("files")
    job = await checked(files)
    before = job.runs
    await apply(files, "Mona", job)
    await until(files, job, IS_HALF_DONE)
    assert await asyncio.to_thread(workers.stop, process) == 0
    left = await files.look(job)

    assert (left.state, left.runs, left.lease_until) == (JobState.QUEUED, before, None)
    assert await count(files, PEOPLE_ADDED) == left.applied_line - 1
    workers.start("files")
    await until(files, job, "state = 'DONE'")
    assert await count(files, PEOPLE_ADDED) == await count(files, ENTRIES) == ROWS


async def test_how_far_an_import_is_can_be_seen(files: Files, workers: Workers) -> None:
    workers.start("files")
    rows = 8 * ROWS
    job = await bring(files, "Mona", people(rows))
    seen = await until(files, job, f"state = 'RUNNING' AND done BETWEEN 1 AND {rows - 1}")

    assert seen.total == rows
    await until(files, job, "state = 'CHECKED'")


@pytest.mark.parametrize("what", ["an import", "an export"])
async def test_work_waits_for_a_storage_that_is_away(
    files: Files, workers: Workers, what: str
) -> None:
    job = (
        await bring(files, "Mona", b"Mail\na@acme.example\n")
        if what == "an import"
        else await files.members("Mona")
    )
    away = files.folder.with_name("elsewhere")
    files.folder.mkdir(parents=True, exist_ok=True)
    files.folder.rename(away)
    files.folder.write_bytes(b"no directory")
    process = workers.start("files")
    given_back = await until(files, job, "state = 'QUEUED' AND lease_until IS NOT NULL")

    assert (given_back.runs, given_back.problem) == (0, None)
    assert "The storage is away" in workers.said(process)
    files.folder.unlink()
    away.rename(files.folder)
    await files.do("UPDATE job SET lease_until = NULL WHERE state = 'QUEUED'")
    await until(files, job, "state IN ('CHECKED', 'DONE')")
