"""Whatever is sent, the answer is a SCIM refusal, nothing is changed, and nothing breaks."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.scim import Allowance
from operations.edge import Edge
from tests.app.scim.conftest import (
    GROUP,
    PATCH,
    USER,
    Door,
    application,
    client,
    errors_of,
)
from tests.world import MONDAY, World

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


BODIES: list[tuple[str, Any, int]] = [
    ("empty", b"", 400),
    ("truncated", b'{"userName": "a', 400),
    ("trailing garbage", b'{"userName": "a"} x', 400),
    ("null", b"null", 400),
    ("a list", b"[]", 400),
    ("a number", b"7", 400),
    ("invalid UTF-8", b'{"userName": "\xff"}', 400),
    ("UTF-16", '{"userName": "a"}'.encode("utf-16"), 400),
    ("half a surrogate", b'{"userName": "\\ud800"}', 400),
    ("NUL", b'{"schemas":["%s"],"userName": "a\\u0000b"}' % USER.encode(), 400),
    ("NaN", b'{"userName": NaN}', 400),
    ("nested 100,000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    ("nested 50 deep", json.dumps({"userName": "a", "name": nested(50)}).encode(), 400),
    ("no userName", {"schemas": [USER]}, 400),
    ("userName null", {"schemas": [USER], "userName": None}, 400),
    ("userName empty", {"schemas": [USER], "userName": ""}, 400),
    ("userName blank", {"schemas": [USER], "userName": "   "}, 400),
    ("userName a list", {"schemas": [USER], "userName": ["a"]}, 400),
    ("userName of 10,000 characters", {"schemas": [USER], "userName": "a" * 10_000}, 400),
    ("userName that turns text around", {"schemas": [USER], "userName": "a\u202eb"}, 400),
    (
        "title of 100,000 characters",
        {"schemas": [USER], "userName": "a", "title": "x" * 100_000},
        400,
    ),
    ("active a word", {"schemas": [USER], "userName": "a", "active": "perhaps"}, 400),
    ("active a list", {"schemas": [USER], "userName": "a", "active": [True]}, 400),
    ("emails a number", {"schemas": [USER], "userName": "a", "emails": 7}, 400),
    (
        "two primary e-mails",
        {
            "schemas": [USER],
            "userName": "a",
            "emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}],
        },
        400,
    ),
    ("name a text", {"schemas": [USER], "userName": "a", "name": "Ada"}, 400),
]


@pytest.mark.parametrize(
    ("body", "status"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
async def test_a_bad_body_is_refused(door: Door, body: Any, status: int) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    answer = await door.http.post(
        "/Users", content=content, headers={"Content-Type": "application/scim+json"}
    )

    assert errors_of(answer)[0] == status
    assert await door.many("SELECT 1 FROM member") == []


PATCHES: list[tuple[str, Any, set[int]]] = [
    ("no operations", {"schemas": [PATCH]}, {400}),
    ("operations empty", {"schemas": [PATCH], "Operations": []}, {400}),
    ("operations an object", {"schemas": [PATCH], "Operations": {}}, {400}),
    ("an operation that is a text", {"schemas": [PATCH], "Operations": ["x"]}, {400}),
    (
        "unknown op",
        {"schemas": [PATCH], "Operations": [{"op": "move", "path": "title", "value": "x"}]},
        {400},
    ),
    ("no op", {"schemas": [PATCH], "Operations": [{"path": "title", "value": "x"}]}, {400}),
    ("remove without path", {"schemas": [PATCH], "Operations": [{"op": "remove"}]}, {400}),
    (
        "remove of userName",
        {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "userName"}]},
        {400},
    ),
    (
        "path a number",
        {"schemas": [PATCH], "Operations": [{"op": "add", "path": 7, "value": "x"}]},
        {400},
    ),
    (
        "path injection",
        {
            "schemas": [PATCH],
            "Operations": [{"op": "add", "path": "title'; DROP TABLE member;--", "value": "x"}],
        },
        {400},
    ),
    (
        "path with 3,000 parentheses",
        {
            "schemas": [PATCH],
            "Operations": [{"op": "add", "path": f"emails[{'(' * 3000}", "value": "x"}],
        },
        {400},
    ),
    (
        "a filter that does not parse",
        {
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "path": "emails[type foo]", "value": "x"}],
        },
        {400},
    ),
    ("value missing", {"schemas": [PATCH], "Operations": [{"op": "add"}]}, {400}),
    (
        "value for a list of 5,000",
        {
            "schemas": [PATCH],
            "Operations": [
                {"op": "add", "path": "emails", "value": [{"value": f"{n}"} for n in range(5000)]}
            ],
        },
        {400},
    ),
    (
        "1,500 operations",
        {
            "schemas": [PATCH],
            "Operations": [
                {"op": "replace", "path": "title", "value": str(n)} for n in range(1500)
            ],
        },
        {413},
    ),
    (
        "a number for a text, twice",
        {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": {"a": 1}}]},
        {400},
    ),
]


@pytest.mark.parametrize(
    ("body", "statuses"), [row[1:] for row in PATCHES], ids=[row[0] for row in PATCHES]
)
async def test_a_bad_patch_is_refused(door: Door, body: Any, statuses: set[int]) -> None:
    user = await door.user(title="Clerk")

    answer = await door.http.patch(f"/Users/{user['id']}", json=body)

    assert errors_of(answer)[0] in statuses, answer.text
    assert (await door.attributes(user))["title"] == "Clerk"


@pytest.mark.parametrize(
    "filter",
    [
        "userName",
        'userName eq "a',
        'userName eq "a" and',
        '(userName eq "a"',
        "(" * 1000 + 'userName eq "a"' + ")" * 1000,
        'userName foo "a"',
        'password eq "x"',
        'nothing eq "x"',
        "active gt true",
        " or ".join(f'title eq "{n}"' for n in range(3000)),
        'emails[type eq "work"',
        "",
    ],
)
async def test_a_bad_filter_is_refused(door: Door, filter: str) -> None:
    await door.user()

    answer = await door.http.post("/Users/.search", json={"schemas": [SEARCH], "filter": filter})

    assert errors_of(answer) == (400, "invalidFilter")


async def test_a_filter_with_nul_matches_nobody(door: Door) -> None:
    await door.user()

    answer = await door.http.get("/Users", params={"filter": 'userName eq "a\\u0000"'})

    assert (answer.status_code, answer.json()["totalResults"]) == (200, 0)


BULKS: list[tuple[str, Any, int]] = [
    ("no operations", {"schemas": [BULK]}, 400),
    (
        "1,001 operations",
        {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": "/Users/x"}] * 1001},
        413,
    ),
    ("operations a text", {"schemas": [BULK], "Operations": "x"}, 400),
]


@pytest.mark.parametrize(
    ("body", "status"), [row[1:] for row in BULKS], ids=[row[0] for row in BULKS]
)
async def test_a_bad_bulk_request_is_refused(door: Door, body: Any, status: int) -> None:
    answer = await door.http.post("/Bulk", json=body)

    assert errors_of(answer)[0] == status, answer.text


async def test_each_bad_operation_of_a_bulk_request_fails_alone(door: Door) -> None:
    good = {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "a"}}
    bad = [7, {"method": "POST"}, {"method": "PUT", "path": "/Users/x", "data": []}]

    answer = await door.http.post("/Bulk", json={"schemas": [BULK], "Operations": [*bad, good]})

    statuses = [each["status"] for each in answer.json()["Operations"]]
    assert statuses == ["400", "400", "400", "201"]


async def test_a_circle_of_bulk_ids_is_a_conflict(door: Door) -> None:
    def group(id: str, other: str) -> dict[str, Any]:
        data = {"schemas": [GROUP], "displayName": id, "members": [{"value": f"bulkId:{other}"}]}
        return {"method": "POST", "path": "/Groups", "bulkId": id, "data": data}

    answer = await door.http.post(
        "/Bulk", json={"schemas": [BULK], "Operations": [group("a", "b"), group("b", "a")]}
    )

    assert [each["status"] for each in answer.json()["Operations"]] == ["409", "409"]
    assert await door.many("SELECT 1 FROM directory_group") == []


async def test_a_name_taken_in_another_case_is_a_conflict(door: Door) -> None:
    await door.user("ada", externalId="e1")
    bob = await door.user("bob")

    again = await door.http.post("/Users", json={"schemas": [USER], "userName": "ADA@ACME.example"})
    renamed = await door.patch(
        f"/Users/{bob['id']}", {"op": "replace", "path": "userName", "value": "Ada@acme.example"}
    )
    same_id = await door.http.post(
        "/Users", json={"schemas": [USER], "userName": "c", "externalId": "e1"}
    )
    taken_id = await door.patch(
        f"/Users/{bob['id']}", {"op": "replace", "path": "externalId", "value": "e1"}
    )

    answers = (again, renamed, same_id, taken_id)
    assert [errors_of(each) for each in answers] == [(409, "uniqueness")] * 4
    assert (await door.attributes(bob))["userName"] == "bob@acme.example"
    moved = await door.patch(
        f"/Users/{bob['id']}", {"op": "replace", "path": "externalId", "value": "e2"}
    )
    assert moved.json()["externalId"] == "e2"


async def test_unknown_members_are_refused_as_a_whole(door: Door) -> None:
    ada = await door.user()
    group = await door.group()
    for value in ("7f0c2f5e-0000-4000-8000-000000000000", "x", group["id"]):
        listed = [{"value": ada["id"]}, {"value": value}]
        answer = await door.patch(
            f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": listed}
        )
        assert errors_of(answer) == (400, "invalidValue")
    assert "members" not in (await door.get(f"/Groups/{group['id']}")).json()


async def test_a_large_or_compressed_or_foreign_body_is_refused_unread(door: Door) -> None:
    large = json.dumps({"schemas": [USER], "userName": "a", "title": "x" * 1_100_000}).encode()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    headers = {"Content-Type": "application/scim+json"}
    said = await door.http.post("/Users", content=large, headers=headers)
    unsaid = await door.http.post("/Users", content=endless(), headers=headers)
    packed = await door.http.post(
        "/Users", content=gzip.compress(b"{}"), headers={**headers, "Content-Encoding": "gzip"}
    )
    plain = await door.http.post("/Users", content=b"{}", headers={"Content-Type": "text/plain"})

    assert [errors_of(each)[0] for each in (said, unsaid, packed, plain)] == [413, 413, 415, 415]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Nothing", 404),
        ("GET", "/Users/x/y/z", 404),
        ("GET", "/Users/%00", 404),
        ("GET", "/Groups/%E2%80%AE", 404),
        ("PATCH", "/Users", 405),
        ("POST", "/Schemas", 405),
        ("TRACE", "/Users", 405),
        ("GET", "/Me", 501),
        ("GET", "/Schemas?filter=id", 403),
        ("GET", "/Users?attributes=userName&excludedAttributes=title", 400),
        ("GET", "/Users?sortBy=((", 400),
    ],
)
async def test_a_request_that_leads_nowhere_is_refused(
    door: Door, method: str, path: str, status: int
) -> None:
    answer = await door.http.request(method, path)

    assert errors_of(answer)[0] == status


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Basic dTpw")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer token-1"), ("Authorization", "Bearer token-1")],
    ],
)
async def test_nobody_comes_in_without_one_good_token(
    door: Door, headers: list[tuple[str, str]]
) -> None:
    async with httpx.AsyncClient(
        transport=door.http._transport, base_url=door.http.base_url
    ) as http:
        answer = await http.post(
            "/Users", json={"schemas": [USER], "userName": "a"}, headers=headers
        )
        config = await http.get("/ServiceProviderConfig")

    assert errors_of(answer) == (401, None)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert config.status_code == 200


async def test_a_disabled_connection_is_not_served(door: Door) -> None:
    async with door.world.edge.transaction() as db:
        await db.execute(text("UPDATE connection SET is_enabled = false"))

    assert errors_of(await door.get("/Users")) == (403, None)


async def test_a_provider_far_above_any_pace_is_slowed(world: World, door: Door) -> None:
    app = application(
        world, door.connection, allowance=Allowance(per_second=50, burst=3), now=lambda: MONDAY
    )
    async with client(app, door.connection) as http:
        statuses = [(await http.get("/ServiceProviderConfig")).status_code for _ in range(4)]
        slowed = await http.get("/Users")

    assert statuses == [200, 200, 200, 429]
    assert slowed.headers["Retry-After"]


async def test_503_when_the_database_is_away(world: World, door: Door) -> None:
    away = create_async_engine("postgresql+psycopg://nobody@/nowhere?host=/nonexistent")
    app = application(
        World(Edge(async_sessionmaker(away)), world.workspace_id, "acme"), door.connection
    )
    async with client(app, door.connection) as http:
        answer = await http.post("/Users", json={"schemas": [USER], "userName": "a"})
    await away.dispose()

    assert errors_of(answer)[0] == 503
    assert answer.headers["Retry-After"]


async def test_too_many_to_look_at_one_by_one_is_said(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        await door.user(name)
    monkeypatch.setattr("app.scim.searching.CANDIDATES", 2)

    assert errors_of(await door.get("/Users", filter="title pr")) == (400, "tooMany")
    assert (await door.get("/Users", filter='userName eq "a@acme.example"')).status_code == 200


async def test_failures_are_counted_in_the_connections_health(door: Door) -> None:
    await door.http.post("/Users", content=b"x")
    await door.get("/Users/unknown")

    health = await door.health()

    assert health.error_count == 1
    assert health.last_seen_at is not None
