"""The door for copies of the audit log: `GET /audit.jsonl` and `GET /audit.csv`, with a bearer
token and the filters of `viewAuditLog` as query parameters.

200  the entries one may see, oldest first, up to the moment of asking
400  a parameter is unknown or means nothing
401  the token is missing or not valid     403  the account is deactivated, or may not read this
503  who this is, or what there is, could not be found out: ask again

A copy is itself recorded. When a right or the token ends, the copy breaks off in the middle.
"""

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from access.caller import Origin
from app.audit.copying import begin, copy
from app.audit.writing import FORMATS, Format
from app.authentication.authenticated import Authenticated
from app.authentication.bearer import Bearer
from app.graphql import Forbidden, RequestInfo, RequestRefused, Unauthenticated
from app.graphql.reception import (
    CHALLENGE,
    authorization_of,
    bearer_token,
    client_of,
    public_headers,
    request_id_of,
)
from operations.audit import Filters
from operations.edge import Edge
from operations.refusals import Code, Denied, Refused
from resolvers.audit import aware, cause_of
from resolvers.ids import number_of

RETRY: Final = {"retry-after": "5"}

log = logging.getLogger(__name__)


def moment(text: str) -> dt.datetime:
    """A moment as ISO 8601, in UTC unless it says otherwise; raises Refused."""
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            Code.BAD_USER_INPUT, f"“{text[:80]}” is no moment: write 2026-11-22T09:00:00Z."
        ) from None
    return aware(read) or read


def _number(type_name: str) -> Callable[[str], int]:
    return lambda id: number_of(id, type_name)


def _origin(text: str) -> Origin:
    try:
        return Origin[text.upper()]
    except KeyError:
        names = ", ".join(each.name for each in Origin)
        raise Refused(
            Code.BAD_USER_INPUT, f"“{text[:80]}” is no origin; there are {names}."
        ) from None


def _text(text: str) -> str:
    if "\0" in text:
        raise Refused(
            Code.BAD_USER_INPUT, "The character NUL (U+0000) stands in no text; leave it out."
        )
    return text


def _yes(text: str) -> bool:
    if text not in {"true", "false"}:
        raise Refused(Code.BAD_USER_INPUT, f"“{text[:80]}” is neither true nor false.")
    return text == "true"


_ONE: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "byMemberId": ("by_member_id", _number("Member")),
    "byConnectionId": ("by_connection_id", _number("Connection")),
    "bySystem": ("by_system", _yes),
    "memberId": ("member_id", _number("Member")),
    "courseId": ("course_id", _number("Course")),
    "segmentId": ("segment_id", _number("Segment")),
    "departmentId": ("department_id", _number("Department")),
    "cause": ("cause", cause_of),
    "since": ("since", moment),
    "until": ("until", moment),
    "reason": ("reason", _text),
}
_MANY: Final[Mapping[str, Callable[[str], Any]]] = {"verbs": str, "origins": _origin}


def filters_from(parameters: QueryParams) -> Filters:
    """The filters a query string asks for; raises Refused."""
    said: dict[str, Any] = {}
    for name in parameters:
        values = parameters.getlist(name)
        if name in _MANY:
            said[name] = tuple(_MANY[name](each) for each in values)
        elif name in _ONE and len(values) == 1:
            key, read = _ONE[name]
            said[key] = read(values[0])
        else:
            known = ", ".join((*_MANY, *_ONE))
            raise Refused(
                Code.BAD_USER_INPUT,
                f"“{name[:80]}” is no parameter, or was given twice; there are {known}.",
            )
    return Filters(**said)


class AuditDoor:
    """Gives copies of one format out to whoever may see something of the audit log."""

    def __init__(self, edge: Edge, bearer: Bearer, format: Format) -> None:
        self._edge = edge
        self._bearer = bearer
        self._format = format

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return await self._answer(request)
        except Unauthenticated as refusal:
            return _says(refusal, 401, CHALLENGE)
        except (Forbidden, Denied) as refusal:
            return _says(refusal, 403)
        except Refused as refusal:
            return _says(refusal, 400)
        except RequestRefused as refusal:
            return _says(refusal, refusal.status or 400, refusal.headers)
        except (SQLAlchemyError, OSError) as problem:
            log.error("the audit log could not be copied: %s", type(problem).__name__)
            return JSONResponse({"error": "Try again in a moment."}, 503, RETRY)

    async def _answer(self, request: Request) -> Response:
        known = await self._known(request)
        by = known.caller
        filters = filters_from(request.query_params)
        up_to = await begin(self._edge, by, filters, self._format)

        async def is_live() -> bool:
            return await self._bearer.still_valid(known)

        pieces = copy(self._edge, by, filters, self._format, up_to=up_to, is_live=is_live)
        headers = {
            "content-disposition": f'attachment; filename="audit.{self._format.name}"',
            "cache-control": "no-store",
        }
        return StreamingResponse(pieces, media_type=self._format.media_type, headers=headers)

    async def _known(self, request: Request) -> Authenticated:
        headers = request.scope["headers"]
        about = RequestInfo(
            request_id_of(headers), "http", client_of(request.scope), public_headers(headers)
        )
        token = bearer_token(authorization_of(headers))
        return await self._bearer.authenticate(token, request_info=about)


def _says(
    refusal: Exception, status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error": str(refusal)}, status, headers)


def routes(*, edge: Edge, bearer: Bearer) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    return [
        Route(f"/audit.{format.name}", AuditDoor(edge, bearer, format).__call__, methods=["GET"])
        for format in FORMATS.values()
    ]
