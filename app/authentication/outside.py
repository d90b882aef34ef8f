"""Asking an issuer's server: over TLS, bounded in time and size, and never sent elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import httpx
import structlog

from app.authentication.addresses import is_safe
from app.graphql.requests import NotJson, strict_json

T = TypeVar("T")

LARGEST_ANSWER: Final = 256 * 1024
SECONDS: Final = 5.0
RETRIED_AFTER: Final = 5.0
"""Seconds for which a server that was silent is not asked again, while nothing it said is held."""

_ACCEPTED: Final = {"accept": "application/json", "accept-encoding": "identity"}


log = structlog.get_logger("app.authentication")


class IssuerSilent(Exception):
    """The server of an issuer does not answer, or not with what was asked for: nothing can be said
    about a token. The message is for the operator's log."""


class Silence:
    """Whether an issuer answers about one thing: it is logged once that it does not (`fault`), and
    once that it does again."""

    def __init__(self, issuer: str, about: str) -> None:
        self.fault: IssuerSilent | None = None
        self._issuer = issuer
        self._about = about

    def begins(self, fault: IssuerSilent, **facts: object) -> None:
        """The issuer did not answer."""
        if self.fault is None:
            log.error(
                "issuer.silent", issuer=self._issuer, about=self._about, reason=str(fault), **facts
            )
        self.fault = fault

    def ends(self) -> None:
        """The issuer has answered."""
        if self.fault is not None:
            log.info("issuer.speaks_again", issuer=self._issuer, about=self._about)
        self.fault = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a server answered with status 200."""

    document: dict[str, Any]
    headers: Mapping[str, str]


class Outside:
    """Connections to the servers of issuers, opened when they are first needed."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def get(self, address: str) -> Told:
        """The JSON object at an address. Raises IssuerSilent."""
        return await self._ask("GET", address)

    async def post(
        self, address: str, form: Mapping[str, str], credentials: tuple[str, str]
    ) -> Told:
        """The JSON object that answers a form, with HTTP Basic credentials. Raises IssuerSilent."""
        return await self._ask("POST", address, data=dict(form), auth=credentials)

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _ask(self, method: str, address: str, **given: Any) -> Told:
        if not is_safe(address):
            raise IssuerSilent(f"{address} is not https, and not on this machine")
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._opened().stream(method, address, headers=_ACCEPTED, **given) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise IssuerSilent(f"{address} answers {response.status_code}")
                return Told(_read(address, await _body(address, response)), response.headers)
        except TimeoutError:
            raise IssuerSilent(f"{address} does not answer within {SECONDS:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            said = str(fault) or type(fault).__name__
            raise IssuerSilent(f"{address} cannot be asked: {said}") from None

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=SECONDS,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=20, max_keepalive_connections=5),
            )
        return self._client


class Single(Generic[T]):
    """A piece of work that is done once for all who want it at the same time. Whoever stops
    waiting does not stop it for the others."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._running: asyncio.Task[T] | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None

    async def __call__(self) -> T:
        if self._running is None:
            self._running = asyncio.create_task(self._do())
            self._running.add_done_callback(self._done)
        return await asyncio.shield(self._running)

    async def _do(self) -> T:
        return await self._work()

    def _done(self, task: asyncio.Task[T]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()


async def _body(address: str, response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise IssuerSilent(f"{address} answers more than {LARGEST_ANSWER} bytes")
    return body


def _read(address: str, body: bytes) -> dict[str, Any]:
    try:
        found = strict_json(body)
    except NotJson as fault:
        raise IssuerSilent(f"{address} does not answer JSON: {fault}") from None
    if not isinstance(found, dict):
        raise IssuerSilent(f"{address} does not answer a JSON object")
    return found
