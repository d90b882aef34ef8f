"""The SCIM 2.0 door (RFC 7643, 7644): who comes in, what it may send, and one transaction each.

401  no or no good token              403  the connection is disabled, or speaks otherwise
413  the body is over 1 MiB           415  it is not JSON, or compressed
429  far above any provider's pace    503  the database is away: send it again
"""

import datetime as dt
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from psycopg import errors
from scim2_models import (
    ForbiddenException,
    InvalidValueException,
    PayloadTooLargeException,
    SCIMException,
    UnauthorizedException,
    UniquenessException,
)
from scim2_server.errors import UnsupportedMediaTypeException
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from access.caller import Caller
from app.doors import RETRY, TooLarge, body_of, token_of
from app.graphql import RequestRefused
from app.scim.allowance import Allowance
from app.scim.handling import DirectoryHandler, DirectoryService
from app.scim.published import LARGEST_BODY, Published, published
from app.scim.reading import Reader
from app.scim.storage import DirectoryStorage, Visit
from models.identity import Connection, ConnectionKind
from operations import connections, people
from operations.edge import Edge
from sync_engine.rules import STANDARD_ATTRIBUTES

Authenticate = Callable[[str | None, str | None], Awaitable[Caller | None]]
"""(bearer token, client address) → the connection it belongs to; None when it opens nothing."""

ATTEMPTS: Final = 3
_READING: Final = frozenset({"GET", "HEAD"})
_NO_FAULT: Final = frozenset({401, 404})

log = logging.getLogger(__name__)


class Unavailable(SCIMException):
    """The database is away; the request can be sent again."""

    status = 503
    _default_detail = "The directory is not available now; send the request again."


class TooMany(SCIMException):
    """The connection sends faster than any provider needs to."""

    status = 429
    _default_detail = "Too many requests; send at most 100 a second."


class ScimDoor:
    """An ASGI application, to be mounted where the SCIM root shall be."""

    def __init__(
        self,
        edge: Edge,
        authenticate: Authenticate,
        *,
        now: Callable[[], dt.datetime],
        allowance: Allowance,
        largest_body: int = LARGEST_BODY,
    ) -> None:
        self._edge = edge
        self._authenticate = authenticate
        self._now = now
        self._allowance = allowance
        self._largest_body = largest_body
        self._seen: dict[int, dt.datetime] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        http = Request(scope, receive)
        request = _request(http)
        try:
            response = await self._serve(http, request)
        except SCIMException as refusal:
            response = _service(published(STANDARD_ATTRIBUTES)).error_response(refusal)
        except ClientDisconnect:
            return
        if response.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            response.headers.update(RETRY)
        response.headers.setdefault("Cache-Control", "no-store")
        await _http(http, response)(scope, receive, send)

    async def _serve(self, http: Request, request: ScimRequest) -> ScimResponse:
        service = _service(published(STANDARD_ATTRIBUTES))
        try:
            by = await self._authenticate(_credentials(http), http.client and http.client.host)
        except (SQLAlchemyError, OSError):
            raise Unavailable from None
        if by is None:
            if _is_open(service, request):
                return service.service_provider_config(request.url, request.query)
            raise UnauthorizedException(detail="The token is missing or not valid.")
        if by.connection_id is None:
            raise ForbiddenException(detail="Only the token of a SCIM connection opens this door.")
        if not self._allowance.allows(by.connection_id, self._now()):
            raise TooMany
        request.body = await _body(http, self._largest_body)
        return await self._visit(by, by.connection_id, request)

    async def _visit(self, by: Caller, connection_id: int, request: ScimRequest) -> ScimResponse:
        dropped: Counter[str] = Counter()
        try:
            response = await self._tried(by, connection_id, request, dropped)
        except (SQLAlchemyError, OSError) as problem:
            log.error("SCIM: the database is away: %s", type(problem).__name__)
            raise Unavailable from None
        await self._note(connection_id, response, dropped)
        return response

    async def _tried(
        self, by: Caller, connection_id: int, request: ScimRequest, dropped: Counter[str]
    ) -> ScimResponse:
        """The answer; a request that met another one in the database is tried again."""
        body, query = request.body, request.query
        for attempt in range(1, ATTEMPTS + 1):
            request.body, request.query = body, query
            dropped.clear()
            service = _service(published(STANDARD_ATTRIBUTES))
            try:
                return await self._once(by, connection_id, request, dropped)
            except SCIMException as refusal:
                return service.error_response(refusal)
            except DBAPIError as problem:
                if _can_be_tried_again(problem) and attempt < ATTEMPTS:
                    continue
                return service.error_response(_meant(problem))
        raise Unavailable

    async def _once(
        self, by: Caller, connection_id: int, request: ScimRequest, dropped: Counter[str]
    ) -> ScimResponse:
        async with self._edge.transaction() as db:
            connection = await db.get(Connection, connection_id)
            if connection is None or connection.kind is not ConnectionKind.SCIM:
                raise ForbiddenException(detail="This connection does not speak SCIM.")
            if not connection.is_enabled:
                raise ForbiddenException(detail="The connection is disabled.")
            catalog = await people.catalog_of(db, by.workspace_id)
            door = published(catalog)
            service = _service(door)
            reader = Reader(door)
            reader.read(service, request)
            visit = Visit(
                db=db,
                by=by,
                catalog=catalog,
                published=door,
                at=self._now(),
                is_writing=request.method not in _READING,
                is_bulk=service.match(request).operation is Operation.bulk,
            )
            shows_members = "members" in request.query.get("attributes", "").lower()
            handler = DirectoryHandler(
                service, DirectoryStorage(visit), shows_members=shows_members
            )
            response = await handler.handle(request)
            dropped.update(reader.dropped)
        return response

    async def _note(
        self, connection_id: int, response: ScimResponse, dropped: Counter[str]
    ) -> None:
        """Keep the connection's health, outside of the request's transaction: its row would make
        the connection's requests wait for each other."""
        at, failed = self._now(), response.status >= 400 and response.status not in _NO_FAULT
        seen = self._seen.get(connection_id)
        is_due = seen is None or at - seen >= connections.SEEN_IS_NOTED_EVERY
        if not (is_due or failed or dropped):
            return
        self._seen[connection_id] = at
        try:
            async with self._edge.transaction() as db:
                await connections.note(
                    db, connection_id=connection_id, errors=int(failed), dropped=dropped, at=at
                )
        except (SQLAlchemyError, OSError) as problem:
            log.warning("the health of a connection was not noted: %s", type(problem).__name__)


def _can_be_tried_again(problem: DBAPIError) -> bool:
    return isinstance(problem.orig, errors.DeadlockDetected | errors.SerializationFailure)


def _meant(problem: DBAPIError) -> SCIMException:
    """What a refusal of the database means to the client; raises it when it is none."""
    if isinstance(problem.orig, errors.UniqueViolation):
        return UniquenessException()
    if isinstance(problem.orig, errors.DataError):
        return InvalidValueException(detail="A value cannot be stored")
    raise problem


def _service(door: Published) -> DirectoryService:
    return DirectoryService(door.provider)


def _is_open(service: DirectoryService, request: ScimRequest) -> bool:
    try:
        return service.match(request).operation is Operation.service_provider_config
    except SCIMException:
        return False


def _request(http: Request) -> ScimRequest:
    root = http.scope.get("root_path", "")
    return ScimRequest(
        method=http.method,
        base_url=f"{http.url.scheme}://{http.url.netloc}{root}".rstrip("/"),
        path=http.scope["path"].removeprefix(root) or "/",
        query=dict(parse_qsl(http.url.query, keep_blank_values=True, errors="replace")),
        headers=list(http.headers.items()),
    )


def _credentials(http: Request) -> str | None:
    """The bearer token; None when there is none, or more than one."""
    try:
        return token_of(http)
    except RequestRefused:
        return None


async def _body(http: Request, limit: int) -> bytes:
    if http.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaTypeException(detail="The body must not be compressed")
    try:
        return await body_of(http, limit)
    except TooLarge as problem:
        raise PayloadTooLargeException(detail=str(problem)) from None


def _http(http: Request, response: ScimResponse) -> Response:
    has_body = response.body is not None and http.method != "HEAD"
    content = json.dumps(response.body).encode() if has_body else b""
    return Response(content, status_code=int(response.status), headers=response.headers)
