"""A file that takes longer than the longest run is not made, and its job says what to do."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.database import worker_engine
from app.jobs.watching import EVERY, Watch
from models.jobs import FileFormat, JobState
from operations.jobs import working
from operations.jobs.working import LONGEST_RUN
from operations.refusals import Refused
from tests.files import Files, open_workshop
from tests.world import World

pytestmark = [pytest.mark.spec("X5")]
HOUR = LONGEST_RUN.total_seconds()


def ticking(*times: float) -> Callable[[], float]:
    """A clock that shows these times, and stays at the last."""
    shown: Iterator[float] = itertools.chain(times, itertools.repeat(times[-1]))
    return lambda: next(shown)


@pytest.mark.parametrize("format", FileFormat)
async def test_what_takes_longer_than_an_hour_is_stopped_and_says_what_to_do(
    company: World, database_url: str, tmp_path: Path, format: FileFormat
) -> None:
    slow = ticking(100.0, 100.0 + HOUR + 1)
    async with open_workshop(company, database_url, tmp_path / "files", clock=slow) as files:
        job = await files.made(await files.members("Mona", format=format))

        assert (job.state, job.problem, job.runs) == (JobState.FAILED, "LIMIT_REACHED", 1)
        assert job.message == (
            "It took longer than 1 h, and was stopped. Narrow what is asked for, or bring the"
            " file in parts."
        )
        assert not files.held()


async def test_what_takes_an_hour_to_the_second_is_made(
    company: World, database_url: str, tmp_path: Path
) -> None:
    steady = ticking(100.0, 100.0 + HOUR)
    async with open_workshop(company, database_url, tmp_path / "files", clock=steady) as files:
        assert (await files.made(await files.members("Mona"))).state is JobState.DONE


async def test_a_run_that_never_looks_at_the_clock_is_not_said_to_live_for_ever(
    files: Files, database_url: str
) -> None:
    files.workshop.end()
    job = await files.members("Mona")
    async with files.world.edge.transaction() as db:
        claimed = await working.claim(db, at=job.created_at)
    assert claimed is not None
    await files.do("UPDATE job SET lease_until = now()")

    engine = worker_engine(database_url, pool_size=1)
    with Watch(engine, claimed.id, claimed.runs, clock=ticking(0.0, 2 * HOUR)) as watch:
        await asyncio.sleep(3 * EVERY)
        with pytest.raises(Refused):
            watch.check()
    engine.dispose()

    async with files.world.edge.read() as db:
        assert await db.scalar(text("SELECT lease_until < now() FROM job"))
