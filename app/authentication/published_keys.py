"""The public keys of an issuer elsewhere: fetched, kept, and fetched again when they may be old.

A token can make us ask the issuer for its keys at most once in half a minute. While the issuer
cannot be reached its last keys stay good for a day; it is never asked where its keys are by
anything but configuration and its own description of itself.
"""

import re
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from app.authentication.metadata import Metadata
from app.authentication.outside import RETRIED_AFTER, IssuerSilent, Outside, Silence, Single, Told

MOST_KEYS: Final = 50
FRESH_FOR: Final = 600.0
FRESH_AT_LEAST: Final = 300.0
FRESH_AT_MOST: Final = 86_400.0
KEPT_FOR: Final = 86_400.0
"""Seconds that keys stay good while the issuer cannot be asked for newer ones."""

ASKED_AGAIN_AFTER: Final = 30.0

_FEWEST_RSA_BITS: Final = 2048
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519", "Ed25519": "Ed25519"}

Keys = dict[str, list[Key]]


class PublishedKeys:
    """A key source. `state` is one word for the health page: ok, stale, unreachable, or unasked."""

    def __init__(
        self,
        issuer: str,
        algorithms: Collection[str],
        outside: Outside,
        metadata: Metadata,
        *,
        jwks_uri: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._algorithms = frozenset(algorithms)
        self._outside = outside
        self._metadata = metadata
        self._jwks_uri = jwks_uri
        self._clock = clock
        self._keys: Keys | None = None
        self._fetched_at = self._stale_at = 0.0
        self._not_before = float("-inf")
        self._silence = Silence(issuer, "keys")
        self._refresh = Single(self._try)

    @property
    def state(self) -> str:
        if self._silence.fault is None:
            return "ok" if self._keys is not None else "unasked"
        return "stale" if self._is_held() else "unreachable"

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """The one key of this name for this algorithm. Raises IssuerSilent when none are known."""
        found = self._find(key_id, algorithm)
        if found is not None and self._clock() < self._stale_at:
            return found
        await self.refresh()
        if not self._is_held():
            raise IssuerSilent(self._silence.fault or f"{self._issuer} has not been asked yet")
        return self._find(key_id, algorithm)

    async def refresh(self) -> None:
        """Ask the issuer, unless it has just been asked; what is wrong is logged, not raised."""
        if self._refresh.is_running or self._clock() >= self._not_before:
            await self._refresh()

    def _is_held(self) -> bool:
        return self._keys is not None and self._clock() < self._fetched_at + KEPT_FOR

    def _find(self, key_id: str, algorithm: str) -> Key | None:
        named = (self._keys or {}).get(key_id, ())
        fitting = [key for key in named if _fits(key, algorithm)]
        return fitting[0] if len(fitting) == 1 else None

    async def _try(self) -> None:
        now = self._clock()
        self._not_before = now + (ASKED_AGAIN_AFTER if self._keys is not None else RETRIED_AFTER)
        try:
            told = await self._fetch()
            keys = read_keys(told.document, self._algorithms)
        except IssuerSilent as fault:
            self._silence.begins(fault, has_keys=self._is_held())
            return
        self._keys, self._fetched_at = keys, now
        self._stale_at = now + _fresh_for(told.headers)
        self._not_before = now + ASKED_AGAIN_AFTER
        self._silence.ends()

    async def _fetch(self) -> Told:
        address = self._jwks_uri or await self._metadata.address("jwks_uri")
        try:
            return await self._outside.get(address)
        except IssuerSilent:
            self._metadata.forget()
            raise


def read_keys(document: Mapping[str, Any], algorithms: Collection[str]) -> Keys:
    """The usable keys of a JWK set, by name: public, for signatures, of an allowed algorithm.

    Raises IssuerSilent for what is no key set, or too large a one.
    """
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise IssuerSilent("what is published as keys is no JWK set")
    if len(listed) > MOST_KEYS:
        raise IssuerSilent(f"the key set has {len(listed)} keys; {MOST_KEYS} are the limit")
    found: Keys = {}
    for each in listed:
        key = _read_key(each, algorithms)
        if key is not None:
            found.setdefault(str(each["kid"]), []).append(key)
    return found


def _read_key(told: object, algorithms: Collection[str]) -> Key | None:
    if not isinstance(told, dict) or not _is_for_signatures(told, algorithms):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = import_key({name: told[name] for name in told if name not in _PRIVATE})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if any(_fits(key, algorithm) for algorithm in algorithms) else None


_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def _is_for_signatures(told: Mapping[str, Any], algorithms: Collection[str]) -> bool:
    operations = told.get("key_ops")
    return (
        isinstance(told.get("kid"), str)
        and told.get("kty") in ("RSA", "EC", "OKP")
        and told.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and ("alg" not in told or told["alg"] in algorithms)
    )


def _fits(key: Key, algorithm: str) -> bool:
    """Whether a key may verify this algorithm: its kind, its curve or size, and what it says."""
    said = key.get("alg")
    if said is not None and said != algorithm and {said, algorithm} != {"EdDSA", "Ed25519"}:
        return False
    if isinstance(key, RSAKey):
        return algorithm[:2] in ("RS", "PS") and _bits(key) >= _FEWEST_RSA_BITS
    return isinstance(key, ECKey | OKPKey) and key.curve_name == _CURVES.get(algorithm)


def _bits(key: RSAKey) -> int:
    return int.from_bytes(urlsafe_b64decode(str(key.get("n")).encode())).bit_length()


def _fresh_for(headers: Mapping[str, str]) -> float:
    said = _MAX_AGE.search(headers.get("cache-control", ""))
    wanted = float(said.group(1)) if said else FRESH_FOR
    return min(max(wanted, FRESH_AT_LEAST), FRESH_AT_MOST)
