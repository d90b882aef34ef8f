"""What every HTTP door beside GraphQL does alike: bodies, files, and how it says no."""

from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from access.permissions import Permission, Scope
from app.doors import (
    UNAVAILABLE,
    Answer,
    Refusal,
    Say,
    answering,
    as_json,
    body_of,
    download,
    token_of,
)
from app.graphql import Code as TransportCode
from app.graphql import Forbidden, Unauthenticated
from app.graphql.errors import refused
from operations.refusals import Code, Denied, Refused, not_found

LIMIT = 10


def client_of(answer: Answer, say: Say = as_json) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/", answering(answer, say), methods=["GET", "POST"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door.test")


def raising(problem: Exception) -> Answer:
    async def answer(_: Request) -> Response:
        raise problem

    return answer


@pytest.mark.parametrize(
    ("problem", "status", "message", "headers"),
    [
        (Unauthenticated("Who?"), 401, "Who?", {"www-authenticate": "Bearer"}),
        (Forbidden("Not you."), 403, "Not you.", {}),
        (
            Denied(Permission.VIEW_BILLING, Scope.WORKSPACE),
            403,
            "VIEW_BILLING is needed on this workspace.",
            {},
        ),
        (Refused(Code.BAD_USER_INPUT, "What?"), 400, "What?", {}),
        (not_found("invoice"), 404, "There is no such invoice.", {}),
        (Refused(Code.CONFLICT, "Taken."), 409, "Taken.", {}),
        (Refused(Code.UNAVAILABLE, "Later."), 503, "Later.", {"retry-after": "5"}),
        (
            refused(
                TransportCode.RATE_LIMITED, "Slowly.", status=429, headers={"retry-after": "9"}
            ),
            429,
            "Slowly.",
            {"retry-after": "9"},
        ),
        (refused(TransportCode.BAD_REQUEST, "No."), 400, "No.", {}),
        (OperationalError("SELECT 1", {}, OSError()), 503, UNAVAILABLE, {"retry-after": "5"}),
        (ConnectionRefusedError(), 503, UNAVAILABLE, {"retry-after": "5"}),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
async def test_what_is_raised_is_answered(
    problem: Exception, status: int, message: str, headers: dict[str, str]
) -> None:
    async with client_of(raising(problem)) as client:
        answer = await client.get("/")

    assert answer.status_code == status
    assert answer.json() == {"error": message}
    said = {"www-authenticate", "retry-after", "connection"} & set(answer.headers)
    assert {name: answer.headers[name] for name in said} == headers


async def test_a_database_that_is_away_is_logged_without_its_statement() -> None:
    with structlog.testing.capture_logs() as logged:
        async with client_of(raising(OperationalError("SELECT 42", {}, OSError()))) as client:
            await client.get("/")

    [line] = logged
    assert (line["event"], line["raised"]) == ("door.unavailable", "OperationalError")
    assert "42" not in str(line)


async def test_what_nobody_foresaw_is_left_to_the_envelope() -> None:
    async with client_of(raising(RuntimeError("a defect"))) as client:
        with pytest.raises(RuntimeError):
            await client.get("/")


async def test_a_door_may_say_no_in_its_own_way() -> None:
    def as_text(_: Request, refusal: Refusal) -> Response:
        return PlainTextResponse(refusal.message, refusal.status)

    async with client_of(raising(not_found("page")), as_text) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.text) == (404, "There is no such page.")


@pytest.mark.parametrize(
    ("credentials", "status", "said"),
    [
        ([], 200, "None"),
        (["Bearer x"], 200, "x"),
        (["bearer  x "], 200, "x"),
        (["Basic x"], 401, "Bearer <token>"),
        (["Bearer x", "Bearer x"], 400, "two Authorization headers"),
    ],
)
async def test_one_bearer_token_is_read_or_none(
    credentials: list[str], status: int, said: str
) -> None:
    async def answer(request: Request) -> Response:
        return PlainTextResponse(str(token_of(request)))

    async with client_of(answer) as client:
        got = await client.get("/", headers=[("authorization", each) for each in credentials])

    assert got.status_code == status
    assert said in got.text


async def _read(request: Request) -> Response:
    return Response(await body_of(request, LIMIT))


async def _pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_is_read_up_to_the_limit_whether_its_length_is_said_or_not() -> None:
    async with client_of(_read) as client:
        whole = [
            await client.post("/", content=b"x" * LIMIT),
            await client.post("/", content=_pieces(4, 6)),
        ]
        beyond = [
            await client.post("/", content=b"x" * (LIMIT + 1)),
            await client.post("/", content=_pieces(4, 7)),
            await client.post("/", content=b"", headers={"content-length": "9" * 30}),
        ]

    assert [each.content for each in whole] == [b"x" * LIMIT] * 2
    assert {(each.status_code, each.headers["connection"]) for each in beyond} == {(413, "close")}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("audit.csv", 'attachment; filename="audit.csv"'),
        (
            "A – é.pdf",
            "attachment; filename=\"A - e.pdf\"; filename*=utf-8''A%20%E2%80%93%20%C3%A9.pdf",
        ),
        (
            'a"\r\nb: c',
            "attachment; filename=\"a___b_ c\"; filename*=utf-8''a%22%0D%0Ab%3A%20c",
        ),
        ("../etc", "attachment; filename=\"file.._etc\"; filename*=utf-8''..%2Fetc"),
        ("概要.csv", "attachment; filename=\"file.csv\"; filename*=utf-8''%E6%A6%82%E8%A6%81.csv"),
    ],
)
def test_a_file_keeps_its_name_whatever_is_in_it(name: str, said: str) -> None:
    assert download(name)["content-disposition"] == said
