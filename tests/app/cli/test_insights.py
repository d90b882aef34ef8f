"""`coordinator insights` verifies the summaries insights are read from, and counts them anew."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.insights import folding
from tests.app.cli.program import Answer, run
from tests.world import World

# Each command is a process of its own, which takes its time on a busy machine.
pytestmark = [pytest.mark.timeout(180), pytest.mark.spec("X3")]


def insights(database_url: str, *arguments: str) -> Answer:
    return run("insights", *arguments, given={"DATABASE_URL": database_url})


async def test_a_summary_that_lies_is_found_and_repaired(
    sessions: async_sessionmaker[AsyncSession], database_url: str
) -> None:
    world = await World.new(sessions)
    await world.member("Ada", department="Sales")
    await world.course("Safety")
    await world.enrol("Safety", "Ada")
    async with world.edge.transaction() as db:
        at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
        assert await folding.fold(db, at=at, limit=8) == 1

    clean = Answer(0, "1 summaries counted anew; 0 differ.\n", "")
    assert insights(database_url, "verify") == clean

    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE insight_cell SET n = 7 WHERE facet = 'STANDING'"))
    course = world.courses["Safety"]
    assert insights(database_url, "verify") == Answer(
        1,
        "1 summaries counted anew; 1 differ.\n",
        f"Course {course}: 1 cells differ.\n"
        "  block 0: STANDING department:Sales NOT_STARTED says 7, counted 1\n",
    )

    assert insights(database_url, "rebuild") == Answer(0, "1 summaries counted anew.\n", "")
    assert insights(database_url, "verify") == clean
