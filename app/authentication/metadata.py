"""What an issuer publishes about itself (OpenID Connect Discovery 1.0, RFC 8414)."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from app.authentication.outside import RETRIED_AFTER, IssuerSilent, Outside, Single


class Metadata:
    """An issuer's own description, read at the first need and kept until it is forgotten."""

    def __init__(
        self, issuer: str, outside: Outside, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._outside = outside
        self._clock = clock
        self._found: dict[str, Any] | None = None
        self._fault: IssuerSilent | None = None
        self._failed_at = 0.0
        self._discover = Single(self._read)

    async def address(self, name: str) -> str:
        """The address the issuer publishes under a name, such as jwks_uri. Raises IssuerSilent."""
        found = self._found or await self._asked()
        address = found.get(name)
        if not isinstance(address, str):
            raise IssuerSilent(f"{self._issuer} publishes no {name}")
        return address

    def forget(self) -> None:
        """Read it again at the next need: an address it gave is no longer good."""
        self._found = None

    async def _asked(self) -> dict[str, Any]:
        if self._fault is not None and self._clock() < self._failed_at + RETRIED_AFTER:
            raise self._fault
        return await self._discover()

    async def _read(self) -> dict[str, Any]:
        try:
            self._found = await self._look()
        except IssuerSilent as fault:
            self._fault, self._failed_at = fault, self._clock()
            raise
        self._fault = None
        return self._found

    async def _look(self) -> dict[str, Any]:
        fault: IssuerSilent | None = None
        for address in places(self._issuer):
            try:
                document = (await self._outside.get(address)).document
            except IssuerSilent as silent:
                fault = fault or silent
                continue
            if document.get("issuer") != self._issuer:
                raise IssuerSilent(f"{address} does not describe exactly {self._issuer}")
            return document
        raise fault or IssuerSilent(f"{self._issuer} cannot be discovered")


def places(issuer: str) -> tuple[str, str]:
    """Where an issuer's description may be: as OpenID Connect puts it, and as OAuth 2.0 does."""
    parts = urlsplit(issuer)
    host, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return (
        f"{host}{path}/.well-known/openid-configuration",
        f"{host}/.well-known/oauth-authorization-server{path}",
    )
