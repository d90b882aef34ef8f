"""Whether a delivery is signed as the Standard Webhooks specification says (1.0.0).

Over `id.timestamp.body`, HMAC-SHA-256 (`v1`, secret `whsec_…`) or ed25519 (`v1a`, public key
`whpk_…`). Everything is checked on the raw bytes, before anything of the body is looked at; every
cause of refusal is the same to the sender.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE: Final = dt.timedelta(minutes=5)
SIGNATURES: Final = 16
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")

_ID: Final = re.compile(r"[!-\-/-~]{1,128}", re.ASCII)
"""Visible ASCII, but no dot: with one, `id.timestamp.body` could be cut in two ways."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_SHARED: Final = "whsec_"
_PUBLIC: Final = "whpk_"
_SECRET_BYTES: Final = range(24, 65)


class NotSigned(Exception):
    """The delivery is not to be believed. The message is for the log, never for the sender."""


def verified_id(
    headers: Mapping[str, Sequence[str]], raw: bytes, secrets: Iterable[str], at: dt.datetime
) -> str:
    """The delivery's id, once one of the secrets has proved it. Raises NotSigned.

    `headers` are all values by lower-case name.
    """
    id, timestamp, signature = (_only(headers, name) for name in HEADERS)
    if _ID.fullmatch(id) is None:
        raise NotSigned("webhook-id is not 1 to 128 visible characters without a dot")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise NotSigned("webhook-timestamp is not a number of seconds")
    if abs(int(timestamp) - at.timestamp()) > TOLERANCE.total_seconds():
        raise NotSigned(f"webhook-timestamp {timestamp} is not within {TOLERANCE} of now")
    given = signature.split(" ")
    if len(given) > SIGNATURES:
        raise NotSigned(f"{len(given)} signatures; at most {SIGNATURES} are looked at")
    signed = f"{id}.{timestamp}.".encode() + raw
    if not any(_is_good(secret, signed, given) for secret in secrets):
        raise NotSigned("no signature matches a live secret")
    return id


def _only(headers: Mapping[str, Sequence[str]], name: str) -> str:
    values = headers.get(name, ())
    if len(values) != 1:
        raise NotSigned(f"{name} is there {len(values)} times")
    return values[0]


def _is_good(secret: str, signed: bytes, given: Iterable[str]) -> bool:
    if secret.startswith(_PUBLIC):
        return _is_signed_by(_decoded(secret.removeprefix(_PUBLIC)), signed, given)
    key = _decoded(secret.removeprefix(_SHARED))
    if len(key) not in _SECRET_BYTES:
        return False
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    wanted = b"v1," + base64.b64encode(digest)
    return any(hmac.compare_digest(wanted, each.encode("utf-8", "replace")) for each in given)


def _is_signed_by(key: bytes, signed: bytes, given: Iterable[str]) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(key)
    except ValueError:
        return False
    for each in given:
        version, _, encoded = each.partition(",")
        if version != "v1a":
            continue
        try:
            public.verify(_decoded(encoded), signed)
        except InvalidSignature:
            continue
        return True
    return False


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
