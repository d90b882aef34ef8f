"""Identity providers, managed through the API (I6, I3)."""

import base64
import hashlib
import hmac
import json

import pytest

from access.caller import Caller
from access.permissions import Principal
from app.keyring import Keyring
from models.identity import Connection, ConnectionKind, DeliveryStatus, InboxDelivery
from operations import connections
from resolvers.context import Context
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import MONDAY, World

RING = Keyring({"first": bytes(range(32))})

CREATE = """
mutation ($name: String!, $kind: ConnectionKind!, $key: String) {
  createConnection(name: $name, kind: $kind, idempotencyKey: $key) {
    secret refusal { code message }
    connection { id name kind isEnabled path health { waiting quarantined droppedCount } }
  }
}
"""
ROTATE = """
mutation ($id: ID!, $hours: Int!) {
  rotateConnectionSecret(connectionId: $id, overlapHours: $hours) { secret refusal { code } }
}
"""
TOKEN = """
mutation ($id: ID!, $at: DateTime) {
  createConnectionToken(connectionId: $id, name: "Okta", expiresAt: $at) { secret refusal { code } }
}
"""
ENABLED = """
mutation ($id: ID!, $on: Boolean!) {
  setConnectionEnabled(connectionId: $id, isEnabled: $on) { connection { isEnabled } }
}
"""
LIST = "{ connections { name health { waiting quarantined } } }"
DELIVERIES = """
query ($first: Int, $after: String, $status: [DeliveryStatus!]) {
  deliveries(first: $first, after: $after, status: $status) {
    totalCount pageInfo { hasNextPage endCursor } nodes { id deliveryId status reason body }
  }
}
"""
REPLAY = """
mutation ($id: ID!) {
  replayIdpEvent(deliveryId: $id) { delivery { status } refusal { code } }
}
"""
DISCARD = """
mutation ($id: ID!) {
  discardIdpEvent(deliveryId: $id) { delivery { status } refusal { code } }
}
"""


class Keyed(Ask):
    """Asks with keys for secrets at hand, as the web application has them."""

    def context(self, caller: Caller) -> Context:
        return Context(caller, self.world.edge, seal=self.seal, seals=RING, request_id="test")


@pytest.fixture
@furnished
async def keyed(world: World) -> Keyed:
    await world.member("Mona")
    await world.member("Lea")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    return Keyed(world)


async def delivered(world: World, count: int) -> None:
    """Deliveries of a webhook connection that were not understood."""
    async with world.edge.transaction() as db:
        connection, _ = await connections.create(
            db, by=world.system, name="Payroll", kind=ConnectionKind.WEBHOOK, seals=RING, at=MONDAY
        )
        db.add_all(
            InboxDelivery(
                workspace_id=world.workspace_id,
                connection_id=connection.id,
                delivery_id=f"msg_{n}",
                body=b'{"type": "user.teleported"}\x00\xff',
                status=DeliveryStatus.QUARANTINED,
                reason="Nothing is known about user.teleported.",
            )
            for n in range(count)
        )


async def test_a_webhook_connection_comes_with_its_secret_once(keyed: Keyed) -> None:
    asked = {"name": "Payroll", "kind": "WEBHOOK", "key": "once"}

    made = await keyed.one(CREATE, by="Mona", **asked)
    again = await keyed.one(CREATE, by="Mona", **asked)

    assert made["secret"].startswith("whsec_")
    assert made["connection"]["path"].startswith("/webhooks/")
    assert made["connection"]["isEnabled"] is True
    assert again["connection"] == made["connection"]
    assert again["secret"] is None


async def test_the_secret_shown_is_the_one_that_signs(keyed: Keyed) -> None:
    made = await keyed.one(CREATE, by="Mona", name="Payroll", kind="WEBHOOK")
    async with keyed.world.edge.read() as db:
        [connection] = await connections.list_connections(db, by=keyed.world.system)
        live = await connections.live_secrets(
            db, connection_id=connection.id, seals=RING, at=MONDAY
        )

    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    assert live == [made["secret"]]
    assert len(hmac.new(key, b"", hashlib.sha256).digest()) == 32


async def test_rotation_leaves_two_live_secrets_and_says_the_new_one(keyed: Keyed) -> None:
    made = await keyed.one(CREATE, by="Mona", name="Payroll", kind="WEBHOOK")

    rotated = await keyed.one(ROTATE, by="Mona", id=made["connection"]["id"], hours=24)
    too_long = await keyed.one(ROTATE, by="Mona", id=made["connection"]["id"], hours=24 * 31)

    assert rotated["secret"] not in (None, made["secret"])
    assert too_long == {"secret": None, "refusal": {"code": "BAD_USER_INPUT"}}


async def test_a_scim_connection_has_tokens_and_two_at_most(keyed: Keyed) -> None:
    made = await keyed.one(CREATE, by="Mona", name="Okta", kind="SCIM")
    id = made["connection"]["id"]

    vague = await keyed.one(TOKEN, by="Mona", id=id, at="2999-01-01T00:00:00")
    answers = [await keyed.one(TOKEN, by="Mona", id=id) for _ in range(3)]

    assert made["secret"] is None
    assert vague == {"secret": None, "refusal": {"code": "BAD_USER_INPUT"}}
    assert [each["secret"] is not None for each in answers] == [True, True, False]
    assert answers[0]["secret"].startswith("lmsc_scim_")
    assert answers[2]["refusal"] == {"code": "LIMIT_REACHED"}


async def test_a_connection_is_switched_off_and_on(keyed: Keyed) -> None:
    made = await keyed.one(CREATE, by="Mona", name="Okta", kind="SCIM")
    id = made["connection"]["id"]

    off = await keyed.one(ENABLED, by="Mona", id=id, on=False)
    on = await keyed.one(ENABLED, by="Mona", id=id, on=True)

    assert off == {"connection": {"isEnabled": False}}
    assert on == {"connection": {"isEnabled": True}}


@pytest.mark.parametrize("document", [LIST, DELIVERIES])
async def test_only_workspace_managers_see_connections(keyed: Keyed, document: str) -> None:
    await delivered(keyed.world, 1)

    assert await keyed.code(document, by="Lea") == "PERMISSION_DENIED"


async def test_only_workspace_managers_connect_providers(keyed: Keyed) -> None:
    code = await keyed.code(CREATE, by="Lea", name="Mine", kind="SCIM")

    assert code == "PERMISSION_DENIED"
    assert await keyed.one(LIST, by="Mona") == []


async def test_deliveries_are_paged_newest_first_and_shown_as_text(keyed: Keyed) -> None:
    await delivered(keyed.world, 3)

    page = await keyed.one(DELIVERIES, by="Mona", first=2)
    rest = await keyed.one(DELIVERIES, by="Mona", first=2, after=page["pageInfo"]["endCursor"])

    assert [row["deliveryId"] for row in page["nodes"]] == ["msg_2", "msg_1"]
    assert [row["deliveryId"] for row in rest["nodes"]] == ["msg_0"]
    assert page["totalCount"] == rest["totalCount"] == 3
    assert page["nodes"][0]["body"] == '{"type": "user.teleported"}\ufffd\ufffd'
    assert json.loads(page["nodes"][0]["body"][:-2])["type"] == "user.teleported"


async def test_what_was_not_understood_is_replayed_or_discarded(keyed: Keyed) -> None:
    await delivered(keyed.world, 2)
    page = await keyed.one(DELIVERIES, by="Mona")
    first, second = (row["id"] for row in page["nodes"])

    replayed = await keyed.one(REPLAY, by="Mona", id=first)
    discarded = await keyed.one(DISCARD, by="Mona", id=second)
    twice = await keyed.one(REPLAY, by="Mona", id=first)

    assert replayed["delivery"] == {"status": "RECEIVED"}
    assert discarded["delivery"] == {"status": "DISCARDED"}
    assert twice == {"delivery": None, "refusal": {"code": "CONFLICT"}}
    assert await keyed.code(REPLAY, by="Lea", id=second) == "PERMISSION_DENIED"


async def test_another_workspace_s_deliveries_do_not_exist(keyed: Keyed) -> None:
    other = await World.new(keyed.world.edge.sessions, "rival")
    await delivered(other, 1)

    assert (await keyed.one(DELIVERIES, by="Mona"))["nodes"] == []
    async with keyed.world.edge.read() as db:
        foreign = await db.get_one(Connection, 1)
    assert foreign.workspace_id == other.workspace_id
    assert await keyed.one(LIST, by="Mona") == []
