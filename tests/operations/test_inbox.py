"""The inbox goes on, whatever is in a delivery (I3)."""

import json
from typing import Any

import pytest

from app.webhooks import apply_pending
from models.identity import Connection, ConnectionKind, DeliveryStatus, InboxDelivery
from operations import inbox
from tests.world import MONDAY, World


@pytest.fixture
async def connection(world: World) -> Connection:
    async with world.edge.transaction() as db:
        made = Connection(
            workspace_id=world.workspace_id, name="IdP", kind=ConnectionKind.WEBHOOK, dropped={}
        )
        db.add(made)
    return made


async def deliver(world: World, connection: Connection, id: str, **event: Any) -> int:
    body = json.dumps({"timestamp": MONDAY.isoformat(), **event}).encode()
    async with world.edge.transaction() as db:
        stored = await inbox.store(db, connection=connection, delivery_id=id, body=body, at=MONDAY)
    assert isinstance(stored, inbox.StoredDelivery)
    await apply_pending(world.edge, limit=10, at=MONDAY)
    return stored.id


async def found(world: World, id: int) -> InboxDelivery:
    async with world.edge.read() as db:
        return await db.get_one(InboxDelivery, id)


async def test_a_name_that_cannot_be_stored_is_told_of_all_the_same(
    world: World, connection: Connection
) -> None:
    id = await deliver(
        world,
        connection,
        "d1",
        type="user.changed",
        data={"externalId": "u1", "userName": "lea", "attributes": {"no\x00body": "knows"}},
    )

    delivery = await found(world, id)
    async with world.edge.read() as db:
        dropped = (await db.get_one(Connection, connection.id)).dropped
    assert delivery.status is DeliveryStatus.APPLIED
    assert delivery.reason == "Not kept here: no\ufffdbody."
    assert dropped == {"no\ufffdbody": 1}


async def test_a_part_that_cannot_be_stored_is_named_in_the_quarantine(
    world: World, connection: Connection
) -> None:
    data = {"externalId": "g1", "displayName": "G", "members": {"a\x00b": []}}
    id = await deliver(world, connection, "d1", type="group.changed", data=data)

    delivery = await found(world, id)
    assert delivery.status is DeliveryStatus.QUARANTINED
    assert "a\ufffdb" in (delivery.reason or "")


async def test_a_name_too_long_for_lists_of_people_is_quarantined(
    world: World, connection: Connection
) -> None:
    data = {"externalId": "u1", "userName": "lea"}
    await deliver(world, connection, "d1", type="user.changed", data=data)
    name = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(1000))
    changed = {"mode": "partial", **data, "attributes": {"displayName": name}}
    id = await deliver(world, connection, "d2", type="user.changed", data=changed)

    delivery = await found(world, id)
    assert delivery.status is DeliveryStatus.QUARANTINED
    assert "display name has 1000 characters" in (delivery.reason or "")
