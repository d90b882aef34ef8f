"""The main job, end to end, with parties nobody here wrote: somebody moves to another department.

The provider speaks through scim2-client and standardwebhooks, dashboards listen through the npm
packages graphql-ws and graphql-sse, and what they see is checked through the Python package gql.
"""

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXAsyncTransport
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation
from standardwebhooks import Webhook

from access.permissions import Principal
from tests.node import NodeClients
from tests.stories.followers import Follower, following
from tests.stories.running import Company, Found

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

COORDINATORS = """
query ($course: ID!, $after: Cursor) {
  course(id: $course, atLeast: $after) {
    coordinators { nodes { isDirect member { id displayName } sources { segment { name } } } }
  }
}
"""
WHY = """
query ($course: ID!, $member: ID!) {
  explainMembership(courseId: $course, memberId: $member) {
    isCoordinator standing
    segments { name isMember cause { verb byName origin before after }
      clauses { attribute operator expected actual isTrue } }
  }
}
"""
FIND = "query ($name: String!) { members(search: $name) { nodes { id displayName } } }"

Move = Callable[[str], Awaitable[None]]


async def company_of(found: Found) -> Company:
    """Mo manages; whoever works in Sales coordinates Safety."""
    company = await found()
    await company.world.member("Mo")
    await company.world.grant("Mo", Principal.WORKSPACE_MANAGER)
    await company.world.segment("Sellers", 'department eq "Sales"')
    await company.world.course("Safety", segments_attached=["Sellers"])
    return company


class Asking:
    """Mo, looking through gql."""

    def __init__(self, company: Company) -> None:
        headers = {"authorization": f"Bearer {company.token('Mo')}"}
        self._transport = HTTPXAsyncTransport(company.system.graphql, headers=headers)
        self._course = company.id("Course", "Safety")

    async def __call__(self, document: str, **variables: Any) -> Any:
        async with Client(transport=self._transport) as session:
            answer = await session.execute(GraphQLRequest(document, variable_values=variables))
        [value] = answer.values()
        return value

    async def coordinators(self, after: str) -> list[tuple[str, list[str]]]:
        """Names, and the segments they follow from, at least at this place of the journal."""
        course = await self(COORDINATORS, course=self._course, after=after)
        return [
            (
                each["member"]["displayName"],
                [source["segment"]["name"] for source in each["sources"]],
            )
            for each in course["coordinators"]["nodes"]
        ]

    async def why(self, name: str) -> Any:
        [member] = (await self(FIND, name=name))["nodes"]
        return await self(WHY, course=self._course, member=member["id"])


@asynccontextmanager
async def dashboards(company: Company, clients: NodeClients) -> AsyncIterator[list[Follower]]:
    """One over graphql-transport-ws and one over SSE, both listening."""
    token, course = company.token("Mo"), company.id("Course", "Safety")
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(following(clients, script, url, token, course=course))
            for script, url in (
                ("follow_websocket.mjs", company.system.web_socket),
                ("follow_sse.mjs", company.system.graphql),
            )
        ]


async def heard_by(followers: list[Follower], since: float) -> tuple[list[Any], list[float]]:
    """The next event of each, and after how many milliseconds it arrived."""
    heard = [await each.event() for each in followers]
    return [event for event, _ in heard], [(at - since) * 1000 for _, at in heard]


async def tell_the_story(company: Company, clients: NodeClients, move: Move) -> list[float]:
    """Ada moves to Sales and back; how long each dashboard waited, in milliseconds."""
    ask = Asking(company)
    waits = []
    async with dashboards(company, clients) as followers:
        since = time.time()
        await move("Sales")
        gained, times = await heard_by(followers, since)
        waits += times
        assert gained[0] == gained[1]
        assert (gained[0]["kind"], gained[0]["isCoordinator"]) == ("CHANGED", True)
        assert gained[0]["member"] == {"displayName": "Ada"}
        assert gained[0]["coordinator"] == {
            "isDirect": False,
            "sources": [{"kind": "SEGMENT", "segment": {"name": "Sellers"}}],
        }
        assert await ask.coordinators(gained[0]["cursor"]) == [("Ada", ["Sellers"])]
        because = await ask.why("Ada")
        since = time.time()
        await move("Ops")
        lost, times = await heard_by(followers, since)
        waits += times
        assert lost[0] == lost[1]
        assert (lost[0]["isCoordinator"], lost[0]["coordinator"]) == (False, None)
        assert await ask.coordinators(lost[0]["cursor"]) == []
        why_not = await ask.why("Ada")

    [reason] = because["segments"]
    assert (because["standing"], because["isCoordinator"]) == ("DERIVED", True)
    assert (reason["name"], reason["isMember"]) == ("Sellers", True)
    [clause] = reason["clauses"]
    assert clause == {
        "attribute": "department",
        "operator": "eq",
        "expected": "“Sales”",
        "actual": "“Sales”",
        "isTrue": True,
    }
    assert reason["cause"]["verb"] == "member.changed"
    assert reason["cause"]["after"]["department"] == "Sales"
    [reason] = why_not["segments"]
    assert (why_not["standing"], reason["clauses"][0]["actual"]) == ("NO_SOURCE", "“Ops”")
    return waits


@pytest.mark.spec("M30", "M31", "S10", "I1")
async def test_a_scim_patch_becomes_a_coordinator_with_a_reason_and_back(
    found: Found, node_clients: NodeClients, record_property: Callable[[str, object], None]
) -> None:
    company = await company_of(found)
    token = await company.scim_token()
    with httpx2.Client(
        base_url=f"{company.system.url}/scim/v2", headers={"Authorization": f"Bearer {token}"}
    ) as http:
        provider = SyncSCIMClient(http)

        def hire() -> tuple[Any, str]:
            provider.discover()
            model: Any = provider.get_resource_model("User")
            ada = model(user_name="ada@acme.example", display_name="Ada", active=True)
            return model, provider.create(ada).id

        model, id = await asyncio.to_thread(hire)
        patch_of: Any = PatchOp

        async def move(department: str) -> None:
            operation: Any = PatchOperation(
                op="replace", path=f"{ENTERPRISE}:department", value=department
            )
            patch = patch_of[model](operations=[operation])
            await asyncio.to_thread(provider.modify, model, id, patch)

        await move("Ops")
        waits = await tell_the_story(company, node_clients, move)

    record_property("patch_to_event_ms", [round(each) for each in waits])


@pytest.mark.spec("I2")
async def test_a_signed_webhook_does_the_same(
    found: Found, node_clients: NodeClients, record_property: Callable[[str, object], None]
) -> None:
    company = await company_of(found)
    url, secret = await company.webhook()
    signer = Webhook(secret)
    numbers = iter(range(1, 100))
    async with httpx.AsyncClient() as http:

        async def move(department: str) -> None:
            number = next(numbers)
            now = dt.datetime.now(dt.UTC)
            attributes = {"displayName": "Ada", "department": department}
            body = json.dumps(
                {
                    "type": "user.changed",
                    "timestamp": now.isoformat(),
                    "sequence": number,
                    "data": {
                        "externalId": "00u1",
                        "userName": "ada@acme.example",
                        "active": True,
                        "attributes": attributes,
                    },
                }
            )
            headers = {
                "content-type": "application/json",
                "webhook-id": f"msg_{number}",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signer.sign(f"msg_{number}", now, body),
            }
            answer = await http.post(url, content=body, headers=headers)
            assert answer.status_code == 202, answer.text

        await move("Ops")
        waits = await tell_the_story(company, node_clients, move)

    record_property("webhook_to_event_ms", [round(each) for each in waits])


pytestmark = pytest.mark.timeout(90)
