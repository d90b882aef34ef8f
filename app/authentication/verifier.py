"""Whether a JWT is what it claims to be: the one path for every issuer, the local one included.

Nothing a token says about itself decides how it is checked: the issuer is one of a configured
list, by exact string; the algorithm is one of the issuer's; the key is one the issuer published.
What a token carries or points to (jku, x5u, jwk) is refused, never followed.
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from app.authentication.algorithms import ALGORITHMS
from app.authentication.matching import Claims, People
from app.graphql.requests import NotJson, strict_json

TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})
NEVER_FOLLOWED: Final = frozenset({"jku", "x5u", "jwk", "crit", "b64"})
LONGEST_TOKEN: Final = 16_384
LONGEST_HEADER: Final = 4_096
LONGEST_SUBJECT: Final = 255
LEEWAY: Final = 60
LONGEST_LIFE: Final = 24 * 60 * 60
"""Seconds between `iat` and `exp`, beyond which a token is refused although it is signed."""

LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999."""

_COMPACT: Final = re.compile(rb"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_KEY_ID: Final = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


class NotAccepted(Exception):
    """A token is refused. The message is for the operator's log, never for who presented it."""


class KeySource(Protocol):
    """The public keys of one issuer."""

    def key(self, key_id: str, algorithm: str) -> Awaitable[Key | None]:
        """The key of this name for this algorithm, None when the issuer has none; never read from
        the token. Raises IssuerSilent when nobody can say."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token speaks for: a member of one workspace."""

    workspace_id: int
    member_id: int


@dataclass(frozen=True, slots=True)
class Issuer:
    """Someone whose word is taken. `subject` reads the member out of verified claims, where the
    issuer knows members; of others, `people` says how the member is found."""

    name: str
    audience: str
    keys: KeySource
    subject: Callable[[Claims], Subject | None] | None = None
    people: People | None = None
    algorithms: frozenset[str] = ALGORITHMS


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that holds: who says so, of whom, and until when (None: as long as the issuer says).

    `subject` is what the issuer calls the person; `member` is set by issuers that know members,
    `people` by all others.
    """

    issuer: str
    subject: str
    expires_at: datetime | None
    claims: Claims
    member: Subject | None = None
    people: People | None = None


class Verifier:
    """Checks tokens of the configured issuers. `clock` gives seconds since 1970."""

    def __init__(self, issuers: Iterable[Issuer], clock: Callable[[], float] = time.time) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._clock = clock

    async def verify(self, token: str) -> Verified:
        """Raises NotAccepted."""
        header, payload = _open(token)
        algorithm, key_id = _read_header(header)
        issuer = self._issuer(payload)
        if algorithm not in issuer.algorithms:
            raise NotAccepted(f"the algorithm {_short(algorithm)} is not one of the issuer's")
        key = await issuer.keys.key(key_id, algorithm)
        if key is None:
            raise NotAccepted("the issuer has no key of this name")
        _check_signature(token, key)
        self._check_claims(payload, issuer)
        member = issuer.subject(payload) if issuer.subject else None
        if issuer.subject and member is None:
            raise NotAccepted("sub names nobody the issuer could speak for")
        expires_at = datetime.fromtimestamp(_time(payload, "exp"), UTC)
        subject = str(payload["sub"])
        return Verified(issuer.name, subject, expires_at, payload, member, issuer.people)

    def _issuer(self, payload: Claims) -> Issuer:
        name = payload.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise NotAccepted(f"iss {_short(name)} is not a configured issuer")
        return issuer

    def _check_claims(self, payload: Claims, issuer: Issuer) -> None:
        now = int(self._clock())
        audience = payload.get("aud")
        if audience in ("", []):
            raise NotAccepted(
                f"aud is empty; configure the issuer to issue tokens for {issuer.audience}"
            )
        registry = JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer.name},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            aud={"essential": True, "value": issuer.audience},
        )
        try:
            registry.validate(dict(payload))
        except JoseError as fault:
            raise NotAccepted(f"{fault.error}: {fault.description or fault}") from None
        life = _time(payload, "exp") - _time(payload, "iat")
        if not 0 < life <= LONGEST_LIFE:
            raise NotAccepted(
                f"it lives {life} seconds, from iat to exp; {LONGEST_LIFE} are the limit"
            )
        if len(str(payload["sub"])) > LONGEST_SUBJECT:
            raise NotAccepted(f"sub is longer than {LONGEST_SUBJECT} characters")
        refuse_other_uses(payload)


def refuse_other_uses(payload: Claims) -> None:
    """Raise NotAccepted for what tells who signed in, or is bound to a key, and so is no bearer
    token for us, although its issuer signed it."""
    for claim, values in _OTHER_USES.items():
        if claim in payload and (not values or payload[claim] in values):
            raise NotAccepted(f"{claim} says it is no bearer access token")


_OTHER_USES: Final[Mapping[str, tuple[object, ...]]] = {
    "at_hash": (),
    "c_hash": (),
    "cnf": (),
    "events": (),
    "typ": ("ID", "Refresh", "Logout"),
    "token_use": ("id",),
}
"""Claims of ID tokens, of tokens for one key (DPoP, mTLS) and of events; no values: any value."""


class _Registry(jws.JWSRegistry):
    """joserfc's rules with our sizes; only asymmetric algorithms exist here.

    Headers that are registered nowhere are let be, as RFC 7515 asks: the dangerous ones were
    refused before.
    """

    max_header_length = LONGEST_HEADER
    max_payload_length = LONGEST_TOKEN

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> JWSAlgModel:
        if name not in ALGORITHMS:
            raise NotAccepted(f"the algorithm {_short(name)} is not allowed")
        return self.algorithms[name]


_REGISTRY: Final = _Registry()


def _open(token: str) -> tuple[Claims, Claims]:
    """Header and payload as strict JSON objects, not believed yet."""
    if len(token) > LONGEST_TOKEN:
        raise NotAccepted(f"it is {len(token)} characters long; {LONGEST_TOKEN} are the limit")
    if not token.isascii() or not _COMPACT.fullmatch(token.encode()):
        raise NotAccepted("it is not three parts of base64url")
    header, payload, _ = token.encode().split(b".")
    if len(header) * 3 // 4 > LONGEST_HEADER:
        raise NotAccepted(f"its header is larger than {LONGEST_HEADER} bytes")
    return _json_object(header, "header"), _json_object(payload, "payload")


def _json_object(encoded: bytes, part: str) -> Claims:
    try:
        parsed = strict_json(urlsafe_b64decode(encoded))
    except NotJson as fault:
        raise NotAccepted(f"its {part} is not strict JSON: {fault}") from None
    except ValueError:
        raise NotAccepted(f"its {part} is not base64url") from None
    if not isinstance(parsed, dict):
        raise NotAccepted(f"its {part} is not a JSON object")
    return parsed


def _read_header(header: Claims) -> tuple[str, str]:
    """(algorithm, key id)."""
    followed = NEVER_FOLLOWED & header.keys()
    if followed:
        raise NotAccepted(f"its header carries {', '.join(sorted(followed))}")
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise NotAccepted(f"the algorithm {_short(algorithm)} is not allowed")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise NotAccepted(f"typ {_short(kind)} is neither at+jwt nor JWT")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise NotAccepted(f"kid {_short(key_id)} is not the name of a key")
    return algorithm, key_id


def _check_signature(token: str, key: Key) -> None:
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except JoseError as fault:
        raise NotAccepted(f"{fault.error}: {fault.description or fault}") from None


def _time(payload: Claims, claim: str) -> float:
    """A time that the claims registry has accepted, as far as the calendar goes."""
    value = payload[claim]
    if not isinstance(value, int | float) or abs(value) > LAST_SECOND:
        raise NotAccepted(f"{claim} is no time of this calendar")
    return value


def _short(value: object) -> str:
    """Attackers choose what stands here, and logs are read by people."""
    text = repr(value) if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:60]}…"
