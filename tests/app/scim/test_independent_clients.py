"""Clients written by others are content, over a real HTTP server."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest
from scim2_tester import Status, check_server

from operations import attributes
from sync_engine.rules import Attribute, AttributeType, Owner
from tests.app.scim.conftest import ENTERPRISE, Door

T = TypeVar("T")


async def visit(door: Door, address: str, tell: Callable[[SyncSCIMClient], T]) -> T:
    """What a blocking client finds, in a thread of its own."""

    def run() -> T:
        headers = {"Authorization": f"Bearer token-{door.connection.id}"}
        with httpx2.Client(base_url=address, headers=headers) as http:
            return tell(SyncSCIMClient(http))

    return await asyncio.to_thread(run)


async def test_every_check_of_scim2_tester_is_a_success(door: Door, address: str) -> None:
    own = [("badge", AttributeType.IDENTIFIER), ("union", AttributeType.BOOLEAN)]
    async with door.world.edge.transaction() as db:
        await attributes.edit(
            db,
            by=door.world.system,
            define=[Attribute(name, type, Owner.IDENTITY_PROVIDER) for name, type in own],
        )

    results = await visit(door, address, check_server)

    failures = [each for each in results if each.status is not Status.SUCCESS]
    assert failures == []
    assert len(results) > 130
    assert (await door.health()).dropped == {}


async def test_scim2_client_moves_somebody_to_another_department(door: Door, address: str) -> None:
    def story(client: SyncSCIMClient) -> tuple[Any, Any, Any]:
        client.discover()
        user_model: Any = client.get_resource_model("User")
        group_model: Any = client.get_resource_model("Group")
        ada = user_model(user_name="ada@acme.example", title="Clerk")
        ada = client.create(ada)
        group = client.create(group_model(display_name="Trainers", members=[{"value": ada.id}]))
        moved = PatchOp[user_model](
            operations=[
                PatchOperation(op="replace", path=f"{ENTERPRISE}:department", value="Sales"),
                PatchOperation(op="remove", path="title"),
            ]
        )
        client.modify(user_model, ada.id, moved)
        after = client.query(user_model, ada.id)
        found = client.query(
            user_model, query_parameters=SearchRequest(filter='userName eq "ADA@acme.example"')
        )
        client.delete(group_model, group.id)
        return after, found, group

    after, found, group = await visit(door, address, story)

    assert [each.id for each in found.resources] == [after.id]
    assert after.title is None
    assert [each.value for each in after.groups] == [group.id]
    attributes = await door.attributes({"id": after.id})
    assert (attributes["department"], attributes.get("title")) == ("Sales", None)
    assert (await door.world.verbs())[-4:] == [
        "group.created",
        "group.changed",
        "member.changed",
        "group.deleted",
    ]
