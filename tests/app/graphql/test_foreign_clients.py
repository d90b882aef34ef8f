"""Clients and the audit that nobody here wrote."""

import asyncio
import subprocess
from typing import Any

import orjson
import pytest

from tests.app.graphql.serving import ADA, Server, serving
from tests.node import NodeClients

COUNTING = "subscription { counting(to: 3) { cursor number } }"
COUNTED = [{"data": {"counting": {"cursor": f"c{n}", "number": n}}} for n in (1, 2, 3)]
MISSPELT = "subscription { countin { cursor } }"
FORBIDDEN = "subscription { forbidden { cursor } }"
MUTATION = 'mutation { rename(title: "x") }'

# What urql 6 sends with every query, and with every subscription.
URQL_QUERY = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)
URQL_SUBSCRIPTION = "text/event-stream, multipart/mixed"


def run(clients: NodeClients, script: str, *arguments: str) -> Any:
    done = subprocess.run(
        clients.command(script, *arguments), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout)


def test_all_61_audits_of_graphql_http_pass(server: Server, node_clients: NodeClients) -> None:
    audits = run(node_clients, "audit.mjs", server.url, "ada")

    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len(audits) == 61


@pytest.mark.parametrize(
    ("script", "scheme"), [("over_websocket.mjs", "ws"), ("over_sse.mjs", "http")]
)
def test_the_client_library_subscribes_queries_and_learns_of_errors(
    server: Server, node_clients: NodeClients, script: str, scheme: str
) -> None:
    url = server.url.replace("http", scheme)
    documents = [COUNTING, "{ who }", MUTATION, MISSPELT, FORBIDDEN, COUNTING]

    counted, asked, changed, misspelt, forbidden, again = run(
        node_clients, script, url, "ada", orjson.dumps(documents).decode()
    )

    assert counted == again == {"next": COUNTED, "error": None, "completed": True}
    assert asked["next"] == [{"data": {"who": "Ada"}}]
    assert changed["next"] == [{"data": {"rename": "x"}}]
    assert codes(misspelt) == ["GRAPHQL_VALIDATION_FAILED"]
    assert codes(forbidden) == ["PERMISSION_DENIED"]


def codes(sink: dict[str, Any]) -> list[str]:
    """graphql-ws hands refusals to `error`, graphql-sse has only `next`."""
    errors = sink["error"] or sink["next"][0]["errors"]
    return [error["extensions"]["code"] for error in errors]


def test_the_websocket_library_is_told_that_its_token_is_not_known(
    server: Server, node_clients: NodeClients
) -> None:
    url = server.url.replace("http", "ws")

    (sink,) = run(
        node_clients, "over_websocket.mjs", url, "nobody", orjson.dumps(["{who}"]).decode()
    )

    assert sink["error"] == {"code": 4401, "reason": "The token is not known."}


def test_urql_gets_json_for_a_query_although_it_mentions_event_streams(server: Server) -> None:
    answer = server.post({"query": "{ who }"}, accept=URQL_QUERY)

    assert answer.headers["content-type"].startswith("application/graphql-response+json")
    assert answer.json() == {"data": {"who": "Ada"}}


def test_urql_gets_events_split_by_line_feeds_for_a_subscription(server: Server) -> None:
    answer = server.post({"query": COUNTING}, accept=URQL_SUBSCRIPTION)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert b"\r" not in answer.content
    events = answer.text.split("\n\n")
    assert [event.split("\n")[0] for event in events[:4]] == ["event: next"] * 3 + [
        "event: complete"
    ]


@pytest.mark.parametrize("door", ["http", "websockets"])
async def test_the_python_client_gql_is_at_home_on_both_transports(door: str) -> None:
    from gql import Client, gql
    from gql.transport.httpx import HTTPXAsyncTransport
    from gql.transport.websockets import WebsocketsTransport

    with serving() as server:
        transport: Any = HTTPXAsyncTransport(server.url, headers=ADA)
        if door == "websockets":
            payload = {"authorization": "Bearer ada"}
            transport = WebsocketsTransport(server.url.replace("http", "ws"), init_payload=payload)
        async with asyncio.timeout(20), Client(transport=transport) as session:
            assert await session.execute(gql("{ who }")) == {"who": "Ada"}
            if door == "websockets":
                heard = [event async for event in session.subscribe(gql(COUNTING))]
                assert heard == [each["data"] for each in COUNTED]
