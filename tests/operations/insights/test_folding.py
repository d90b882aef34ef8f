"""Markers are folded into the summary and none is lost, whoever writes or is killed meanwhile (X3).

Each test is one interleaving: transactions are opened by hand and committed in an order chosen.
"""

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.insights import folding
from operations.insights.cells import EVERYBODY, Narrow, Policy
from tests.furnishing import furnished
from tests.operations.insights.academy import LEARNERS, Academy
from tests.taking import RIGHT
from tests.world import World

pytestmark = pytest.mark.spec("X3")

EVERYTHING = Narrow(includes_staff=True, policy=Policy.ALL)


@pytest.fixture
@furnished
async def academy(world: World) -> Academy:
    """Ada has handed in and Bo learns; all of it is folded."""
    academy = await Academy.open(world)
    for name in LEARNERS[:2]:
        await academy.enrol(name)
    await academy.hand_in("Ada", RIGHT)
    await academy.settle()
    return academy


async def is_exact(academy: Academy) -> bool:
    """What is read is what a naive count says, and verification finds nothing."""
    for unit in academy.units:
        for to in (EVERYBODY, EVERYTHING):
            if await academy.read(unit, to) != await academy.naively(unit, to):
                return False
    return not await academy.drift()


ENROL = text("""
INSERT INTO progress (course_id, member_id, workspace_id, is_learner)
SELECT :course, id, workspace_id, TRUE FROM member WHERE id = :member
""")
MOVE = text("""
UPDATE member SET attributes = '{"department": "Legal"}' WHERE id = :member
""")


async def write(academy: Academy, db: AsyncSession, what: Any, name: str) -> None:
    """What an operation would write, without its locks."""
    told = {"course": academy.course_id, "member": academy.world.members[name]}
    await db.execute(what, {each: told[each] for each in what._bindparams})


def soon() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)


async def folded(db: AsyncSession) -> int:
    return await folding.fold(db, at=soon(), limit=8)


class Interrupting(AsyncSession):
    """A session that lets something happen between the look at the markers and the count."""

    meanwhile: Any = None

    async def execute(self, statement: Any, *said: Any, **more: Any) -> Any:
        found = await super().execute(statement, *said, **more)
        if statement is folding.SEEN and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found


async def fold_while(academy: Academy, meanwhile: Any) -> None:
    sessions = academy.world.edge.sessions
    async with Interrupting(sessions.kw["bind"], expire_on_commit=False) as db, db.begin():
        db.meanwhile = meanwhile
        assert await folded(db) == 1


async def test_a_writer_who_commits_between_look_and_count_keeps_the_marker(
    academy: Academy,
) -> None:
    await academy.enrol("Cy")
    before = await academy.markers()

    async def enrol_again() -> None:
        await academy.enrol("Cy", "East")

    await fold_while(academy, enrol_again)

    assert await academy.markers() == before
    assert await is_exact(academy)
    await academy.settle()
    assert await academy.markers() == set()
    assert await is_exact(academy)


async def test_a_writer_in_another_block_meanwhile_is_neither_counted_nor_forgotten(
    academy: Academy,
) -> None:
    await academy.enrol("Cy")

    async def enrol_another() -> None:
        await academy.enrol("Di")

    await fold_while(academy, enrol_another)

    assert await academy.markers() == {(academy.course_id, 0, academy.block("Di"))}
    assert await is_exact(academy)


async def test_whoever_commits_after_the_count_is_counted_by_readers(academy: Academy) -> None:
    async with academy.world.edge.transaction() as db:
        await write(academy, db, ENROL, "Cy")
        await academy.enrol("Di")
        assert await academy.fold() == 1
        assert await is_exact(academy)

    assert await academy.markers() == {(academy.course_id, 0, academy.block("Cy"))}
    assert await is_exact(academy)
    await academy.settle()
    assert await is_exact(academy)


async def test_two_folders_never_have_one_unit(academy: Academy) -> None:
    await academy.enrol("Cy")
    async with academy.world.edge.transaction() as db:
        assert await folded(db) == 1
        assert await academy.fold() == 0
    assert await academy.fold() == 0
    assert await is_exact(academy)


async def test_many_folders_and_writers_at_once_leave_an_exact_summary(academy: Academy) -> None:
    async def live(name: str) -> None:
        for group in (None, "East", "West"):
            await academy.enrol(name, group)
        await academy.hand_in(name, RIGHT)

    async def keep_folding() -> None:
        for _ in range(15):
            await academy.fold(1)

    folders = (keep_folding() for _ in range(3))
    await asyncio.gather(*(live(name) for name in LEARNERS), *folders)

    assert await is_exact(academy)
    await academy.settle()
    assert await academy.markers() == set()
    assert await is_exact(academy)


async def test_a_folder_that_is_killed_has_done_nothing(academy: Academy) -> None:
    await academy.enrol("Cy")
    before = await academy.markers()

    await academy.crash()

    assert await academy.markers() == before
    assert await is_exact(academy)
    assert await academy.fold() == 1
    assert await is_exact(academy)


async def test_nothing_is_folded_while_somebody_changes_department(academy: Academy) -> None:
    async with academy.world.edge.transaction() as db:
        await write(academy, db, MOVE, "Cy")
        async with academy.world.edge.transaction() as other:
            await write(academy, other, ENROL, "Cy")
        assert await academy.fold() == 0
    assert await is_exact(academy)
    await academy.settle()
    assert await is_exact(academy)


async def test_whoever_changes_department_during_a_fold_marks_what_it_counted(
    academy: Academy,
) -> None:
    async def move() -> None:
        async with academy.world.edge.transaction() as db:
            await write(academy, db, MOVE, "Cy")

    await academy.enrol("Cy")
    async with academy.world.edge.transaction() as db:
        assert await folded(db) == 1
        moving = asyncio.create_task(move())
        await asyncio.sleep(0.2)
        assert not moving.done()
    await moving

    assert await academy.markers() == {(academy.course_id, 0, academy.block("Cy"))}
    assert await is_exact(academy)
    await academy.settle()
    assert await is_exact(academy)


async def test_nothing_is_folded_while_the_time_zone_changes(academy: Academy) -> None:
    await academy.enrol("Cy")
    async with academy.world.edge.transaction() as db:
        await db.execute(text("UPDATE workspace SET time_zone = 'Pacific/Kiritimati'"))
        assert await academy.fold() == 0
    await academy.settle()
    assert await is_exact(academy)


async def test_what_was_there_before_is_counted_by_readers_until_it_is_folded_bit_by_bit(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    academy = await Academy.open(await World.new(sessions))
    for name in LEARNERS:
        await academy.enrol(name)
    async with academy.world.edge.transaction() as db:
        await db.execute(text("DELETE FROM insight_marker"))
    assert await is_exact(academy)

    await academy.enrol("Ada", "East")
    for left in (3, 2, 1, 0):
        assert await academy.fold(1) == 1
        assert len(await academy.markers()) == left
        assert await is_exact(academy)


async def test_workers_wait_until_changes_have_gathered(academy: Academy) -> None:
    await academy.enrol("Cy")
    async with academy.world.edge.transaction() as db:
        now = dt.datetime.now(dt.UTC)
        assert await folding.fold(db, at=now, limit=8, settled=folding.SETTLED) == 0
        later = now + folding.SETTLED
        assert await folding.fold(db, at=later, limit=8, settled=folding.SETTLED) == 1


@pytest.mark.parametrize("block", ["-1", "0"])
async def test_verification_finds_a_cell_that_lies_and_rebuilding_repairs_it(
    academy: Academy, block: str
) -> None:
    where = "block = -1" if block == "-1" else "block >= 0"
    async with academy.world.edge.transaction() as db:
        await db.execute(
            text(f"UPDATE insight_cell SET n = n + 1 WHERE {where} AND facet = 'STANDING'")
        )
    drift = await academy.drift()
    assert {(each.facet, each.block == -1) for each in drift} >= {("STANDING", True)}

    async with academy.world.edge.transaction() as db:
        for unit in await folding.kept(db, workspace_id=academy.world.workspace_id):
            await folding.rebuild(db, unit, at=soon())

    assert await is_exact(academy)
    assert await academy.markers() == set()


async def test_cells_nobody_is_in_are_not_kept(academy: Academy) -> None:
    await academy.unassign("Bo")
    await academy.settle()

    async with academy.world.edge.read() as db:
        empty = await db.scalar(text("SELECT count(*) FROM insight_cell WHERE n <= 0"))
        of_bo = await db.scalar(
            text("SELECT count(*) FROM insight_cell WHERE block = :block"),
            {"block": academy.block("Bo")},
        )
    assert (empty, of_bo) == (0, 0)
