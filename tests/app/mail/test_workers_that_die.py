"""Real worker processes, killed while they speak with a mail server: nothing is lost, and what may
arrive twice says so."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from app.keyring import keyring_in
from models.people import MemberState
from tests.mailing import Outbox
from tests.smtp import MailServer, mail_server
from tests.workers import Workers
from tests.world import World

PATIENCE = 30.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


@pytest.fixture
def workers(
    database_url: str, redis_url: str, tmp_path: Path, server: MailServer
) -> Iterator[Workers]:
    environment = {
        "COORDINATOR_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        "COORDINATOR_MAIL_FROM": "LMS <no-reply@acme.example>",
    }
    with Workers(database_url, redis_url, tmp_path, environment) as started:
        yield started


@pytest.fixture
async def pooled(database_url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    engine = create_async_engine(database_url)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


async def enrolled(sessions: async_sessionmaker[AsyncSession], people: int) -> World:
    """So many people without an account, all of whom have something."""
    world = await World.new(sessions)
    for number in range(people):
        address = f"p{number:02}@acme.example"
        await world.member(f"P{number:02}", state=MemberState.PENDING, emails=[address])
    await world.course("Safety")
    await world.enrol("Safety", *world.members)
    return world


async def until(world: World, question: str) -> None:
    """Wait until the database says yes."""
    patience = time.monotonic() + PATIENCE
    while True:
        async with world.edge.read() as db:
            if await db.scalar(text(question)):
                return
        assert time.monotonic() < patience, question
        await asyncio.sleep(0.02)


async def lease_is_over(world: World) -> None:
    """Two minutes pass for what a dead worker has claimed."""
    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE mail SET next_attempt_at = now() WHERE state = 'QUEUED'"))


async def test_a_worker_killed_before_it_heard_the_answer_doubles_at_most_that_mail(
    pooled: async_sessionmaker[AsyncSession], workers: Workers, server: MailServer
) -> None:
    server.hold.clear()
    world = await enrolled(pooled, 1)
    first = workers.start("later")
    assert await asyncio.to_thread(server.seen.wait, PATIENCE)

    first.kill()
    first.wait()
    server.hold.set()
    await lease_is_over(world)
    workers.start("later")
    await until(world, "SELECT bool_and(state = 'SENT') FROM mail")

    assert {each.recipients[0] for each in server.arrived} == {"p00@acme.example"}
    assert len(server.arrived) == 2
    assert len({each.message["Message-ID"] for each in server.arrived}) == 1
    assert (await world.verbs()).count("mail.sent") == 1
    assert (await world.verbs()).count("invitation.sent") == 1


async def test_workers_killed_again_and_again_lose_nothing(
    pooled: async_sessionmaker[AsyncSession], workers: Workers, server: MailServer
) -> None:
    world = await enrolled(pooled, 40)
    for kills in range(2):
        process = workers.start("later")
        await asyncio.to_thread(_wait_for, server, 12 * (kills + 1))
        process.kill()
        process.wait()
        await lease_is_over(world)
    workers.start("later")
    await until(world, "SELECT count(*) = 40 AND bool_and(state = 'SENT') FROM mail")

    times = Counter(each.recipients[0] for each in server.arrived)
    ids = {(each.recipients[0], each.message["Message-ID"]) for each in server.arrived}
    assert set(times) == {f"p{number:02}@acme.example" for number in range(40)}
    assert len(ids) == 40, "one person, one mail, however often it was accepted"
    assert times.total() <= 40 + 2 * 4, "four hands have one mail each when they die"
    assert (await world.verbs()).count("invitation.sent") == 40


async def test_a_mail_server_that_hangs_keeps_no_other_duty_from_its_work(
    pooled: async_sessionmaker[AsyncSession], workers: Workers, server: MailServer
) -> None:
    server.hold.clear()
    world = await enrolled(pooled, 12)
    process = workers.start("now", "later")
    assert await asyncio.to_thread(server.seen.wait, PATIENCE)

    await world.member("Ada", department="Sales")
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Selling", segments_attached=["Sales"])
    await until(world, "SELECT count(*) = 1 FROM course_coordinator")
    await world.member("Late", state=MemberState.PENDING, emails=["late@acme.example"])
    await world.enrol("Safety", "Late")
    await until(world, "SELECT count(*) = 13 FROM mail")

    assert await asyncio.to_thread(workers.stop, process) == 0, "within ten seconds"
    assert not server.hold.is_set()


async def test_without_a_server_mail_lies_in_the_data_directory(
    pooled: async_sessionmaker[AsyncSession], database_url: str, redis_url: str, tmp_path: Path
) -> None:
    world = await enrolled(pooled, 1)
    with Workers(database_url, redis_url, tmp_path) as workers:
        workers.start("later")
        await until(world, "SELECT bool_and(state = 'SENT') FROM mail")

    [file] = _files(tmp_path / "data" / "mail")
    assert b"/invitation/" in file.read_bytes()
    assert await Outbox(world, keyring_in(tmp_path / "data")).codes("P00") == []


def _wait_for(server: MailServer, mails: int) -> None:
    patience = time.monotonic() + PATIENCE
    while len(server.arrived) < mails and time.monotonic() < patience:
        time.sleep(0.001)


def _files(directory: Path) -> list[Path]:
    return list(directory.iterdir())
