"""How courses follow segments: SYNC, ADD_ONLY, REMOVE_ONLY and FROZEN (S8)."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Principal
from models.catalog import CourseState
from models.segments import AttachmentMode, CourseSegment
from operations import attachments, courses, explain, segments
from operations.as_of import Time
from operations.attachment_modes import Mode
from operations.explain import Standing, WhyCoordinator
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.mailing import Outbox
from tests.operations.inviting import newcomer
from tests.world import World, settle

pytestmark = pytest.mark.spec("S8")

SYNC, ADD_ONLY, REMOVE_ONLY, FROZEN = AttachmentMode


def hour(number: int) -> dt.datetime:
    return dt.datetime(2026, 3, 2, number, tzinfo=dt.UTC)


@pytest.fixture
@furnished
async def staffed(world: World, sync_database: Engine) -> World:
    for name in ("Mona", "Dan", "Ada", "Bo"):
        await world.member(name)
    await world.segment("Team", people_named=["Ada"], is_usable_by_departments=True)
    await world.segment("Closed", people_named=["Bo"])
    await world.course("Safety", segments_attached=["Team", "Closed"])
    await world.course("Welding")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Dan", Principal.DEPARTMENT_MANAGER, department="Training")
    settle(sync_database)
    return world


async def follow(
    world: World, mode: AttachmentMode, *, by: str = "Mona", segment: str = "Team"
) -> CourseSegment:
    async with world.edge.transaction() as db:
        return await attachments.change_mode(
            db,
            by=world.caller(by),
            course_id=world.courses["Safety"],
            segment_id=world.segments[segment],
            mode=mode,
        )


async def name(world: World, *names: str, out: bool = False) -> None:
    do = segments.unname_people if out else segments.name_people
    async with world.edge.transaction() as db:
        await do(
            db,
            by=world.system,
            segment_id=world.segments["Team"],
            member_ids=[world.members[each] for each in names],
        )


async def why(world: World, who: str) -> WhyCoordinator:
    async with world.edge.read() as db:
        return await explain.membership(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members[who],
        )


TIMES = [Time(hour(10), hour(12)), Time(hour(14), None)]
"""Somebody left at twelve and came back at two."""


@pytest.mark.parametrize(
    ("mode", "counted"),
    [
        (SYNC, {9: 14, 10: 14, 11: 14, 12: 14, 13: 14, 14: 14, 15: 14}),
        (ADD_ONLY, {9: 10, 10: 10, 11: 10, 12: 14, 13: 14, 14: 14, 15: 14}),
        (REMOVE_ONLY, {9: None, 10: None, 11: None, 12: None, 13: None, 14: 14, 15: 14}),
        (FROZEN, {9: None, 10: 10, 11: 10, 12: None, 13: None, 14: 14, 15: 14}),
    ],
)
async def test_a_time_begins_with_its_first_moment_and_ends_before_its_last(
    staffed: World, mode: AttachmentMode, counted: dict[int, int | None]
) -> None:
    about = {"member": staffed.members["Bo"], "segment": staffed.segments["Team"]}
    async with staffed.edge.sessions() as db:
        for each in TIMES:
            await db.execute(
                text("INSERT INTO membership VALUES (:member, :segment, :since, :until)"),
                {**about, "since": each.since, "until": each.until},
            )
        for begun, expected in counted.items():
            await db.execute(
                text(
                    "UPDATE course_segment SET mode = :mode, mode_since = :since,"
                    " attached_at = '2020-01-01Z' WHERE segment_id = :segment"
                ),
                {**about, "mode": mode, "since": hour(begun)},
            )
            rows = await db.scalars(
                text(
                    "SELECT since FROM coordinator_source"
                    " WHERE member_id = :member AND segment_id = :segment"
                ),
                about,
            )
            found = Mode(mode, hour(begun)).counted(TIMES)
            assert list(rows) == ([] if expected is None else [hour(expected)]), begun
            assert (found and found.since.hour) == expected, begun


async def test_who_left_and_came_back_is_not_taken_back_by_what_only_removes(
    staffed: World, sync_database: Engine
) -> None:
    await name(staffed, "Bo")
    settle(sync_database)
    await follow(staffed, REMOVE_ONLY)
    for out in (True, False):
        await name(staffed, "Bo", out=out)
        settle(sync_database)

    found = (await why(staffed, "Bo")).segments[0]

    assert (found.is_member, found.gives) == (True, False)
    assert await sources(staffed, "Bo") == 1, "the other segment, which is SYNC"
    assert await sources(staffed, "Ada") == 1
    assert found.cause is not None
    assert found.cause.verb == "segment.mode_changed"


async def sources(world: World, who: str) -> int:
    async with world.edge.read() as db:
        statement = text("SELECT count(*) FROM coordinator_source WHERE member_id = :id")
        return int((await db.execute(statement, {"id": world.members[who]})).scalar_one())


async def test_the_same_mode_again_goes_on_from_when_it_began(staffed: World) -> None:
    first = await follow(staffed, FROZEN)
    begun, told = first.mode_since, await staffed.verbs()

    again = await follow(staffed, FROZEN)

    assert (again.mode, again.mode_since) == (FROZEN, begun)
    assert await staffed.verbs() == told
    assert told.count("segment.mode_changed") == 1
    async with staffed.edge.read() as db:
        statement = text(
            "SELECT before, after FROM journal_entry WHERE verb = 'segment.mode_changed'"
        )
        before, after = (await db.execute(statement)).one()
    assert (before["mode"], before["place"]) == ("SYNC", 1)
    assert after == {"place": 1, "mode": "FROZEN", "modeSince": begun.isoformat()}


async def test_a_segment_is_attached_in_a_mode_and_not_again_in_another(staffed: World) -> None:
    async def attach(mode: AttachmentMode | None) -> CourseSegment:
        async with staffed.edge.transaction() as db:
            return await attachments.attach(
                db,
                by=staffed.caller("Mona"),
                course_id=staffed.courses["Welding"],
                segment_id=staffed.segments["Team"],
                mode=mode,
            )

    assert (await attach(FROZEN)).mode is FROZEN
    assert (await attach(None)).mode is FROZEN
    assert (await attach(FROZEN)).mode is FROZEN
    with pytest.raises(Refused) as refused:
        await attach(SYNC)

    assert refused.value.code is Code.CONFLICT
    assert refused.value.details["instead"] == ["changeAttachmentMode"]
    assert await staffed.coordinators_of("Welding") == {"Ada"}


async def test_whoever_may_attach_a_segment_may_change_how_it_is_followed(staffed: World) -> None:
    await follow(staffed, ADD_ONLY, by="Dan")
    with pytest.raises(Denied):
        await follow(staffed, ADD_ONLY, by="Dan", segment="Closed")
    with pytest.raises(Denied):
        await follow(staffed, ADD_ONLY, by="Bo")
    async with staffed.edge.transaction() as db:
        await attachments.detach(
            db,
            by=staffed.system,
            course_id=staffed.courses["Safety"],
            segment_id=staffed.segments["Team"],
        )
    with pytest.raises(Refused) as refused:
        await follow(staffed, SYNC)

    assert refused.value.code is Code.NOT_FOUND


async def test_why_says_what_the_mode_decided_in_the_present_and_in_the_past(
    staffed: World, sync_database: Engine
) -> None:
    begun = (await follow(staffed, FROZEN)).mode_since
    await name(staffed, "Ada", out=True)
    await name(staffed, "Bo")
    async with staffed.edge.transaction() as db:
        await attachments.detach(
            db,
            by=staffed.system,
            course_id=staffed.courses["Safety"],
            segment_id=staffed.segments["Closed"],
        )
    settle(sync_database)

    ada, bo = await why(staffed, "Ada"), await why(staffed, "Bo")

    moment = f"{begun:%Y-%m-%d %H:%M:%S} UTC"
    assert (ada.standing, bo.standing) == (Standing.DERIVED, Standing.NO_SOURCE)
    assert ada.summary == (
        f"Ada is coordinator of “Safety” through “Team”: was in it when it was frozen on {moment}."
    )
    assert bo.summary == (
        "Bo is no coordinator of “Safety”: not by hand, and no segment gives the role;"
        f" of “Team”: was not in it when it was frozen on {moment}."
    )
    assert ada.segments[0].sentences[0] == f"was in it when it was frozen on {moment}"
    await follow(staffed, ADD_ONLY)
    async with staffed.edge.read() as db:
        then = await explain.membership(
            db,
            by=staffed.system,
            course_id=staffed.courses["Safety"],
            member_id=staffed.members["Ada"],
            seq=ada.seq,
        )
        line = await explain.timeline(
            db,
            by=staffed.system,
            course_id=staffed.courses["Safety"],
            member_id=staffed.members["Ada"],
            limit=10,
        )
    assert (then.standing, then.segments[0].mode) == (Standing.DERIVED, FROZEN)
    assert f"was in it when it was frozen on {moment}" in then.summary
    cause = line.turns[0].cause
    assert cause is not None
    assert cause.verb == "segment.mode_changed"
    assert [each.turn for each in line.turns] == ["LOST", "GAINED"]


async def until_somebody_waits(world: World) -> None:
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


async def beside(world: World, engine: Engine, holding: AsyncSession, statement: str) -> None:
    """The engine has looked at the clock and writes, and waits for a row; meanwhile the course
    freezes what it follows."""
    about = {"member": world.members["Bo"], "segment": world.segments["Team"]}
    await holding.execute(text(statement), about)
    draining = asyncio.create_task(asyncio.to_thread(settle, engine))
    await until_somebody_waits(world)
    await follow(world, FROZEN)
    frozen = await why(world, "Bo")
    assert frozen.segments[0].gives is frozen.segments[0].is_member
    await holding.rollback()
    await draining


async def test_a_membership_that_began_before_a_freeze_and_was_committed_after_it_counts(
    staffed: World, sync_database: Engine
) -> None:
    await name(staffed, "Bo")
    async with staffed.edge.sessions() as holding:
        await beside(
            staffed,
            sync_database,
            holding,
            "INSERT INTO membership (member_id, segment_id, since)"
            " VALUES (:member, :segment, '2020-01-01Z')",
        )

    found = (await why(staffed, "Bo")).segments[0]

    assert (found.is_member, found.gives) == (True, True)
    assert await sources(staffed, "Bo") == 2


async def test_a_membership_that_ended_before_a_freeze_and_was_committed_after_it_does_not(
    staffed: World, sync_database: Engine
) -> None:
    await name(staffed, "Bo")
    settle(sync_database)
    await name(staffed, "Bo", out=True)
    async with staffed.edge.sessions() as holding:
        await beside(
            staffed,
            sync_database,
            holding,
            "SELECT FROM membership WHERE member_id = :member AND segment_id = :segment FOR UPDATE",
        )

    found = (await why(staffed, "Bo")).segments[0]

    assert (found.is_member, found.gives) == (False, False)
    assert await sources(staffed, "Bo") == 1


async def test_who_is_given_something_by_a_change_of_mode_is_invited(
    staffed: World, sync_database: Engine
) -> None:
    outbox = Outbox(staffed)
    await follow(staffed, FROZEN)
    await newcomer(staffed)
    await name(staffed, "Pea")
    settle(sync_database)
    await outbox.look()
    assert await outbox.invited() == []

    await follow(staffed, SYNC)
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def test_who_has_left_a_frozen_segment_is_invited_when_its_course_is_brought_back(
    staffed: World, sync_database: Engine
) -> None:
    outbox = Outbox(staffed)

    async def edit(**changes: Any) -> None:
        async with staffed.edge.transaction() as db:
            await courses.edit(
                db, by=staffed.system, course_id=staffed.courses["Safety"], changes=changes
            )

    await edit(state=CourseState.ARCHIVED)
    await newcomer(staffed)
    await name(staffed, "Pea")
    settle(sync_database)
    await follow(staffed, FROZEN)
    await name(staffed, "Pea", out=True)
    settle(sync_database)
    await outbox.look()
    assert await outbox.invited() == []

    await edit(state=CourseState.ACTIVE)
    await outbox.look()

    assert await outbox.invited() == ["Pea"]
