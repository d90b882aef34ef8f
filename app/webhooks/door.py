"""The door for webhooks: `POST /webhooks/{connection_id}`.

202  stored (or stored before): it will be applied
401  not to be believed, whatever the cause: unknown connection, signature, time; empty
410  the connection is disabled: stop sending
413  the body is over 256 KiB     415  it is not JSON, or compressed
503  it could not be stored: send it again
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.doors import Refusal, answering, body_of
from app.keyring import CannotOpen
from app.webhooks.adapters import Accepted, Adapter, Challenge, Headers
from app.webhooks.generic import GENERIC
from models.identity import Connection, ConnectionKind
from operations import connections, inbox
from operations.connections import Seals
from operations.edge import Edge
from operations.refusals import Code, Refused

LARGEST_BODY: Final = 256 * 1024
_LARGEST_ID: Final = 2**31 - 1
_JSON: Final = ("application/json", "text/json", "application/cloudevents+json")

log = logging.getLogger(__name__)


class WebhookDoor:
    """Stores what is signed. `wake` tells the workers, after the commit; it never waits."""

    def __init__(
        self,
        edge: Edge,
        seals: Seals,
        *,
        wake: Callable[[], None],
        now: Callable[[], dt.datetime],
        adapter: Adapter = GENERIC,
    ) -> None:
        self._edge = edge
        self._seals = seals
        self._wake = wake
        self._now = now
        self._adapter = adapter

    async def answer(self, request: Request) -> Response:
        """Answer one delivery; raises what it refuses."""
        if not _is_json(request):
            return Response(status_code=415)
        raw = await body_of(request, LARGEST_BODY)
        try:
            return await self._receive(int(request.path_params["connection_id"]), request, raw)
        except CannotOpen:
            log.error("a delivery could not be checked: the key of its secret is not here")
            raise Refused(Code.UNAVAILABLE, "The delivery cannot be checked now.") from None

    async def _receive(self, connection_id: int, request: Request, raw: bytes) -> Response:
        at = self._now()
        async with self._edge.transaction() as db:
            connection = None
            if connection_id <= _LARGEST_ID:
                connection = await db.get(Connection, connection_id)
            if connection is None or connection.kind is not ConnectionKind.WEBHOOK:
                return Response(status_code=401)
            secrets = await connections.live_secrets(
                db, connection_id=connection.id, seals=self._seals, at=at
            )
            knock = self._adapter.knock(headers_of(request), raw, secrets, at)
            if isinstance(knock, Challenge):
                return Response(knock.body, media_type=knock.media_type)
            if not isinstance(knock, Accepted):
                log.info("connection %s: a delivery was refused: %s", connection.id, knock.reason)
                return Response(status_code=401)
            if not connection.is_enabled:
                return Response(status_code=410)
            stored = await inbox.store(
                db, connection=connection, delivery_id=knock.delivery_id, body=raw, at=at
            )
            is_odd = isinstance(stored, inbox.Duplicate) and not stored.is_same
            await connections.note(db, connection_id=connection.id, errors=int(is_odd), at=at)
        if isinstance(stored, inbox.StoredDelivery):
            self._wake()
        return Response(status_code=202)


def headers_of(request: Request) -> Headers:
    """All header values by lower-case name."""
    found: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        found.setdefault(name.lower(), []).append(value)
    return found


def _without_a_word(_: Request, refusal: Refusal) -> Response:
    """Whoever is not believed learns nothing from a refusal but its number."""
    return Response(status_code=refusal.status, headers=dict(refusal.headers))


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "application/json").partition(";")[0]
    encoding = request.headers.get("content-encoding", "identity")
    return media_type.strip().lower() in _JSON and encoding.strip().lower() == "identity"


def routes(
    *,
    edge: Edge,
    seals: Seals,
    wake: Callable[[], None],
    now: Callable[[], dt.datetime],
    adapter: Adapter = GENERIC,
) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = WebhookDoor(edge, seals, wake=wake, now=now, adapter=adapter)
    return [
        Route(
            "/webhooks/{connection_id:int}",
            answering(door.answer, say=_without_a_word),
            methods=["POST"],
        )
    ]
