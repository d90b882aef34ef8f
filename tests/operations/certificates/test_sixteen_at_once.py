"""Sixteen make certificates of one person at the same moment, or each of another one."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from operations.edge import Edge
from tests.certifying import School

WRITERS = 16


@pytest.fixture
async def crowd(school: School, database_url: str) -> AsyncIterator[School]:
    """The same school, for more connections than a pool usually gives."""
    engine = create_async_engine(database_url, pool_size=WRITERS + 4)
    maker: async_sessionmaker[AsyncSession] = async_sessionmaker(engine, expire_on_commit=False)
    school.world.edge = Edge(maker)
    yield school
    await engine.dispose()


@pytest.mark.spec("M6", "H4")
async def test_one_holds_and_no_number_is_lost(crowd: School) -> None:
    await crowd.complete("Lea")

    made = await asyncio.gather(*(crowd.generate("Lea") for _ in range(WRITERS)))

    rows = await crowd.certificates()
    assert sorted(each.serial for each in made) == list(range(1, WRITERS + 1))
    assert [each.serial for each in rows] == list(range(1, WRITERS + 1))
    assert [each.state for each in rows] == ["SUPERSEDED"] * (WRITERS - 1) + ["ISSUED"]
    assert len({each.code for each in rows}) == WRITERS


@pytest.mark.spec("H4")
async def test_numbers_of_many_people_have_no_gap_and_nobody_waits_for_ever(crowd: School) -> None:
    names = [f"Person {number}" for number in range(WRITERS)]
    for name in names:
        await crowd.world.member(name)
    await crowd.world.enrol("Selling", *names)
    await crowd.complete(*names)

    made = await asyncio.gather(
        *(crowd.generate(name) for name in names),
        *(crowd.generate(name) for name in reversed(names)),
    )

    assert sorted(each.serial for each in made) == list(range(1, 2 * WRITERS + 1))
    assert (await crowd.states()).count("ISSUED") == WRITERS


@pytest.mark.spec("M7")
async def test_making_and_removing_at_once_ends_with_at_most_one(crowd: School) -> None:
    await crowd.complete("Lea")
    first = await crowd.generate("Lea")

    await asyncio.gather(
        *(crowd.generate("Lea") for _ in range(WRITERS // 2)),
        *(crowd.remove(first) for _ in range(WRITERS // 2)),
        return_exceptions=True,
    )

    states = await crowd.states()
    assert states.count("ISSUED") == 1
    assert len(states) == WRITERS // 2 + 1
    assert states[0] in {"SUPERSEDED", "REVOKED"}
