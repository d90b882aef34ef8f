"""The socket door: graphql-transport-ws and nothing else."""

from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from app.graphql.errors import RequestRefused
from app.graphql.frames import PROTOCOL, CloseCode
from app.graphql.reception import Reception, authorization_of, info_of, public_headers
from app.graphql.socket import Socket


class SocketDoor:
    """The ASGI application for `websocket` scopes."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        about = info_of(scope, "websocket")
        await receive()
        try:
            authorization = authorization_of(scope["headers"])
        except RequestRefused:
            await _turn_away(send, 400)
            return
        if not origin_is_allowed(scope, self._reception.settings.allowed_origins):
            await _turn_away(send, 403)
            return
        speaks = PROTOCOL in scope.get("subprotocols", [])
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL if speaks else None})
        if not speaks:
            code = CloseCode.NOT_OUR_PROTOCOL
            await send({"type": "websocket.close", "code": code, "reason": f"Speak {PROTOCOL}."})
            return
        await Socket(self._reception, about, authorization, receive, send).run()


def origin_is_allowed(scope: Scope, allowed: frozenset[str]) -> bool:
    """Pages of this host and of the allowed origins; programs, which send no Origin.

    A request with a cookie but no Origin is a browser that hides where it comes from.
    """
    headers = public_headers(scope["headers"])
    origin = headers.get("origin")
    if origin is None:
        return all(name != b"cookie" for name, _ in scope["headers"])
    if origin in allowed:
        return True
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""


async def _turn_away(send: Send, status: int) -> None:
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
