"""Opaque tokens: their issuer is asked what they are (RFC 7662), and believed for half a minute."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from app.authentication.matching import Claims, People
from app.authentication.metadata import Metadata
from app.authentication.outside import RETRIED_AFTER, IssuerSilent, Outside, Silence, Single
from app.authentication.verifier import (
    LAST_SECOND,
    LEEWAY,
    LONGEST_SUBJECT,
    NotAccepted,
    Verified,
    refuse_other_uses,
)

BELIEVED_FOR: Final = 30.0
REFUSED_FOR: Final = 10.0
MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One issuer that answers what its tokens are, and how it is asked.

    `address` None is the one it publishes. `clients` are those whose tokens are taken when the
    issuer does not say for whom a token is.
    """

    issuer: str
    audience: str
    client_id: str
    client_secret: str = field(repr=False)
    people: People
    address: str | None = None
    clients: frozenset[str] = frozenset()


class Introspection:
    """Asks one issuer, at most twice a minute about each token."""

    def __init__(
        self,
        endpoint: Endpoint,
        outside: Outside,
        metadata: Metadata,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._outside = outside
        self._metadata = metadata
        self._clock = clock
        self._remembered: OrderedDict[bytes, tuple[float, Verified | str]] = OrderedDict()
        self._asking: dict[bytes, Single[Verified | str]] = {}
        self._silent_until = 0.0
        self._silence = Silence(endpoint.issuer, "introspection")

    def knows(self, token: str) -> bool:
        """Whether the issuer need not be asked about this token now."""
        return self._recall(_digest(token)) is not None

    async def verify(self, token: str) -> Verified:
        """What an active token is. Raises NotAccepted, and IssuerSilent."""
        digest = _digest(token)
        found = self._recall(digest)
        if found is None:
            if self._silence.fault is not None and self._clock() < self._silent_until:
                raise self._silence.fault
            single = self._asking.setdefault(digest, Single(lambda: self._look(token, digest)))
            found = await single()
        if isinstance(found, str):
            raise NotAccepted(found)
        return found

    def _recall(self, digest: bytes) -> Verified | str | None:
        until, found = self._remembered.get(digest, (0.0, None))
        return found if self._clock() < until else None

    async def _look(self, token: str, digest: bytes) -> Verified | str:
        try:
            found = await self._asked(token)
        finally:
            self._asking.pop(digest, None)
        now = self._clock()
        until = now + (REFUSED_FOR if isinstance(found, str) else BELIEVED_FOR)
        if isinstance(found, Verified) and found.expires_at is not None:
            until = min(until, found.expires_at.timestamp())
        self._remembered[digest] = (until, found)
        self._remembered.move_to_end(digest)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    async def _asked(self, token: str) -> Verified | str:
        endpoint = self._endpoint
        form = {"token": token, "token_type_hint": "access_token"}
        # RFC 6749, 2.3.1: what stands in the header is form-encoded first.
        credentials = quote(endpoint.client_id, safe=""), quote(endpoint.client_secret, safe="")
        try:
            address = endpoint.address or await self._metadata.address("introspection_endpoint")
            told = await self._outside.post(address, form, credentials)
        except IssuerSilent as fault:
            self._silent_until = self._clock() + RETRIED_AFTER
            self._silence.begins(fault)
            raise
        self._silence.ends()
        try:
            return read_answer(told.document, endpoint, self._clock())
        except NotAccepted as refusal:
            return str(refusal)


def read_answer(told: Mapping[str, object], endpoint: Endpoint, now: float) -> Verified:
    """What an introspection answer says. Raises NotAccepted."""
    if told.get("active") is not True:
        raise NotAccepted("its issuer says it is not active")
    if told.get("iss", endpoint.issuer) != endpoint.issuer:
        raise NotAccepted("its issuer says another one issued it")
    if str(told.get("token_type", "Bearer")).lower() not in ("bearer", "access_token"):
        raise NotAccepted("its issuer says it is no bearer token")
    refuse_other_uses(told)
    _check_audience(told, endpoint)
    expires_at = _check_times(told, now)
    subject = told.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotAccepted("its issuer says of nobody that it is theirs (sub)")
    return Verified(endpoint.issuer, subject, expires_at, told, people=endpoint.people)


def _check_audience(told: Claims, endpoint: Endpoint) -> None:
    audience = told.get("aud")
    if audience in (None, "", []):
        if told.get("client_id") in endpoint.clients:
            return
        raise NotAccepted(
            "its issuer does not say for whom it is (aud); configure the issuer to say "
            f"{endpoint.audience}, or list the client under introspection.clients"
        )
    named = audience if isinstance(audience, list) else [audience]
    if endpoint.audience not in named:
        raise NotAccepted(f"aud: it is not for {endpoint.audience}")


def _check_times(told: Claims, now: float) -> datetime | None:
    moments: dict[str, float] = {}
    for name in ("exp", "nbf", "iat"):
        value = told.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotAccepted(f"{name} is no time")
        if abs(value) > LAST_SECOND:
            raise NotAccepted(f"{name} is no time of this calendar")
        moments[name] = value
    if moments.get("exp", now + 1) <= now:
        raise NotAccepted("it has expired")
    if max(moments.get("nbf", 0), moments.get("iat", 0)) > now + LEEWAY:
        raise NotAccepted("it is not valid yet")
    return datetime.fromtimestamp(moments["exp"], UTC) if "exp" in moments else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
