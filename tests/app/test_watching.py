"""`Watch` tells who becomes and who ceases to be coordinator, and why."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.watching import Change, Watch
from tests.furnishing import furnished
from tests.world import World, settle

SALES = 'department eq "Sales"'


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Ada", department="Sales")
    await world.member("Bo", department="Legal")
    await world.segment("Sellers", SALES)
    return world


async def test_nothing_happened_nothing_is_told(world: World, sync_database: Engine) -> None:
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)

    assert Watch(sync_database, world.workspace_id).look() == []


async def test_a_changed_department_is_told_with_the_segment(
    world: World, sync_database: Engine
) -> None:
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)
    watch = Watch(sync_database, world.workspace_id)

    await world.change("Bo", department="Sales")
    settle(sync_database)
    became = watch.look()
    await world.change("Bo", department="Legal")
    settle(sync_database)
    ceased = watch.look()

    engine = ("membership.changed", "LMS Coordinator")
    assert became == [Change(True, "Bo", "Safety", ("Sellers",), *engine)]
    assert ceased == [Change(False, "Bo", "Safety", (), *engine)]
    assert watch.look() == []


async def test_an_attached_segment_brings_its_people(world: World, sync_database: Engine) -> None:
    await world.course("Safety")
    settle(sync_database)
    watch = Watch(sync_database, world.workspace_id)

    await world.attach("Safety", "Sellers")

    assert [(c.person, c.course, c.sources, c.verb) for c in watch.look()] == [
        ("Ada", "Safety", ("Sellers",), "segment.attached")
    ]


async def test_several_sources_are_all_told(world: World, sync_database: Engine) -> None:
    settle(sync_database)
    watch = Watch(sync_database, world.workspace_id)

    await world.course("Safety", coordinators_by_hand=["Ada"], segments_attached=["Sellers"])

    assert [(c.person, c.sources) for c in watch.look()] == [("Ada", ("Sellers", "direct"))]


async def test_other_workspaces_are_not_told(
    world: World, sessions: async_sessionmaker[AsyncSession], sync_database: Engine
) -> None:
    other = await World.new(sessions, "other")
    await other.member("Eve")
    settle(sync_database)
    watch = Watch(sync_database, world.workspace_id)

    await other.course("Secret", coordinators_by_hand=["Eve"])

    assert watch.look() == []
