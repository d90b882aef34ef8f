"""What every HTTP door that is not GraphQL does alike: it learns who asks, and it says no.

A door is a function from a request to an answer, which raises what it refuses; `answering` makes
an endpoint of it. A door for members asks `signed_in` first; one for strangers does not.

400  a parameter is unknown or means nothing
401  the token is missing or not valid
403  it is, and must not be used, or not for this
404  there is no such thing, or none the caller may see: nobody learns which
409  it cannot be done as things stand
413  the body is longer than the door takes
415  the body is of no kind that is taken
429  too many tokens from this address were not valid
503  who this is, or what there is, could not be found out: ask again

Paths and methods that are not there are refused by the router, and `app.envelope` puts the headers
on that every answer needs.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.authentication.authenticated import Authenticated
from app.authentication.bearer import Bearer
from app.graphql import Forbidden, RequestInfo, RequestRefused, Unauthenticated
from app.graphql.reception import CHALLENGE, authorization_of, bearer_token, info_of
from operations.refusals import Code, Denied, Refused

_UNFIT: Final = re.compile(r"[^\w .()+,=@-]")

RETRY: Final = {"retry-after": "5"}
UNAVAILABLE: Final = "This cannot be looked up just now. Try again in a moment."

STATUS: Final[Mapping[Code, int]] = {
    Code.BAD_USER_INPUT: 400,
    Code.NOT_FOUND: 404,
    Code.UNAVAILABLE: 503,
    Code.UNSUPPORTED_FILE: 415,
}
"""What refusals are over HTTP; all others are 409."""

log = structlog.get_logger("app.web")


class TooLarge(Exception):
    """The body is larger than this door takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One no: its status, a sentence for a person, and the headers that go with it."""

    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response]]
Say = Callable[[Request, Refusal], Response]


def as_json(_: Request, refusal: Refusal) -> Response:
    """A refusal for a program."""
    return JSONResponse({"error": refusal.message}, refusal.status, refusal.headers)


def answering(answer: Answer, say: Say = as_json) -> Answer:
    """An endpoint for a route; `say` writes refusals. What nobody foresaw is raised, and the
    envelope makes an incident of it."""

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(request)
        except Exception as problem:
            refusal = refusal_of(problem)
            if refusal is None:
                raise
            return say(request, refusal)

    return endpoint


def refusal_of(problem: Exception) -> Refusal | None:
    """What somebody who asked is told of an exception; None when it is an incident of ours."""
    match problem:
        case Unauthenticated():
            return Refusal(401, str(problem), CHALLENGE)
        case Forbidden() | Denied():
            return Refusal(403, str(problem))
        case Refused():
            status = STATUS.get(problem.code, 409)
            return Refusal(status, problem.message, RETRY if status == 503 else {})
        case RequestRefused():
            return Refusal(problem.status or 400, str(problem), problem.headers)
        case TooLarge():
            return Refusal(413, str(problem), {"connection": "close"})
        case ClientDisconnect():
            return Refusal(400, "The request ended before it was complete.")
        case SQLAlchemyError() | OSError():
            log.error("door.unavailable", raised=type(problem).__name__)
            return Refusal(503, UNAVAILABLE, RETRY)
        case _:
            return None


async def signed_in(request: Request, bearer: Bearer) -> Authenticated:
    """Who asks. Raises like `Bearer.authenticate`."""
    return await bearer.authenticate(token_of(request), request_info=about(request))


def token_of(request: Request) -> str | None:
    """The bearer token; None when nothing was sent. Raises RequestRefused."""
    return bearer_token(authorization_of(request.scope["headers"]))


def about(request: Request) -> RequestInfo:
    """Who knocks, as the log and the guards of sign-in want to know it."""
    return info_of(request.scope, "http")


async def body_of(request: Request, limit: int) -> bytes:
    """The raw body, read no further than the limit. Raises TooLarge, ClientDisconnect."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(limit)
    return bytes(body)


def has_it(request: Request, etag: str) -> bool:
    """Whether what the caller has is it (`If-None-Match`), weakly: proxies that compress make weak
    tags of ours."""
    tags = request.headers.get("if-none-match", "").split(",")
    found = {each.strip().removeprefix("W/") for each in tags}
    return etag in found or found == {"*"}


def download(name: str) -> dict[str, str]:
    """Headers for an answer that is kept as a file of this name, whatever characters are in it.

    Programs that know no more than ASCII, curl among them, take a name that is like it.
    """
    quoted, plain = quote(name, safe=""), _plain(name)
    named = f'filename="{plain}"'
    if quoted != name:
        named += f"; filename*=utf-8''{quoted}"
    return {"content-disposition": f"attachment; {named}", "cache-control": "no-store"}


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.replace("–", "-")).encode("ascii", "ignore")
    plain = _UNFIT.sub("_", letters.decode())
    return f"file{plain}" if plain.startswith(".") or not plain else plain
