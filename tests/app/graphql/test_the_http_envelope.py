"""What a body, a header or a method may be: reliability catalogue, rows A."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import orjson
import pytest

from tests.app.graphql.serving import ADA, Server
from tests.app.graphql.watching import healthy, quickly

GOOD = b'{"query": "{ who }"}'


@pytest.fixture(scope="module", autouse=True)
def stays_healthy(server: Server) -> Iterator[None]:
    with healthy(server):
        yield


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"1",
        b'"{ who }"',
        b"",
        b'{"query": "{ who }"',
        GOOD + b"x",
        GOOD + GOOD,
        b"[" * 100_000,
        b'{"query": "{ who }", "variables": {"a": ' + b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"query": "{ \xff who }"}',
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-32"),
        b'{"query": "{ who }", "query": "{ hello }"}',
        b'{"query": "{ who }", "variables": {"a": 1, "a": 2}}',
        b"[" + b",".join([GOOD] * 10) + b"]",
        b"[]",
        b"[null]",
        b"{}",
        b'{"query": null}',
        b'{"query": 1}',
        b'{"query": ["{ who }"]}',
        b'{"query": {"a": 1}}',
        b'{"query": "{ who }", "variables": []}',
        b'{"query": "{ who }", "variables": "{}"}',
        b'{"query": "{ who }", "extensions": []}',
        b'{"query": "{ who }", "operationName": 1}',
        b'{"query": "{ who }", "operationName": {}}',
        b'{"query": "{ who }", "operationName": "\\ud800"}',
        b'{"query": "{ who }", "operationName": "' + b"a" * 10_000 + b'"}',
        b'{"query": "{ who }\\u0000"}',
        b'{"query": "{ who \\udfff }"}',
        b'{"query": "{ who }", "variables": {"n": NaN}}',
        b'{"query": "{ who }", "variables": {"n": Infinity}}',
        b'{"query": "{ who }", "variables": {"n": -Infinity}}',
        b'{"query": "{ who }", "variables": {"n": 1e400}}',
        b'{"query": "{ who }", "variables": {"n": ' + b"9" * 10_000 + b"}}",
        b'{"query": "{ who }", "variables": {"s": "a\\u0000b"}}',
        b'{"query": "{ who }", "variables": {"s": ["\\ud800"]}}',
        b'{"query": "{ who }", "variables": {"\\ud800": 1}}',
        b'{"query": "{ who }", "extensions": {"s": "\\u0000"}}',
        b'{"query": "{ who }", "extensions": {"persistedQuery": 1}}',
        b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "XYZ"}}}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
def test_a_body_that_is_not_one_plain_request_is_answered_400(server: Server, body: bytes) -> None:
    answer = quickly(lambda: server.post(body))

    assert answer.status_code == 400
    assert set(answer.json()) == {"errors"}
    assert len(answer.json()["errors"]) == 1
    assert answer.headers["x-request-id"]


def test_a_byte_order_mark_is_read_over(server: Server) -> None:
    answer = server.post(b"\xef\xbb\xbf" + GOOD)

    assert answer.json() == {"data": {"who": "Ada"}}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x-unknown"])
def test_an_encoded_body_is_not_unpacked(server: Server, encoding: str) -> None:
    answer = server.post(GOOD, headers={**ADA, "content-encoding": encoding})

    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/graphql+json",
        "x-application/json",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; foo=bar",
        "text/plain; application/json",
        "application/json, text/plain",
    ],
)
def test_only_application_json_is_read(server: Server, content_type: str | None) -> None:
    answer = server.post(GOOD, content_type=content_type)

    assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"],
)
def test_application_json_may_say_that_it_is_utf_8(server: Server, content_type: str) -> None:
    assert server.post(GOOD, content_type=content_type).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"])
def test_other_methods_are_told_which_ones_there_are(server: Server, method: str) -> None:
    answer = httpx.request(method, server.url, headers=ADA)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_a_mutation_by_get_changes_nothing(server: Server) -> None:
    before = server.ledger.mutations

    answer = httpx.get(server.url, params={"query": "mutation { rename }"}, headers=ADA)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert server.ledger.mutations == before


def test_queries_by_get_can_be_switched_off(impatient: Server) -> None:
    answer = httpx.get(impatient.url, params={"query": "{ who }"}, headers=ADA)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "query_string",
    [
        "query=%ff",
        "query={who}&query={hello}",
        "query={who}&variables=[]",
        "query={who}&variables={",
        "query={who}&extensions=1",
        "variables={}",
        "",
        "&".join(f"a{n}=1" for n in range(500)),
    ],
)
def test_a_get_is_read_as_strictly_as_a_post(server: Server, query_string: str) -> None:
    answer = httpx.get(f"{server.url}?{query_string}", headers=ADA)

    assert answer.status_code == 400


@pytest.mark.parametrize("size", [300_000, 5_000_000, 20_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_cut_off_and_told_so(server: Server, size: int, chunked: bool) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\n"
    head += b"Content-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b""
    head += b"" if chunked else b"Content-Length: %d\r\n\r\n" % size
    body = b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n" if chunked else b" " * size

    answer = send_and_read(server, head, body)

    # A client that sends for longer than we read may see the reset instead of the answer.
    assert answer.startswith(b"HTTP/1.1 413") or (answer == b"" and size > 1_000_000)


def send_and_read(server: Server, head: bytes, body: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(head)
        with suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(body)
        try:
            return line.recv(65536)
        except ConnectionResetError:
            return b""


def test_a_body_that_never_ends_is_cut_off_in_time(impatient: Server) -> None:
    began = time.perf_counter()

    answer = impatient.raw(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\n"
        b'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\n'
    )

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    ("declared", "status"),
    [(b"10", b"400"), (b"0", b"400"), (b"-5", b"400"), (b"abc", b"400"), (b"9" * 30, b"4")],
)
def test_a_false_content_length_confuses_nobody(
    server: Server, declared: bytes, status: bytes
) -> None:
    answer = server.raw(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: " + declared + b"\r\n\r\n" + GOOD
    )

    assert answer.startswith(b"HTTP/1.1 " + status)


def test_headers_and_urls_have_a_size(server: Server) -> None:
    long = server.post(GOOD, headers={**ADA, "x-long": "a" * 40_000})
    many = server.post(GOOD, headers={**ADA, **{f"x-{n}": "1" for n in range(500)}})
    url = httpx.get(f"{server.url}?query={'a' * 30_000}", headers=ADA)

    assert [long.status_code, many.status_code, url.status_code] == [431, 431, 414]


def test_a_header_with_a_line_break_or_nul_never_reaches_the_application(server: Server) -> None:
    before = len(server.ledger.met)

    for value in (b"a\x00b", b"a\nb: c\n\x01"):
        answer = server.raw(b"GET /graphql HTTP/1.1\r\nHost: x\r\nX-Odd: " + value + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400")

    assert len(server.ledger.met) == before


def test_two_authorization_headers_are_one_too_many(server: Server) -> None:
    headers = [
        ("authorization", "Bearer ada"),
        ("authorization", "Bearer ada"),
        ("content-type", "application/json"),
    ]

    answer = httpx.post(server.url, content=GOOD, headers=headers)

    assert answer.status_code == 400


def test_a_cookie_signs_nobody_in_and_reaches_nobody(server: Server) -> None:
    cookie = {"cookie": "session=ada; authorization=Bearer ada"}

    assert server.post(GOOD, headers=cookie).status_code == 401
    assert server.post(GOOD, headers={**ADA, **cookie}).json() == {"data": {"who": "Ada"}}
    assert not {"cookie", "authorization"} & set(server.ledger.met[-1].headers)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Bearer nobody"}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Basic YTpi"}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Bearer"}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Bearer " + "x" * 9000}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Bearer gone"}, 403, "FORBIDDEN"),
        ({"authorization": "Bearer away"}, 503, "UNAVAILABLE"),
        ({"authorization": "Bearer bug"}, 500, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_who_it_is_is_settled_before_the_body_is_looked_at(
    server: Server, headers: dict[str, str], status: int, code: str
) -> None:
    answer = server.post(b"not even JSON", headers=headers)

    assert answer.status_code == status
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("application/graphql-response+json", "application/graphql-response+json"),
        ("application/json, application/graphql-response+json", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", "application/graphql-resp"),
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream, application/json", "text/event-stream"),
        ("text/event-stream;q=0.1, application/json", "application/json"),
        ("image/png, application/json;q=x, */*;q=0.1", "application/json"),
        ("text/html, application/json", "application/json"),
    ],
)
def test_the_form_of_the_answer_is_the_first_one_accepted(
    server: Server, accept: str, media: str
) -> None:
    answer = server.post(GOOD, accept=accept)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media)


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", "nonsense"])
def test_a_client_that_accepts_none_of_our_forms_is_told_so(server: Server, accept: str) -> None:
    assert server.post(GOOD, accept=accept).status_code == 406


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($n: Int!) { number(n: $n) }"])
def test_plain_json_clients_get_200_where_the_new_type_says_400(server: Server, query: str) -> None:
    modern = server.post({"query": query})
    legacy = server.post({"query": query}, accept="application/json")

    assert (modern.status_code, legacy.status_code) == (400, 200)
    assert modern.json() == legacy.json()
    assert "data" not in modern.json()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1.2_3", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("<x>", False)],
)
def test_a_safe_request_id_is_kept_and_any_other_replaced(
    server: Server, given: str, kept: bool
) -> None:
    answer = server.post(GOOD, headers={**ADA, "x-request-id": given})

    assert (answer.headers["x-request-id"] == given) is kept


def test_a_host_or_forwarded_header_changes_nothing(server: Server) -> None:
    odd = {"host": "evil.example", "x-forwarded-for": "1.2.3.4", "x-forwarded-host": "evil.example"}

    answer = server.post(GOOD, headers={**ADA, **odd})

    assert answer.json() == {"data": {"who": "Ada"}}
    assert server.ledger.met[-1].client == "127.0.0.1"
    assert "evil" not in str(answer.headers)


def test_two_operations_without_a_name_run_neither(server: Server) -> None:
    before = server.ledger.mutations
    query = "mutation A { rename } mutation B { rename }"

    unnamed = server.post({"query": query})
    unknown = server.post({"query": query, "operationName": "C"})
    empty = server.post({"query": query, "operationName": ""})
    named = server.post({"query": query, "operationName": "B"})

    for answer in (unnamed, unknown, empty):
        assert answer.status_code == 400
        code = orjson.loads(answer.content)["errors"][0]["extensions"]["code"]
        assert code == "OPERATION_RESOLUTION_FAILURE"
    assert named.json() == {"data": {"rename": "New"}}
    assert server.ledger.mutations == before + 1


def test_a_browser_gets_our_explorer_without_anything_from_elsewhere(server: Server) -> None:
    page = httpx.get(server.url, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "{{" not in page.text


def test_graphiql_is_one_parameter_away(server: Server) -> None:
    page = httpx.get(f"{server.url}?ide=graphiql", headers={"accept": "text/html"})

    assert "graphiql" in page.text.lower()
    assert "content-security-policy" not in page.headers


def test_without_the_explorer_there_is_no_page(impatient: Server) -> None:
    assert httpx.get(impatient.url, headers={"accept": "text/html"}).status_code == 405
