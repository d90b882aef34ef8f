"""Notes of whom to look at: a segment that begins to give is one, and nobody it holds is missed,
whoever commits first (C18)."""

import asyncio

import pytest
from sqlalchemy import Engine, text

from models.catalog import CourseState
from operations import attachments, invitations, invitees
from tests.mailing import Outbox
from tests.operations.inviting import PEA, by_attachment, newcomer
from tests.world import MONDAY, World, settle


@pytest.fixture
def outbox(world: World) -> Outbox:
    return Outbox(world)


async def test_the_engine_asks_nothing_more_where_everybody_has_an_account(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await world.member("Pea", **PEA)
    await world.segment("Sales", 'department eq "Sales"')
    settle(sync_database)

    assert await outbox.notes() == 0


async def test_a_segment_of_many_is_noted_by_one_row_and_looked_through_in_passes(
    world: World, outbox: Outbox, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitees, "NOTED_A_PASS", 3)
    for number in range(8):
        await newcomer(world, f"P{number}")
    await world.member("Old", **PEA)
    await by_attachment(world, sync_database)
    async with world.edge.transaction() as db:
        await db.execute(text("DELETE FROM invitation_due"))

    assert await outbox.notes() == 1
    await outbox.look()

    assert sorted(await outbox.invited()) == [f"P{number}" for number in range(8)]


async def test_a_segment_attached_again_while_it_is_looked_through_is_begun_anew(
    world: World, outbox: Outbox, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitees, "NOTED_A_PASS", 3)
    names = [f"P{number}" for number in range(5)]
    for name in names:
        await newcomer(world, name)
    await world.segment("Sales", 'department eq "Sales"')
    settle(sync_database)
    await outbox.look()
    await world.course("Old", segments_attached=["Sales"], state=CourseState.ARCHIVED)
    async with world.edge.transaction() as db:
        assert await invitees.expand_segment(db)
    async with world.edge.transaction() as db:
        await invitations.invite_due(db, seals=outbox.seals, at=MONDAY)
    assert await outbox.invited() == []

    await world.course("Safety", segments_attached=["Sales"])
    await outbox.look()

    assert sorted(await outbox.invited()) == names


async def test_an_attachment_and_a_drain_that_do_not_see_each_other_miss_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await world.course("Safety")
    await world.segment("Sales", 'department eq "Sales"')

    async with world.edge.transaction() as attaching:
        await attachments.attach(
            attaching,
            by=world.system,
            course_id=world.courses["Safety"],
            segment_id=world.segments["Sales"],
        )
        settle(sync_database)
        await outbox.look()
        assert await outbox.invited() == []
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def test_a_drain_that_commits_after_the_segment_was_looked_through_misses_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await world.course("Safety")
    await world.segment("Sales", 'department eq "Sales"')

    async with world.edge.transaction() as holding:
        # The engine has written everything and waits for its number in the journal.
        await holding.execute(text("SELECT FROM workspace_stream FOR UPDATE"))
        draining = asyncio.create_task(asyncio.to_thread(settle, sync_database))
        await _until_somebody_waits(world)
        async with world.edge.transaction() as attaching:
            await attaching.execute(
                text(
                    "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
                    " VALUES (:course, :segment, :workspace, 1)"
                ),
                {
                    "course": world.courses["Safety"],
                    "segment": world.segments["Sales"],
                    "workspace": world.workspace_id,
                },
            )
            await invitees.consider_segments(
                attaching, workspace_id=world.workspace_id, segment_ids=world.segments.values()
            )
        await outbox.look()
        assert await outbox.invited() == []
        assert await outbox.notes() == 0
    await draining
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def _until_somebody_waits(world: World) -> None:
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock')"
    )
    async with asyncio.timeout(10):
        while True:
            async with world.edge.sessions() as db:
                if await db.scalar(waiting):
                    return
            await asyncio.sleep(0.01)
