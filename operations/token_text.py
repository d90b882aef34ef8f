"""What a token of our own looks like.

    lmsc_<kind>_<id>_<secret><checksum>

`kind` is pat, svc or scim; `id` is 12 letters and digits, stored in clear and shown in lists and
logs; `secret` is 43 letters and digits (256 bits), of which only the SHA-256 is stored, which is
enough for a secret that nobody chose; `checksum` is the CRC-32 of all before it as 6 letters and
digits, so that a truncated or mistyped token costs no query and scanners can tell a real one.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

from models.identity import TokenKind

DIGITS: Final = string.digits + string.ascii_letters
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6

_PREFIXES: Final = {TokenKind.PAT: "pat", TokenKind.SERVICE: "svc", TokenKind.SCIM: "scim"}
_KINDS: Final = {prefix: kind for kind, prefix in _PREFIXES.items()}
_SHAPE: Final = re.compile(
    rf"lmsc_(?P<kind>pat|svc|scim)_(?P<id>[0-9A-Za-z]{{{ID_LENGTH}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{SECRET_LENGTH}}})(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Presented:
    """A text of the right form, not believed yet."""

    kind: TokenKind
    id: str
    digest: bytes
    checksum_holds: bool


def new(kind: TokenKind) -> tuple[str, bytes, str]:
    """(id, digest of the secret, text)."""
    id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    body = f"lmsc_{_PREFIXES[kind]}_{id}_{secret}"
    return id, _digest(secret), body + checksum(body)


def read(presented: str) -> Presented | None:
    """The parts of a text; None when it does not have the form of a token."""
    parts = _SHAPE.fullmatch(presented)
    if parts is None:
        return None
    return Presented(
        kind=_KINDS[parts["kind"]],
        id=parts["id"],
        digest=_digest(parts["secret"]),
        checksum_holds=hmac.compare_digest(
            checksum(presented[:-CHECKSUM_LENGTH]), parts["checksum"]
        ),
    )


def checksum(body: str) -> str:
    """The CRC-32 of the text, in base 62, most significant digit first."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


def _random(length: int) -> str:
    return "".join(secrets.choice(DIGITS) for _ in range(length))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
