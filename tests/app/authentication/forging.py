"""Tokens as issuers and forgers make them: by joserfc, and by hand where joserfc would not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, KeyParameters, OKPKey, RSAKey

from app.authentication.algorithms import ALGORITHMS
from app.authentication.verifier import Issuer, Subject

NOW = 1_772_442_000
ISSUER = "https://id.example.com"
AUDIENCE = "urn:lms-coordinator:api"

Keys = dict[str, Key]


class _Signing(jws.JWSRegistry):
    """Signs whatever is asked for, with any algorithm and any header."""

    max_header_length = 1_000_000

    def __init__(self) -> None:
        super().__init__(strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]

    def check_header(self, header: Any) -> None:
        return None


def b64(value: bytes | str | Mapping[str, object]) -> str:
    """base64url without padding; mappings as JSON."""
    if isinstance(value, Mapping):
        value = json.dumps(value)
    data = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes: object) -> dict[str, object]:
    """Claims that hold at NOW, with changes; `...` leaves a claim out."""
    made = {
        "iss": ISSUER,
        "sub": "1:7",
        "aud": AUDIENCE,
        "iat": NOW - 10,
        "exp": NOW + 600,
        "jti": "a",
    } | changes
    return {name: value for name, value in made.items() if value is not ...}


@dataclass
class Mint:
    """An issuer's private keys by name, what its tokens say, and what can be done with them."""

    keys: Keys = field(default_factory=dict)
    base: Mapping[str, object] = field(default_factory=dict)
    given: str | None = None

    @property
    def honest(self) -> str:
        """A token the issuer really gave; else one like it."""
        return self.given or self.sign()

    def claims(self, **changes: object) -> dict[str, object]:
        """What the issuer says, with changes; `...` leaves a claim out."""
        made = {**self.base, **changes}
        return {name: value for name, value in made.items() if value is not ...}

    def sign(
        self,
        payload: Mapping[str, object] | str | None = None,
        *,
        key: Key | None = None,
        **header: object,
    ) -> str:
        """A signed token; header values `...` are left out."""
        wanted = {"alg": "ES256", "typ": "at+jwt", "kid": "ec"} | header
        shown = {name: value for name, value in wanted.items() if value is not ...}
        body = payload if payload is not None else self.claims()
        return jws.serialize_compact(
            shown,
            body if isinstance(body, str) else json.dumps(body),
            key or self.keys["ec"],
            registry=_Signing(),
        )

    def by_hand(
        self, header: str | Mapping[str, object], payload: str | Mapping[str, object]
    ) -> str:
        """Header and payload exactly as written, with a signature by the EC key that holds."""
        signed = f"{b64(header)}.{b64(payload)}"
        signature = jws.JWSRegistry.algorithms["ES256"].sign(signed.encode(), self.keys["ec"])
        return f"{signed}.{b64(signature)}"

    def public(self, name: str) -> Key:
        """A key as its issuer publishes it."""
        key = self.keys[name]
        return type(key).import_key(key.as_dict(private=False))


def hmac_signed(header: Mapping[str, object], payload: Mapping[str, object], secret: bytes) -> str:
    """An HS256 token under whatever the forger knows."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def new_mint() -> Mint:
    """Fresh keys: ec (P-256), ec384, rsa, okp."""
    return Mint(
        {
            "ec": ECKey.generate_key("P-256"),
            "ec384": ECKey.generate_key("P-384"),
            "rsa": RSAKey.generate_key(2048),
            "okp": OKPKey.generate_key("Ed25519"),
        },
        claims(),
    )


def provider_mint() -> Mint:
    """Keys as a provider publishes them: by the names that forgeries use, the RSA key for any
    algorithm, the others for one."""
    said = {
        name: KeyParameters(kid=name, use="sig", alg=algorithm)
        for name, algorithm in {"ec": "ES256", "ec384": "ES384", "okp": "EdDSA"}.items()
    }
    return Mint(
        {
            "ec": ECKey.generate_key("P-256", said["ec"]),
            "rsa": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
            "okp": OKPKey.generate_key("Ed25519", said["okp"]),
            "ec384": ECKey.generate_key("P-384", said["ec384"]),
        }
    )


@dataclass
class Published:
    """A key source that remembers which names it was asked for."""

    keys: Keys
    asked: list[str] = field(default_factory=list)

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        self.asked.append(key_id)
        return self.keys.get(key_id)


def member_seven(found: Mapping[str, object]) -> Subject | None:
    return Subject(1, 7) if found["sub"] == "1:7" else None


def issuer(
    mint: Mint, *, name: str = ISSUER, algorithms: frozenset[str] = ALGORITHMS
) -> tuple[Issuer, Published]:
    """An issuer that publishes the mint's keys."""
    published = Published({name: mint.public(name) for name in mint.keys})
    trusted = Issuer(name, AUDIENCE, published, member_seven, algorithms=algorithms)
    return trusted, published
