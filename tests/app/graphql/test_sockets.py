"""What a frame may be, and how a socket ends: reliability catalogue, rows G."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.app.graphql.serving import (
    Server,
    closing,
    greet,
    hear,
    say,
    serving,
    subscribe,
)
from tests.app.graphql.watching import healthy, until

SILENT = "subscription { silent { number } }"
COUNTING = "subscription { counting(to: 2) { number } }"


@pytest.fixture(scope="module", autouse=True)
def stays_healthy(server: Server) -> Iterator[None]:
    with healthy(server):
        yield


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"], ["chat", "superchat"]])
async def test_no_other_subprotocol_is_spoken(server: Server, protocols: list[str] | None) -> None:
    offered = [Subprotocol(each) for each in protocols] if protocols else None

    async with server.socket(subprotocols=offered) as line:
        code, reason = await closing(line)

    assert (code, reason) == (4406, "Speak graphql-transport-ws.")


async def test_ours_is_found_among_others(server: Server) -> None:
    offered = [Subprotocol("graphql-ws"), Subprotocol("graphql-transport-ws")]

    async with server.socket(subprotocols=offered) as line:
        assert line.subprotocol == "graphql-transport-ws"
        assert await greet(line) == {"type": "connection_ack"}


async def test_subscribing_before_init_is_unauthorized(server: Server) -> None:
    async with server.socket() as line:
        await say(line, subscribe("1", COUNTING))
        assert (await closing(line))[0] == 4401


async def test_init_may_come_once(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        await say(line, {"type": "connection_init"})
        assert (await closing(line))[0] == 4429


async def test_init_must_come_in_time(impatient: Server) -> None:
    async with impatient.socket() as line:
        await say(line, {"type": "ping"})
        assert (await hear(line))["type"] == "pong"
        assert (await closing(line))[0] == 4408


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        "[1, 2]",
        "1",
        "null",
        '"connection_init"',
        "true",
        "{}",
        "",
        "{",
        "not JSON",
        "[" * 30_000,
        '{"a":' * 10_000,
        '{"type": "ping", "type": "ping"}',
        '{"type": NaN}',
        '{"type": 1}',
        '{"type": []}',
        '{"type": {}}',
        '{"type": null}',
        '{"type": "start"}',
        '{"type": "next", "id": "1"}',
        '{"type": "connection_ack"}',
        '{"type": "connection_init", "payload": []}',
        '{"type": "connection_init", "payload": "x"}',
        '{"type": "connection_init", "payload": {"authorization": 1}}',
        '{"type": "ping", "payload": []}',
        '{"type": "ping", "payload": 1}',
        '{"type": "pong", "payload": "x"}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1}',
        '{"type": "subscribe", "id": []}',
        '{"type": "subscribe", "id": {}}',
        '{"type": "subscribe", "id": null}',
        '{"type": "subscribe", "id": ""}',
        '{"type": "subscribe", "id": "\\ud800"}',
        '{"type": "subscribe", "id": "' + "x" * 129 + '"}',
        '{"type": "complete"}',
        '{"type": "complete", "id": 1}',
        b"",
        b'{"type": "connection_init"}',
        b"\xff\xfe",
    ],
    ids=lambda frame: str(frame)[:50],
)
async def test_a_frame_out_of_shape_closes_with_bad_request(
    server: Server, frame: str | bytes
) -> None:
    async with server.socket() as line:
        await line.send(frame)
        code, reason = await closing(line)

    assert code == 4400
    assert reason


@pytest.mark.parametrize(
    "sent", ["x" * 65_537, "x" * 20_000_000, ["x" * 7] * 10_000], ids=["65 KB", "20 MB", "pieces"]
)
async def test_a_frame_that_is_too_large_is_not_read(server: Server, sent: str | list[str]) -> None:
    async with server.socket() as line:
        with suppress(ConnectionClosed):
            await line.send(sent)
        code, _ = await closing(line)

    # A client that sends for longer than we read may see the reset instead of the code.
    assert code == 1009 or (code == 1006 and len(sent) != 65_537)


async def test_a_frame_that_is_not_utf_8_is_not_read(server: Server) -> None:
    async with server.socket() as line:
        await line.send(b"\xff\xfe\xfd", text=True)
        assert (await closing(line))[0] == 1007


async def test_the_largest_frame_that_is_read_is_answered(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        padding = "x" * (65_536 - 100)
        await say(line, {"type": "ping", "payload": {"p": padding}})
        assert await hear(line) == {"type": "pong", "payload": {"p": padding}}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "x",
        1,
        [],
        {},
        {"query": 1},
        {"query": None},
        {"query": []},
        {"query": "{ who }", "variables": []},
        {"query": "{ who }", "variables": "x"},
        {"query": "{ who }", "extensions": []},
        {"query": "{ who }", "operationName": 1},
        {"query": "{ who }", "operationName": "Other"},
        {"query": "query A { who } query B { who }"},
        {"query": "{ who"},
        {"query": "{ nothing }"},
        {"query": "subscription { counting(to: true) { number } }"},
        {"query": "query($n: Int!) { number(n: $n) }", "variables": {"n": "x"}},
        {"query": "{ " + "hello " * 30 + "}"},
        {"query": "{ who }", "variables": {"s": "\0"}},
        {"query": "subscription { forbidden { number } }"},
        {"query": "subscription { failing(after: 0) { number } }"},
    ],
    ids=lambda payload: str(payload)[:50],
)
async def test_an_operation_that_cannot_run_is_told_so_and_the_socket_lives(
    server: Server, payload: object
) -> None:
    async with server.socket() as line:
        await greet(line)
        await say(line, subscribe("lives", SILENT))
        assert (await hear(line))["type"] == "next"

        await say(line, {"id": "bad", "type": "subscribe", "payload": payload})
        refusal = await hear(line)
        await say(line, {"type": "ping"})

        assert (refusal["type"], refusal["id"]) == ("error", "bad")
        assert refusal["payload"][0]["extensions"]["code"]
        assert "hunter2" not in str(refusal)
        assert await hear(line) == {"type": "pong"}


async def test_queries_mutations_and_subscriptions_share_a_socket(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        for id, query, data in (
            ("q", "{ who }", {"who": "Ada"}),
            ("m", "mutation { rename }", {"rename": "New"}),
        ):
            await say(line, subscribe(id, query))
            assert await hear(line) == {"id": id, "type": "next", "payload": {"data": data}}
            assert await hear(line) == {"id": id, "type": "complete"}
        await say(line, subscribe("s", COUNTING))
        heard = [await hear(line) for _ in range(3)]
        assert [each["type"] for each in heard] == ["next", "next", "complete"]


async def test_an_id_may_be_used_again_when_its_operation_is_over(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        for _ in range(3):
            await say(line, subscribe("1", "{ who }"))
            assert [(await hear(line))["type"] for _ in range(2)] == ["next", "complete"]
        for _ in range(3):
            await say(line, subscribe("1", SILENT))
            assert (await hear(line))["type"] == "next"
            await say(line, {"type": "complete", "id": "1"})


async def test_an_id_in_use_closes_the_socket(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        await say(line, subscribe("1", SILENT))
        await say(line, subscribe("1", SILENT))
        assert await closing(line) == (4409, "Subscriber for 1 already exists")


async def test_the_21st_operation_is_refused_and_the_20_go_on(server: Server) -> None:
    async with server.socket() as line:
        await greet(line)
        for number in range(21):
            await say(line, subscribe(str(number), SILENT))
        heard = [await hear(line) for _ in range(21)]

        refused = [each for each in heard if each["type"] == "error"]
        assert [each["id"] for each in refused] == ["20"]
        extensions = refused[0]["payload"][0]["extensions"]
        assert (extensions["code"], extensions["limit"], extensions["actual"]) == (
            "LIMIT_REACHED",
            20,
            21,
        )
        await say(line, {"type": "complete", "id": "3"})
        await say(line, subscribe("again", SILENT))
        assert (await hear(line))["id"] == "again"


@pytest.mark.parametrize("message", ['{"type": "ping"}', '{"type": "complete", "id": "unknown"}'])
async def test_a_flood_of_messages_closes_the_socket(server: Server, message: str) -> None:
    async with server.socket() as line:
        await greet(line)
        try:
            for _ in range(1_000):
                await say(line, message)
            code, _ = await closing(line)
        except ConnectionClosed:
            code = line.close_code
    assert code == 4429


async def test_pings_go_both_ways(impatient: Server) -> None:
    async with impatient.socket() as line:
        payload = {"n": 1, "big": 2**70, "half": "x"}
        await say(line, {"type": "ping", "payload": payload})
        assert await hear(line) == {"type": "pong", "payload": payload}
        await greet(line)
        async with asyncio.timeout(5):
            assert "ping" in str(await line.recv())
        await say(line, {"type": "pong"})
        await say(line, {"type": "pong", "payload": {"a": 1}})
        await say(line, subscribe("1", "{ who }"))
        assert (await hear(line))["payload"] == {"data": {"who": "Ada"}}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
async def test_a_page_from_elsewhere_may_not_open_a_socket(server: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with server.socket(origin=Origin(origin)):
            pass
    assert refusal.value.response.status_code == 403


async def test_our_own_pages_may_and_others_when_allowed() -> None:
    from app.graphql import TransportSettings

    friend = "https://app.example"
    with serving(settings=TransportSettings(allowed_origins=frozenset({friend}))) as server:
        for origin in (friend, f"http://127.0.0.1:{server.port}"):
            async with server.socket(origin=Origin(origin)) as line:
                assert await greet(line) == {"type": "connection_ack"}


async def test_a_browser_that_hides_its_origin_is_turned_away(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with server.socket(additional_headers={"cookie": "a=b"}):
            pass
    assert refusal.value.response.status_code == 403


async def test_two_authorization_headers_are_turned_away(server: Server) -> None:
    headers = [("authorization", "Bearer ada"), ("authorization", "Bearer ada")]
    with pytest.raises(InvalidStatus) as refusal:
        async with server.socket(additional_headers=headers):
            pass
    assert refusal.value.response.status_code == 400


async def test_the_token_may_come_in_a_header(server: Server) -> None:
    async with server.socket(additional_headers={"authorization": "Bearer ada"}) as line:
        await say(line, {"type": "connection_init"})
        assert await hear(line) == {"type": "connection_ack"}


async def test_a_header_and_a_payload_must_not_disagree(server: Server) -> None:
    async with server.socket(additional_headers={"authorization": "Bearer ada"}) as line:
        await say(line, {"type": "connection_init", "payload": {"Authorization": "Bearer eve"}})
        assert (await closing(line))[0] == 4400


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, 4401),
        (None, 4401),
        ({"authorization": None}, 4401),
        ({"authorization": "ada"}, 4401),
        ({"authorization": "Bearer nobody"}, 4401),
        ({"Authorization": "Bearer gone"}, 4403),
        ({"authorization": "Bearer away"}, 1013),
        ({"authorization": "Bearer bug"}, 1011),
    ],
)
async def test_whoever_may_not_come_in_is_told_why(
    server: Server, payload: object, code: int
) -> None:
    async with server.socket() as line:
        await say(line, {"type": "connection_init", "payload": payload})
        closed, reason = await closing(line)

    assert closed == code
    assert reason
    assert "hunter2" not in reason


async def test_the_payload_of_init_reaches_the_application_without_the_token(
    server: Server,
) -> None:
    async with server.socket() as line:
        payload = {"authorization": "Bearer ada", "workspace": "w1"}
        await say(line, {"type": "connection_init", "payload": payload})
        await hear(line)

    assert server.ledger.met[-1].door == "websocket"
    assert server.ledger.met[-1].connection_params == {"workspace": "w1"}


async def test_the_socket_closes_when_the_token_expires_and_not_before(server: Server) -> None:
    async with server.socket() as line:
        ack = await greet(line, "expires:0.8")
        expires_at = datetime.fromisoformat(ack["payload"]["expiresAt"])
        await say(line, subscribe("1", SILENT))
        assert (await hear(line))["type"] == "next"

        code, reason = await closing(line)
        late = time.time() - expires_at.timestamp()

    assert (code, reason) == (4401, "The token has expired.")
    assert 0 <= late < 1


async def test_a_token_that_has_expired_already_opens_nothing(server: Server) -> None:
    async with server.socket() as line:
        await greet(line, "expires:-5")
        assert (await closing(line))[0] == 4401


@pytest.mark.parametrize("how", ["complete", "close", "abort"])
async def test_however_a_subscription_ends_its_generator_and_context_are_closed(
    how: str,
) -> None:
    with serving() as server:
        async with server.socket() as line:
            await greet(line)
            for id in ("1", "2"):
                await say(line, subscribe(id, SILENT))
                await hear(line)
            if how == "complete":
                await say(line, {"type": "complete", "id": "1"})
                await say(line, {"type": "complete", "id": "2"})
            if how == "abort":
                line.transport.abort()
            if how == "close":
                await line.close()
            await until(lambda: server.ledger.endings == ["silent", "silent"])

        assert server.ledger.opened == server.ledger.closed == 2


async def test_a_slow_query_on_a_socket_is_cut_at_the_deadline(impatient: Server) -> None:
    async with impatient.socket() as line:
        await greet(line)
        await say(line, subscribe("1", "{ slow }"))
        refusal = await hear(line)

    assert refusal["type"] == "error"
    assert refusal["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
