"""`coordinator jobs` says what long work there is, whose it is, and why it failed."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.jobs import FileFormat, JobKind
from operations.jobs import asking, working
from tests.app.cli.program import Answer, run
from tests.furnishing import furnished
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("X5")]
NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


def jobs(database_url: str, *arguments: str) -> Answer:
    return run("jobs", *arguments, given={"DATABASE_URL": database_url})


def columns(answer: Answer) -> list[list[str]]:
    """The table without its titles, a row a line."""
    rows = answer.out.splitlines()[1:]
    return [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]


@pytest.fixture
@furnished
async def world(world: World) -> World:
    """Cora, who coordinates Safety."""
    await world.member("Cora")
    await world.course("Safety", coordinators_by_hand=["Cora"])
    return world


async def ask(world: World) -> int:
    async with world.edge.transaction() as db:
        job = await asking.request(
            db,
            by=world.caller("Cora"),
            kind=JobKind.LEARNERS,
            format=FileFormat.CSV,
            course_id=world.courses["Safety"],
            parameters={},
            at=NOW,
        )
        return job.id


async def do(world: World, statement: str) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text(statement))


async def test_what_waits_is_done_and_failed_is_listed_with_why(
    world: World, database_url: str
) -> None:
    assert jobs(database_url) == Answer(0, "", "There is none.\n")
    first, second, third = [await ask(world) for _ in range(3)]
    async with world.edge.transaction() as db:
        failing = await working.claim(db, at=NOW)
        assert failing is not None
        job = {"job_id": failing.id, "run": failing.runs}
        await working.fail(db, **job, problem="TOO_WIDE", message="Too many columns.", at=NOW)
        running = await working.claim(db, at=NOW)
        assert running is not None
        await working.progress(db, job_id=running.id, run=1, done=1200, total=3400)

    listed = jobs(database_url)
    of_state = jobs(database_url, "--state", "failed", "--workspace", world.slug)

    asked = [world.slug, "2026-03-02 09:00", "LEARNERS CSV, Safety", "Cora"]
    failed = [str(first), *asked, "FAILED", "0", "TOO_WIDE: Too many columns."]
    assert columns(listed) == [
        [str(third), *asked, "QUEUED", "0"],
        [str(second), *asked, "RUNNING", "1,200 of 3,400"],
        failed,
    ]
    assert listed.err == "1 FAILED, 1 QUEUED, 1 RUNNING.\n"
    assert columns(of_state) == [failed]
    assert jobs(database_url, "--state", "done").err == "There is none.\n"


async def test_who_waits_while_nobody_works_is_told_of_the_worker(
    world: World, database_url: str
) -> None:
    await ask(world)
    async with world.edge.transaction() as db:
        await working.claim(db, at=NOW)
    assert "--queues files" not in jobs(database_url).err
    await do(world, "UPDATE job SET runs = 2, lease_until = now() - interval '1 s'")
    await ask(world)

    listed = jobs(database_url)

    assert [row[-1] for row in columns(listed)] == [
        "0",
        "try 2; its worker is gone, the next one takes it up",
    ]
    assert "`coordinator worker --queues files`" in listed.err


async def test_workspaces_are_told_apart(
    world: World, database_url: str, sessions: async_sessionmaker[AsyncSession]
) -> None:
    await World.new(sessions, "globex")
    await ask(world)

    assert len(columns(jobs(database_url))) == 1
    assert jobs(database_url, "--workspace", "globex") == Answer(0, "", "There is none.\n")
    assert jobs(database_url, "--workspace", "acne").code == 2
