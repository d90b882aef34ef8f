"""The workbook of a quiz from the wish to the bytes."""

import io
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.jobs import FileFormat, JobKind
from resolvers.jobs.asked import QuizAsked
from tests.app.workbooks.classroom import Classroom
from tests.files import in_lines, no_longer_coordinates, open_workshop
from tests.taking import RIGHT, WRONG
from tests.world import World

pytestmark = pytest.mark.timeout(120)


@pytest.mark.spec("M10", "X4")
async def test_a_coordinator_gets_the_workbook_of_a_quiz_and_its_attempts(
    sessions: async_sessionmaker[AsyncSession], database_url: str, tmp_path: Path
) -> None:
    classroom = await Classroom.new(await World.new(sessions))
    world = classroom.world
    for name, answers in (("Ada", RIGHT), ("Bo", WRONG)):
        await classroom.learner(name)
        await classroom.take(name, answers)
    course = world.courses["Safety"]
    asked = QuizAsked(course, world.modules["Views"])
    async with open_workshop(world, database_url, tmp_path / "files") as files:
        jobs = [
            await files.ask("Cora", JobKind.QUIZ_INSIGHTS, format, asked, course)
            for format in FileFormat
        ]
        book, lines = [await files.bytes_of(job) for job in jobs]
        late = await files.ask("Cora", JobKind.QUIZ_INSIGHTS, FileFormat.CSV, asked, course)
        await no_longer_coordinates(world)
        lost = await files.made(late)

    sheets = load_workbook(io.BytesIO(book))
    assert sheets.sheetnames[0] == "Attempts"
    assert sheets["Attempts"].max_row == 3
    assert [each["Name"] for each in in_lines(lines)] == ["Ada", "Bo"]
    assert lost.problem == "NOT_FOUND"
