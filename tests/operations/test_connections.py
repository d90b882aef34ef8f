"""Connections are for those who may name the workspace's managers."""

import datetime as dt

import pytest

from access.permissions import Principal
from app.keyring import Keyring
from models.identity import ConnectionKind
from operations import connections
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.world import MONDAY, World

KEYRING = Keyring({"k1": bytes(range(32))})


@pytest.fixture
@furnished
async def world(world: World) -> World:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Lea")
    return world


async def create(world: World, name: str, kind: ConnectionKind, by: str = "Mona") -> int:
    async with world.edge.transaction() as db:
        connection, secret = await connections.create(
            db, by=world.caller(by), name=name, kind=kind, seals=KEYRING, at=MONDAY
        )
    assert (secret is not None) is (kind is ConnectionKind.WEBHOOK)
    return connection.id


@pytest.mark.spec("I6")
async def test_a_manager_makes_and_lists_connections(world: World) -> None:
    await create(world, "Okta", ConnectionKind.SCIM)
    await create(world, "HR", ConnectionKind.WEBHOOK)

    async with world.edge.read() as db:
        listed = await connections.list_connections(db, by=world.caller("Mona"))

    assert [(each.name, each.is_enabled) for each in listed] == [("HR", True), ("Okta", True)]
    assert (await world.verbs())[-2:] == ["connection.created"] * 2


async def test_nobody_else_does(world: World) -> None:
    id = await create(world, "Okta", ConnectionKind.SCIM)
    lea = world.caller("Lea")
    async with world.edge.transaction() as db:
        for refused in (
            connections.create(db, by=lea, name="X", kind=ConnectionKind.SCIM, at=MONDAY),
            connections.set_enabled(db, by=lea, connection_id=id, is_enabled=False),
            connections.rotate_secret(db, by=lea, connection_id=id, seals=KEYRING, at=MONDAY),
            connections.list_connections(db, by=lea),
        ):
            with pytest.raises(Denied):
                await refused
    assert (await world.verbs())[-1] == "connection.created"


async def test_a_name_is_taken_in_any_case(world: World) -> None:
    await create(world, "Okta", ConnectionKind.SCIM)

    with pytest.raises(Refused) as refusal:
        await create(world, "OKTA", ConnectionKind.SCIM)

    assert refusal.value.code is Code.NAME_TAKEN


async def test_switching_off_and_on_is_recorded_once_each(world: World) -> None:
    id = await create(world, "Okta", ConnectionKind.SCIM)
    for is_enabled in (False, False, True):
        async with world.edge.transaction() as db:
            await connections.set_enabled(
                db, by=world.caller("Mona"), connection_id=id, is_enabled=is_enabled
            )

    assert (await world.verbs())[-2:] == ["connection.disabled", "connection.enabled"]


@pytest.mark.spec("I6")
async def test_a_scim_connection_has_no_secret_and_overlaps_are_bounded(world: World) -> None:
    scim = await create(world, "Okta", ConnectionKind.SCIM)
    webhook = await create(world, "HR", ConnectionKind.WEBHOOK)
    async with world.edge.transaction() as db:
        mona = world.caller("Mona")
        with pytest.raises(Refused, match="has tokens, not secrets"):
            await connections.rotate_secret(
                db, by=mona, connection_id=scim, seals=KEYRING, at=MONDAY
            )
        with pytest.raises(Refused, match="0 to 30 days; 31 days"):
            await connections.rotate_secret(
                db,
                by=mona,
                connection_id=webhook,
                seals=KEYRING,
                overlap=dt.timedelta(days=31),
                at=MONDAY,
            )


async def test_what_is_dropped_is_kept_by_name_up_to_a_limit(world: World) -> None:
    id = await create(world, "Okta", ConnectionKind.SCIM)
    many = {f"name{number}": 1 for number in range(150)}
    for dropped in ({"nickName": 2}, many, {"nickName": 1}):
        async with world.edge.transaction() as db:
            await connections.note(db, connection_id=id, dropped=dropped, at=MONDAY)

    async with world.edge.read() as db:
        health = (await connections.healths_of(db, world.workspace_id, [id]))[id]

    assert health.dropped_count == 153
    assert len(health.dropped) == connections.NAMES_KEPT
    assert health.dropped["nickName"] == 3
    assert health.last_seen_at == MONDAY
