"""Whatever arrives, the server answers in its own words: no 5xx, no socket that just breaks."""

import asyncio
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.app.graphql.serving import Server, greet

CLOSE_CODES = {1009, 4400, 4401, 4403, 4408, 4409, 4429}

texts = st.text(max_size=20)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = texts | st.sampled_from(
    [
        "{ who }",
        "{ slow",
        "query($a: Int!) { number(n: $a) }",
        "{ nested(value: {}) }",
        "mutation { rename }",
    ]
)
bodies = values | st.fixed_dictionaries(
    {},
    optional={
        "query": documents | values,
        "variables": values,
        "operationName": values,
        "extensions": values | st.fixed_dictionaries({"persistedQuery": values}),
    },
)
frames = values | st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["connection_init", "ping", "pong", "subscribe", "complete"])
        | values,
        "id": st.sampled_from(["1", "2"]) | values,
        "payload": bodies,
    },
)


def spoken(value: object) -> str:
    """JSON as the standard library writes it, with its NaN and its half surrogates."""
    import json

    return json.dumps(value)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=bodies | st.binary(max_size=200))
def test_any_body_is_answered_without_a_server_error(server: Server, body: Any) -> None:
    sent = body if isinstance(body, bytes) else spoken(body).encode()

    answer = server.post(sent)

    assert answer.status_code in {200, 400}
    assert set(orjson.loads(answer.content)) <= {"data", "errors", "extensions"}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sent=st.lists(frames | st.binary(max_size=50), min_size=1, max_size=6), greeted=st.booleans()
)
def test_any_frames_are_answered_or_closed_with_a_reason(
    server: Server, sent: list[Any], greeted: bool
) -> None:
    code = asyncio.run(converse(server, sent, greeted=greeted))

    assert code is None or code in CLOSE_CODES


async def converse(server: Server, sent: list[Any], *, greeted: bool) -> int | None:
    """Send everything, then ping; the close code, or None if the socket still answers."""
    async with server.socket() as line, asyncio.timeout(10):
        try:
            if greeted:
                await greet(line)
            for frame in sent:
                await line.send(frame if isinstance(frame, bytes) else spoken(frame))
            await line.send('{"type": "ping", "payload": {"last": true}}')
            while '"last"' not in str(await line.recv()):
                pass
        except ConnectionClosed:
            return line.close_code
    return None
