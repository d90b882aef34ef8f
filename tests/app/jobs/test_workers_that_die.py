"""Real worker processes, killed and disturbed while they make files: nothing is lost, nothing is
made twice, and nobody else waits."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from access.permissions import Principal
from app.storage import in_directory
from models.jobs import FileFormat, Job, JobState
from operations.jobs.working import RUNS
from tests.files import Files, in_lines, no_longer_coordinates, open_workshop
from tests.furnishing import furnished
from tests.workers import Workers
from tests.world import World

PEOPLE = 12_000
"""Enough that a file takes some seconds."""

MEMBERS = """
INSERT INTO member (workspace_id, user_name, display_name, state, attributes)
SELECT :id, 'p' || n || '@acme.example', 'Person ' || n, 'ACTIVE',
       jsonb_build_object('department', 'Sales', 'title', repeat('word ', 20))
  FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) n
"""
LEARNERS = """
INSERT INTO progress (workspace_id, course_id, member_id, is_learner, since)
SELECT :id, :course, id, TRUE, now() FROM member
 WHERE workspace_id = :id AND display_name LIKE 'Person %'
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def workers(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Workers]:
    with Workers(database_url, redis_url, tmp_path) as started:
        yield started


@pytest.fixture
@furnished
async def crowd(world: World) -> World:
    """A crowd that Mona manages, and whose course Cora coordinates."""
    for name in ("Mona", "Cora"):
        await world.member(name)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    course = await world.course("Safety", coordinators_by_hand=["Cora"])
    async with world.edge.transaction() as db:
        people = {"id": world.workspace_id, "first": 1, "last": PEOPLE}
        await db.execute(text(MEMBERS), people)
        await db.execute(text(LEARNERS), {"id": world.workspace_id, "course": course})
    return world


@pytest.fixture
async def files(crowd: World, database_url: str, tmp_path: Path) -> AsyncIterator[Files]:
    """Their files; the workshops are elsewhere."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            open_workshop(crowd, database_url, tmp_path / "data" / "files")
        )
        opened.workshop.end()
        yield opened


async def until(files: Files, job: Job, question: str, patience: float = 60.0) -> Job:
    """Wait until the database says so of the job."""
    end = time.monotonic() + patience
    while True:
        async with files.world.edge.read() as db:
            if await db.scalar(text(f"SELECT {question} FROM job WHERE id = :id"), {"id": job.id}):
                return await db.get_one(Job, job.id)
        assert time.monotonic() < end, (question, _shown(await files.look(job)))
        await asyncio.sleep(0.01)


def _shown(job: Job) -> tuple[object, ...]:
    return job.state, job.runs, job.done, job.total, job.problem, job.message


async def lease_is_over(files: Files) -> None:
    await files.do("UPDATE job SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'")


IS_UNDER_WAY = "state = 'RUNNING' AND done > 0"


async def test_what_a_killed_worker_has_begun_another_makes_from_the_beginning(
    files: Files, workers: Workers
) -> None:
    job = await files.members("Mona", format=FileFormat.XLSX)
    first = workers.start("files")
    begun = await until(files, job, IS_UNDER_WAY)
    first.kill()
    first.wait()
    await asyncio.sleep(1)
    assert (await files.look(job)).state is JobState.RUNNING, "until its lease is over"
    await lease_is_over(files)
    workers.start("files")
    done = await until(files, job, "state = 'DONE'")

    assert begun.total == done.total == done.done == PEOPLE + 2
    assert done.runs == 2
    assert files.held() == {done.output_key}
    assert (await files.world.verbs()).count("export.finished") == 1


async def test_a_file_that_kills_its_workers_is_given_up(files: Files, workers: Workers) -> None:
    job = await files.members("Mona", format=FileFormat.XLSX)
    for _ in range(RUNS):
        process = workers.start("files")
        await until(files, job, "state = 'RUNNING' AND lease_until > now()")
        process.kill()
        process.wait()
        await lease_is_over(files)
    workers.start("files")
    failed = await until(files, job, "state = 'FAILED'")

    assert failed.problem == "GIVEN_UP"
    assert failed.message is not None
    assert "3 tries" in failed.message
    assert not files.held()


async def test_two_workers_make_each_file_once(files: Files, workers: Workers) -> None:
    workers.start("files")
    workers.start("files")
    jobs = [await files.learners("Cora"), await files.members("Mona"), await files.audit("Mona")]
    done = [await until(files, job, "state = 'DONE'") for job in jobs]

    assert [each.runs for each in done] == [1, 1, 1]
    assert files.held() == {each.output_key for each in done}
    assert (await files.world.verbs()).count("export.finished") == 3


async def test_redis_may_forget_everything_meanwhile(
    files: Files, workers: Workers, redis_url: str
) -> None:
    workers.start("files", "later")
    job = await files.learners("Cora")
    await until(files, job, IS_UNDER_WAY)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    second = await files.learners("Cora")

    for each in (job, second):
        await until(files, each, "state = 'DONE'")


async def test_what_is_called_off_while_it_is_made_stops_within_a_second(
    files: Files, workers: Workers
) -> None:
    process = workers.start("files")
    job = await files.members("Mona", format=FileFormat.XLSX)
    await until(files, job, IS_UNDER_WAY)

    await files.cancel("Mona", job)
    other = await files.learners("Cora", search="Person 11999")
    called_off = time.monotonic()
    begun = await until(files, other, "started_at IS NOT NULL")
    waited = time.monotonic() - called_off
    canceled = await files.look(job)
    done = await until(files, begun, "state = 'DONE'")

    assert waited < 1.5, "the same worker has gone over to the next one"
    assert canceled.state is JobState.CANCELED
    assert files.held() == {done.output_key}
    assert process.poll() is None


@pytest.mark.spec("X5", "C2")
async def test_who_loses_the_role_while_a_file_is_made_does_not_get_it(
    files: Files, workers: Workers
) -> None:
    workers.start("files")
    job = await files.learners("Cora", format=FileFormat.XLSX)
    await until(files, job, IS_UNDER_WAY)
    await no_longer_coordinates(files.world)
    failed = await until(files, job, "state = 'FAILED'")

    assert failed.problem == "NOT_FOUND"
    assert failed.done < PEOPLE, "it was told before the end"
    assert not files.held()


async def test_a_worker_told_to_end_leaves_its_file_to_the_next_at_once(
    files: Files, workers: Workers
) -> None:
    process = workers.start("files")
    job = await files.members("Mona", format=FileFormat.XLSX)
    await until(files, job, IS_UNDER_WAY)
    assert await asyncio.to_thread(workers.stop, process) == 0
    left = await files.look(job)

    assert (left.state, left.runs, left.lease_until) == (JobState.QUEUED, 0, None)
    workers.start("files")
    assert (await until(files, job, "state = 'DONE'")).runs == 1


async def test_other_duties_go_on_beside_a_file_that_is_made(
    files: Files, workers: Workers
) -> None:
    world = files.world
    await files.do(MEMBERS, id=world.workspace_id, first=PEOPLE + 1, last=5 * PEOPLE)
    workers.start("now", "later", "files")
    await world.segment("Help", 'department eq "Support"')
    await world.course("Helping", segments_attached=["Help"])
    job = await files.members("Mona", format=FileFormat.XLSX)
    await until(files, job, IS_UNDER_WAY)

    began = time.monotonic()
    await world.member("Ada", department="Support")
    while await world.coordinators_of("Helping") != {"Ada"}:
        assert time.monotonic() - began < 3.0
        await asyncio.sleep(0.01)
    assert (await files.look(job)).state is JobState.RUNNING, "it was made meanwhile"
    await until(files, job, "state = 'DONE'")


async def test_all_rows_of_a_file_are_of_one_moment(files: Files, workers: Workers) -> None:
    workers.start("files")
    job = await files.members("Mona")
    await until(files, job, "state <> 'QUEUED'")
    await files.do("UPDATE member SET display_name = 'Zoe' WHERE display_name LIKE 'Person %'")
    done = await until(files, job, "state = 'DONE'")

    assert done.output_key is not None
    assert done.size is not None
    pieces = await in_directory(files.folder).get(done.output_key, 0, done.size)
    rows = in_lines(b"".join([piece async for piece in pieces]))
    assert len(rows) == PEOPLE + 2
    assert len([each for each in rows if each["Name"] == "Zoe"]) in (0, PEOPLE)
