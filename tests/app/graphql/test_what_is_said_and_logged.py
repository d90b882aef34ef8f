"""Which errors a caller sees, what the log keeps, and how long anything may take."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.app.graphql.serving import ADA, Server, greet, hear, say, subscribe

APOLOGY = "Something went wrong on our side."


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_bug_is_an_apology_with_a_number_and_nothing_else(
    server: Server, lines: list[Any]
) -> None:
    answer = server.post({"query": "{ broken who }"}, headers={**ADA, "x-request-id": "r-1"})

    (error,) = answer.json()["errors"]
    assert answer.status_code == 200
    assert answer.json()["data"] == {"broken": None, "who": "Ada"}
    assert error["message"] == APOLOGY
    assert error["path"] == ["broken"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    (incident,) = [line for line in lines if line["event"] == "graphql.incident"]
    assert incident["incident"] == error["extensions"]["incident"]
    assert incident["request_id"] == "r-1"
    assert incident["raised"] == "RuntimeError"
    assert "sample.py" in incident["traceback"]
    assert "\n" not in str(incident)


def test_one_cause_on_many_rows_is_one_incident(server: Server, lines: list[Any]) -> None:
    errors = server.ask("{ allBroken }")["errors"]

    assert len(errors) == 3
    assert len({error["extensions"]["incident"] for error in errors}) == 1
    assert len([line for line in lines if line["event"] == "graphql.incident"]) == 1


def test_what_the_application_means_for_the_caller_is_shown(
    server: Server, lines: list[Any]
) -> None:
    errors = server.ask("{ refused coded }")["errors"]

    shown = [(each["message"], each["extensions"]["code"], each["path"]) for each in errors]
    assert shown == [
        ("You may not read this.", "PERMISSION_DENIED", ["refused"]),
        ("There is none.", "NOT_FOUND", ["coded"]),
    ]
    assert [line["event"] for line in lines] == ["graphql.request"]


def test_a_value_of_ours_that_does_not_fit_the_schema_is_a_bug(server: Server) -> None:
    (error,) = server.ask("{ overflowing }")["errors"]

    assert error["message"] == APOLOGY
    assert str(2**40) not in str(error)


def test_a_subscription_that_breaks_says_sorry_and_ends(server: Server, lines: list[Any]) -> None:
    answer = server.post(
        {"query": "subscription { failing { number } }"}, accept="text/event-stream"
    )

    assert APOLOGY in answer.text
    assert "hunter2" not in answer.text
    assert [line["event"] for line in lines] == ["graphql.incident", "graphql.request"]


def test_a_request_is_one_line_without_document_or_variables(
    server: Server, lines: list[Any]
) -> None:
    secret = (
        'query Named($s: String!) { hello(name: $s) # hush\n a: hello(name: """block secret""") }'
    )
    server.post({"query": secret, "variables": {"s": "very secret"}})
    server.post({"query": "query Broken { hello(name: very_secret) "})
    server.post(b"very secret")

    assert [line["event"] for line in lines] == ["graphql.request"] * 3
    assert "secret" not in str(lines)
    assert "hush" not in str(lines)
    first = lines[0]
    assert first["name"] == "Named"
    assert first["operation"] == "query"
    assert first["ending"] == 200
    assert first["door"] == "http"
    assert [line["codes"] for line in lines] == [[], ["GRAPHQL_PARSE_FAILED"], ["BAD_REQUEST"]]


@pytest.mark.parametrize("odd", ["a\tb", "\x1b[31mred", "x" * 500, "{'a': 1}"])
def test_nothing_a_client_sends_breaks_a_log_line(
    server: Server, lines: list[Any], odd: str
) -> None:
    server.raw(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: "
        + odd.encode()
        + b"\r\nUser-Agent: "
        + odd.encode()
        + b"\r\n\r\n"
    )

    assert odd not in str([line.values() for line in lines])


async def test_operations_and_sockets_have_a_line_each(server: Server, lines: list[Any]) -> None:
    async with server.socket() as line:
        await greet(line)
        await say(line, subscribe("1", "query One { who }"))
        await hear(line)
        await hear(line)
        await say(line, "[]")
        await line.wait_closed()

    assert [each["event"] for each in lines] == ["graphql.request", "graphql.socket"]
    assert lines[0]["door"] == "websocket"
    assert lines[0]["ending"] == "complete"
    assert lines[1]["close_code"] == 4400
    assert lines[0]["request_id"] == lines[1]["request_id"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
def test_an_answer_that_takes_too_long_is_cut_and_its_resolver_cancelled(
    impatient: Server, accept: str
) -> None:
    before = len(impatient.ledger.endings)
    began = time.perf_counter()

    answer = impatient.post({"query": "{ slow who }"}, accept=accept)

    assert time.perf_counter() - began < 3
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "0.3 s" in error["message"]
    assert impatient.ledger.endings[before:] == ["slow"]
    assert impatient.ledger.opened == impatient.ledger.closed
