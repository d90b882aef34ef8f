"""Streams of events over HTTP, and clients that do not keep up with any stream."""

import asyncio
import socket
import time
import tracemalloc
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from app.graphql import Limits
from tests.app.graphql.serving import (
    ADA,
    Server,
    closing,
    greet,
    hear,
    say,
    serving,
    subscribe,
)
from tests.app.graphql.watching import until

EVENTS = "text/event-stream"
COUNTING = "subscription { counting(to: 2) { cursor number } }"
SILENT = "subscription { silent { cursor } }"
FIREHOSE = "subscription { firehose(size: 200000) { number text } }"


def test_each_event_carries_its_cursor_as_id(server: Server) -> None:
    answer = server.post({"query": COUNTING}, accept=EVENTS)

    assert answer.text == (
        'event: next\nid: c1\ndata: {"data":{"counting":{"cursor":"c1","number":1}}}\n\n'
        'event: next\nid: c2\ndata: {"data":{"counting":{"cursor":"c2","number":2}}}\n\n'
        "event: complete\ndata:\n\n"
    )
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-request-id"]


def test_an_event_without_a_cursor_has_no_id(server: Server) -> None:
    answer = server.post({"query": "subscription { counting(to: 1) { number } }"}, accept=EVENTS)

    assert "id:" not in answer.text


def test_a_subscription_may_be_a_get(server: Server) -> None:
    answer = httpx.get(server.url, params={"query": COUNTING}, headers={**ADA, "accept": EVENTS})

    assert answer.text.count("event: next") == 2


def test_a_client_that_returns_says_where_it_was(server: Server) -> None:
    server.post({"query": COUNTING}, headers={**ADA, "last-event-id": "c41"}, accept=EVENTS)

    assert server.ledger.resumed_after[-1] == "c41"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription($n: Int!) { counting(to: $n) { number } }", "BAD_USER_INPUT"),
        ("subscription { forbidden { number } }", "PERMISSION_DENIED"),
        ("subscription { failing(after: 0) { number } }", "INTERNAL_SERVER_ERROR"),
    ],
)
def test_a_client_that_reads_only_events_gets_its_refusal_as_one(
    server: Server, query: str, code: str
) -> None:
    answer = server.post({"query": query}, accept=EVENTS)

    assert answer.status_code == 200
    assert answer.text.count("event: next") == 1
    assert code in answer.text
    assert "hunter2" not in answer.text
    assert answer.text.endswith("event: complete\ndata:\n\n")


def test_what_is_wrong_before_the_document_keeps_its_status(server: Server) -> None:
    assert server.post({"query": COUNTING}, headers={}, accept=EVENTS).status_code == 401
    assert server.post(b"[]", accept=EVENTS).status_code == 400


def test_a_subscription_is_not_answered_as_json(server: Server) -> None:
    for accept in ("application/json", "application/graphql-response+json", "*/*"):
        answer = server.post({"query": COUNTING}, accept=accept)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_subscription_streams_to_whoever_accepts_events_at_all(server: Server) -> None:
    answer = server.post({"query": COUNTING}, accept="application/json, text/event-stream")

    assert answer.headers["content-type"].startswith(EVENTS)


def test_queries_and_mutations_may_be_answered_as_events(server: Server) -> None:
    for query in ("{ who }", "mutation { rename }"):
        answer = server.post({"query": query}, accept=EVENTS)
        assert answer.text.count("event: next") == answer.text.count("event: complete") == 1


def test_a_mutation_by_get_is_refused_as_an_event_too(server: Server) -> None:
    before = server.ledger.mutations

    answer = httpx.get(
        server.url, params={"query": "mutation { rename }"}, headers={**ADA, "accept": EVENTS}
    )

    assert answer.status_code == 405
    assert server.ledger.mutations == before


def read_for(server: Server, token: str, query: str, seconds: float) -> str:
    """What a stream says within some seconds, or until it ends."""
    headers = {"authorization": f"Bearer {token}", "accept": EVENTS}
    heard = ""
    until_then = time.monotonic() + seconds
    with (
        suppress(httpx.ReadTimeout),
        httpx.stream(
            "POST", server.url, json={"query": query}, headers=headers, timeout=seconds
        ) as line,
    ):
        for text in line.iter_text():
            heard += text
            if time.monotonic() > until_then:
                break
    return heard


def test_a_silent_stream_gives_signs_of_life(impatient: Server) -> None:
    heard = read_for(impatient, "ada", SILENT, 0.5)

    assert ":\n\n" in heard.removeprefix("event: next")


async def test_leaving_a_stream_closes_its_generator_and_context() -> None:
    with serving() as server:
        async with (
            httpx.AsyncClient() as client,
            client.stream(
                "POST", server.url, json={"query": SILENT}, headers={**ADA, "accept": EVENTS}
            ) as line,
        ):
            await anext(line.aiter_text())

        await until(lambda: server.ledger.endings == ["silent"])
        assert server.ledger.opened == server.ledger.closed == 1


def test_a_stream_ends_when_the_token_does(server: Server) -> None:
    began = time.monotonic()

    heard = read_for(server, "expires:0.5", SILENT, 3)

    assert 0.4 < time.monotonic() - began < 2.5
    assert "UNAUTHENTICATED" in heard
    assert heard.endswith("event: complete\ndata:\n\n")


async def test_a_stream_ends_when_access_lapses_that_nothing_else_would_tell(
    server: Server,
) -> None:
    heard = await asyncio.to_thread(read_for, server, "lapses:0.3", SILENT, 3)
    async with server.socket() as line:
        await greet(line, "lapses:0.3")
        await say(line, subscribe("1", SILENT))
        assert (await hear(line))["type"] == "next"
        closed = await closing(line)

    assert "UNAUTHENTICATED" in heard
    assert heard.endswith("event: complete\ndata:\n\n")
    assert closed == (4401, "The token is not valid any more.")


@pytest.mark.parametrize(
    ("status", "close_code"), [(400, 4400), (401, 4401), (403, 4403), (429, 1013), (503, 1013)]
)
async def test_a_refusal_of_the_application_with_a_status_is_told_at_every_door(
    server: Server, status: int, close_code: int
) -> None:
    headers = {"authorization": f"Bearer refused:{status}"}
    answer = server.post({"query": "{ __typename }"}, headers=headers)
    async with server.socket() as line:
        payload = {"authorization": f"Bearer refused:{status}"}
        await say(line, {"type": "connection_init", "payload": payload})
        closed = await closing(line)

    assert (answer.status_code, answer.headers["retry-after"]) == (status, "3")
    assert answer.json()["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert closed == (close_code, "Wait.")


async def test_stopping_ends_streams_without_completing_them_so_that_clients_return() -> None:
    with serving() as server:
        reading = asyncio.create_task(asyncio.to_thread(read_for, server, "ada", SILENT, 5))
        await until(lambda: server.ledger.opened == 1)
        await asyncio.sleep(0.1)
        server.loop.call_soon_threadsafe(server.endpoint.stop)
        heard = await reading

    assert "event: next" in heard
    assert "event: complete" not in heard


async def test_an_event_that_cannot_be_answered_in_time_ends_the_stream(impatient: Server) -> None:
    before = len(impatient.ledger.endings)

    heard = read_for(impatient, "ada", "subscription { silent { late } }", 3)

    assert "UNAVAILABLE" in heard
    assert heard.endswith("event: complete\ndata:\n\n")
    await until(lambda: impatient.ledger.endings[before:] == ["silent"])


async def test_a_client_that_never_reads_is_closed_and_harms_nobody() -> None:
    limits = Limits(slow_consumer_seconds=0.4)
    with serving(limits=limits) as server:
        tracemalloc.start()
        try:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            async with (
                server.socket(sock=sock, max_queue=1) as slow,
                server.socket() as other,
            ):
                await greet(slow)
                await greet(other)
                before = tracemalloc.get_traced_memory()[0]
                slow.transport.pause_reading()
                await say(slow, subscribe("1", FIREHOSE))
                await until(lambda: server.ledger.pulled > limits.queued_bytes // 200_000)
                for _ in range(5):
                    await say(other, subscribe("2", "{ who }"))
                    assert [(await hear(other))["type"] for _ in range(2)] == ["next", "complete"]
                await until(lambda: server.ledger.endings == ["firehose"])
                grown = tracemalloc.get_traced_memory()[1] - before

                slow.transport.resume_reading()
                code, reason = await closing(slow)

            assert (code, reason) == (4413, "Slow consumer; resume from your cursor.")
            assert grown < 4 * limits.queued_bytes
            assert server.ledger.pulled < 2 * limits.queued_bytes // 200_000
        finally:
            tracemalloc.stop()


async def test_at_most_256_small_messages_wait_for_a_slow_client() -> None:
    limits = Limits(slow_consumer_seconds=0.3)
    query = "subscription { firehose(size: 4000) { text } }"
    with serving(limits=limits) as server:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", server.port))
        async with server.socket(sock=sock, max_queue=1) as slow:
            await greet(slow)
            slow.transport.pause_reading()
            await say(slow, subscribe("1", query))
            await until(lambda: server.ledger.endings == ["firehose"])
            slow.transport.resume_reading()
            heard = 0
            with suppress(ConnectionClosed):
                while True:
                    await slow.recv()
                    heard += 1

        # What was in the kernel's and uvicorn's buffers arrives; of what waited, nothing more.
        assert slow.close_code == 4413
        assert server.ledger.pulled <= heard + limits.queued_messages + 2


def test_a_slow_reader_of_events_is_cut_off(impatient: Server) -> None:
    before = len(impatient.ledger.endings)
    body = b'{"query": "subscription { firehose { text } }"}'
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", impatient.port))
        line.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\n"
            b"Accept: text/event-stream\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        time.sleep(1.2)
        assert impatient.ledger.endings[before:] == ["firehose"]
        heard = b""
        while chunk := line.recv(65536):
            heard += chunk

    assert b"event: complete" not in heard
