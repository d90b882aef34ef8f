"""Why someone coordinates a course: answered whatever led there, and whatever is broken (S10)."""

import datetime as dt

from sqlalchemy import Engine, text

from access.caller import Caller, Origin
from models.identity import Connection, ConnectionKind
from operations import directory, explain, segments
from operations.explain import SegmentReason, Standing, WhyCoordinator
from sync_engine import ticks
from tests.world import MONDAY, World, settle


async def why(world: World, name: str, course: str) -> WhyCoordinator:
    async with world.edge.read() as db:
        return await explain.membership(
            db,
            by=world.system,
            course_id=world.courses[course],
            member_id=world.members[name],
        )


def only(answer: WhyCoordinator) -> SegmentReason:
    [reason] = answer.segments
    return reason


async def test_a_rule_that_cannot_be_read_is_no_obstacle(
    world: World, sync_database: Engine
) -> None:
    await world.member("Lea", department="Sales")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)
    async with world.edge.transaction() as db:
        await db.execute(text("DELETE FROM attribute_definition WHERE name = 'department'"))

    answer = await why(world, "Lea", "Safety")

    assert answer.standing is Standing.DERIVED
    assert only(answer).explanation is None
    assert only(answer).sentences == ("belongs to it",)


async def test_a_new_day_is_named_as_the_cause(world: World, sync_database: Engine) -> None:
    await world.member("Lea", hireDate="2026-03-03")
    await world.segment("Started", "hireDate le now")
    await world.course("Safety", segments_attached=["Started"])
    settle(sync_database)
    ticks.tick(sync_database, now=MONDAY + dt.timedelta(days=1))
    settle(sync_database)

    cause = only(await why(world, "Lea", "Safety")).cause

    assert cause is not None
    assert cause.verb == "clock.ticked"


async def test_a_directory_group_is_named_as_the_cause(world: World, sync_database: Engine) -> None:
    await world.member("Lea")
    await world.segment("Trainers", 'groups has "Trainers"')
    await world.course("Safety", segments_attached=["Trainers"])
    settle(sync_database)
    async with world.edge.transaction() as db:
        made = Connection(
            workspace_id=world.workspace_id, name="IdP", kind=ConnectionKind.SCIM, dropped={}
        )
        db.add(made)
        await db.flush()
        by = Caller(world.workspace_id, "IdP", Origin.SCIM, connection_id=made.id)
        group = await directory.create_group(db, by=by, display_name="Trainers", at=MONDAY)
    async with world.edge.transaction() as db:
        locked = await directory.lock_group(db, by, group.id)
        assert locked is not None
        await directory.move_members(db, by=by, group=locked, add=[world.members["Lea"]], at=MONDAY)
    settle(sync_database)

    cause = only(await why(world, "Lea", "Safety")).cause

    assert cause is not None
    assert (cause.verb, cause.by_name) == ("group.changed", "IdP")


async def test_a_cause_names_nobody_else_who_was_named_with_one(
    world: World, sync_database: Engine
) -> None:
    for name in ("Lea", "Max", "Ola"):
        await world.member(name)
    await world.segment("Buddies", people_named=["Ola"])
    await world.course("Safety", segments_attached=["Buddies"])
    settle(sync_database)
    async with world.edge.transaction() as db:
        await segments.name_people(
            db,
            by=world.system,
            segment_id=world.segments["Buddies"],
            member_ids=[world.members["Lea"], world.members["Max"]],
        )
    settle(sync_database)

    cause = only(await why(world, "Lea", "Safety")).cause

    assert cause is not None
    assert cause.verb == "segment.people_named"
    assert cause.after == {"memberIds": [world.members["Lea"]]}


async def test_a_cause_tells_nothing_of_a_segment_that_explaining_does_not_show(
    world: World, sync_database: Engine
) -> None:
    await world.member("Lea", department="Sales")
    await world.segment("Sellers", 'department eq "Support"')
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)
    async with world.edge.transaction() as db:
        await segments.edit(
            db,
            by=world.system,
            segment_id=world.segments["Sellers"],
            description="Those who are to leave in May.",
            rule='department eq "Sales"',
        )
    settle(sync_database)

    cause = only(await why(world, "Lea", "Safety")).cause

    assert cause is not None
    assert cause.verb == "segment.edited"
    assert cause.after is not None
    assert cause.after.keys() == {"rule"}
