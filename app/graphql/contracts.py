"""What the doors ask of the application, and what they tell it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Door = Literal["http", "sse", "websocket"]


class Unauthenticated(Exception):
    """Nobody known: answered 401 over HTTP, closed 4401 over a socket."""


class Forbidden(Exception):
    """Known, but not let in (deactivated, suspended): answered 403, closed 4403."""


class Authenticated(Protocol):
    """Whoever `authenticate` recognised; otherwise opaque to the doors."""

    @property
    def expires_at(self) -> datetime | None:
        """When streams of this person must end; aware, or None for never."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Who knocks, without secrets: `headers` are lower-case and lack authorization and cookie.

    `connection_params` is the payload of connection_init (sockets only), without its token.
    """

    request_id: str
    door: Door
    client: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    connection_params: Mapping[str, object] = field(default_factory=dict)


class Authenticate(Protocol):
    """Turn a bearer token (without the word Bearer; None when absent) into a person.

    Raises Unauthenticated, Forbidden, or RequestRefused with a status of its own; any other
    exception is an incident of ours.
    """

    async def __call__(
        self, credentials: str | None, /, *, request_info: RequestInfo
    ) -> Authenticated: ...


Lapse = Callable[[Any], Awaitable[None] | None]
"""`lapse(authenticated)`: what ends when the person's access does, although no operation would
notice; the door then closes the stream. None where there is nothing to wait for."""

OpenContext = Callable[..., AbstractAsyncContextManager[object]]
"""`context(authenticated, *, request_id, client, resume_after)`: entered once per operation, its
value is what resolvers see as `info.context`, left when the answer or the stream is over.
`authenticated` is None for somebody without a good token, who asks what is open to all."""

Present = Callable[[Exception], tuple[str, Mapping[str, object]] | None]
"""Message and GraphQL extensions (with `code`) of an exception meant for the caller, or None."""


def never_lapses(_: object) -> None:
    """Nobody's access ends unnoticed."""


def shows_nothing(_error: Exception) -> None:
    """Present no exception: whatever a resolver raises is an incident."""
