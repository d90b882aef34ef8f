"""The issuer of a fresh machine: signs tokens for its members, and is verified like any other."""

import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key

from app.authentication.matching import Claims
from app.authentication.verifier import LONGEST_LIFE, Issuer, Subject
from app.embedded import CannotStart
from app.keyring import secret_file
from app.settings import Settings

NAME: Final = "urn:lms-coordinator:local"
AUDIENCE: Final = "urn:lms-coordinator:api"
"""The same at every address the product is reached by: its key alone says where a token is good."""

ALGORITHM: Final = "ES256"
FILE_NAME: Final = "issuer.jwk"
_LARGEST_ID: Final = 2**63 - 1


class LocalIssuer:
    """Holds the signing key. The key file is made at the first start, for its owner alone."""

    def __init__(self, key: ECKey) -> None:
        self._private = key
        self._public = ECKey.import_key(
            key.as_dict(private=False, kid=key.thumbprint(), use="sig", alg=ALGORITHM)
        )
        self._key_id = key.thumbprint()

    @classmethod
    def open(cls, data_directory: Path) -> "LocalIssuer":
        """The issuer whose key lies in this directory; raises CannotStart."""
        path = data_directory / FILE_NAME
        content = secret_file(path, _new_key)
        try:
            key = ECKey.import_key(json.loads(content))
            if not key.is_private or key.curve_name != "P-256":
                raise ValueError("not a private key on P-256")
        except (ValueError, KeyError, JoseError):
            raise CannotStart(
                f"The key file {path} does not hold a private P-256 key; remove it, and a new one "
                "is made (tokens of the old one end)."
            ) from None
        return cls(key)

    def mint(self, *, workspace_id: int, member_id: int, ttl: timedelta, at: datetime) -> str:
        """A token for a member; raises ValueError when it would live too long, or not at all."""
        seconds = int(ttl.total_seconds())
        if not 0 < seconds <= LONGEST_LIFE:
            raise ValueError(
                f"A token lives from 1 second to {LONGEST_LIFE // 3600} hours; "
                f"{seconds} seconds were asked for."
            )
        issued = int(at.timestamp())
        claims = {
            "iss": NAME,
            "sub": f"{workspace_id}:{member_id}",
            "aud": AUDIENCE,
            "client_id": "coordinator",
            "iat": issued,
            "exp": issued + seconds,
            "jti": secrets.token_hex(16),
        }
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._key_id}
        return jwt.encode(header, claims, self._private, algorithms=[ALGORITHM])

    def jwks(self) -> dict[str, list[dict[str, object]]]:
        """The published key set, without anything private."""
        return {"keys": [dict(self._public.as_dict(private=False))]}

    async def key(self, key_id: str, algorithm: str) -> Key | None:
        """The public key, when it is the one meant."""
        return self._public if (key_id, algorithm) == (self._key_id, ALGORITHM) else None

    def as_issuer(self) -> Issuer:
        """What the verifier needs to know of it."""
        return Issuer(NAME, AUDIENCE, self, subject=subject_of, algorithms=frozenset({ALGORITHM}))


def local_issuer(settings: Settings) -> LocalIssuer | None:
    """The local issuer, unless this installation does without: it goes away as soon as a real
    one is configured, and in production, except where COORDINATOR_LOCAL_ISSUER says otherwise."""
    return LocalIssuer.open(settings.data_dir) if settings.has_local_issuer else None


def why_not(settings: Settings) -> str:
    """Why there is no local issuer here, and what there is instead."""
    if settings.local_issuer is False:
        reason = "COORDINATOR_LOCAL_ISSUER turns it off"
    elif settings.issuers:
        names = ", ".join(each.issuer for each in settings.issuers)
        reason = f"people sign in at {names}, so tokens minted here are no longer taken"
    else:
        reason = "production has none by itself"
    return (
        f"There is no local issuer: {reason}. Sign in at an identity provider, make a token with "
        "`coordinator token create`, or set COORDINATOR_LOCAL_ISSUER=1."
    )


def subject_of(claims: Claims) -> Subject | None:
    """The member in a local token's `sub`, which is `<workspace_id>:<member_id>`."""
    workspace, _, member = str(claims["sub"]).partition(":")
    if not all(
        part.isascii() and part.isdigit() and len(part) < 20 for part in (workspace, member)
    ):
        return None
    subject = Subject(int(workspace), int(member))
    return subject if max(subject.workspace_id, subject.member_id) <= _LARGEST_ID else None


def _new_key() -> bytes:
    key = ECKey.generate_key("P-256", private=True)
    return json.dumps(key.as_dict(private=True)).encode()
