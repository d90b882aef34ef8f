"""What a provider's deletion ends, and whom two providers may claim."""

import asyncio

import pytest
from sqlalchemy import Engine, text

from access.caller import Caller, Origin
from models.identity import ConnectionKind
from operations import connections, segments
from operations.identity import apply_user_change
from operations.refusals import Code, Refused
from operations.statements import IdentityChange, Kind, Outcome, Subject
from tests.engine import run_until_idle
from tests.world import MONDAY, World

LEA = Subject(external_id="42", user_name="lea@acme.example")


async def provider(world: World, name: str) -> Caller:
    async with world.edge.transaction() as db:
        made, _ = await connections.create(
            db, by=world.system, name=name, kind=ConnectionKind.SCIM, at=MONDAY
        )
    return Caller(world.workspace_id, name, Origin.SCIM, connection_id=made.id)


async def say(
    world: World, by: Caller, kind: Kind = Kind.USER_CHANGED, *, active: bool | None = True
) -> Outcome:
    attributes = {} if kind is Kind.USER_DELETED else {"department": "Sales"}
    change = IdentityChange(kind, LEA, attributes=attributes, active=active)
    async with world.edge.transaction() as db:
        return await apply_user_change(db, by=by, change=change, at=MONDAY)


async def test_deleting_someone_deactivated_before_ends_what_a_paused_segment_kept(
    world: World, sync_database: Engine
) -> None:
    directory = await provider(world, "Directory")
    await say(world, directory)
    segment_id = await world.segment("Sales", 'department eq "Sales"')
    run_until_idle(sync_database)
    async with world.edge.transaction() as db:
        await segments.pause(db, by=world.system, segment_id=segment_id)
    await say(world, directory, active=False)
    run_until_idle(sync_database)

    await say(world, directory, Kind.USER_DELETED, active=None)
    run_until_idle(sync_database)

    with sync_database.begin() as db:
        assert db.scalar(text("SELECT count(*) FROM membership WHERE until IS NULL")) == 0
        assert db.scalar(text("SELECT count(*) FROM membership")) == 1


async def test_two_providers_at_once_do_not_both_claim_one_member(world: World) -> None:
    await world.member("Lea")
    both = [await provider(world, name) for name in ("One", "Two")]

    outcomes = await asyncio.gather(*(say(world, each) for each in both), return_exceptions=True)

    [refused] = [each for each in outcomes if isinstance(each, Refused)]
    assert refused.code is Code.NAME_TAKEN
    async with world.edge.read() as db:
        claims = await db.scalar(
            text("SELECT count(*) FROM directory_person WHERE member_id IS NOT NULL")
        )
    assert claims == 1


async def test_the_second_provider_is_refused_also_afterwards(world: World) -> None:
    await world.member("Lea")
    one, two = [await provider(world, name) for name in ("One", "Two")]
    await say(world, one)

    with pytest.raises(Refused):
        await say(world, two)
