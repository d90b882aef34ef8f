"""The secrets of one installation, and the only two things done with them: sealing and signing.

A key ring holds named 32-byte keys; the first is used for new work, the others still open and
verify what was made before, so keys can be rotated. Sealing keys (AES-256-GCM) and signing keys
(HMAC-SHA-256) are derived from them per purpose (HKDF-SHA-256), so a seal is never a signature.

The ring comes from COORDINATOR_KEYRING (`name:base64,name:base64`, newest first) or from a file
in the data directory which only its owner can read and which is made at the first start.
"""

import base64
import binascii
import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.embedded import CannotStart

FILE_NAME: Final = "keyring"
KEY_BYTES: Final = 32
FEWEST_BYTES: Final = 16
"""A key made of fewer different bytes is a pattern (zeros, `change-me`), not chance."""

_LONGEST_NAME: Final = 32
_NONCE_BYTES: Final = 12
_SEALING: Final = "sealing"
_WAY_OUT: Final = f"make one with `openssl rand -base64 {KEY_BYTES}`"


class CannotOpen(Exception):
    """A sealed value was sealed under a key this ring does not hold, or was tampered with."""


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Named keys, newest first."""

    keys: Mapping[str, bytes]

    @property
    def newest(self) -> str:
        """The name of the key that new seals and signatures are made with."""
        return next(iter(self.keys))

    def seal(self, secret: bytes, *, context: str) -> tuple[bytes, str]:
        """(sealed, key name). Only the same `context` opens it: a seal cannot change its place."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = AESGCM(self._derive(self.newest, _SEALING))
        return nonce + cipher.encrypt(nonce, secret, context.encode()), self.newest

    def open(self, sealed: bytes, key_name: str, *, context: str) -> bytes:
        """What was sealed; raises CannotOpen."""
        if key_name not in self.keys:
            held = ", ".join(self.keys)
            raise CannotOpen(f"The key {key_name!r} is not on the key ring, which holds: {held}.")
        cipher = AESGCM(self._derive(key_name, _SEALING))
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise CannotOpen(
                f"The seal under the key {key_name!r} does not hold for {context!r}."
            ) from None

    def signing_keys(self, purpose: str) -> tuple[bytes, ...]:
        """HMAC keys for one purpose: sign with the first, accept all of them."""
        return tuple(self._derive(name, f"signing {purpose}") for name in self.keys)

    def _derive(self, name: str, purpose: str) -> bytes:
        info = f"lms-coordinator {purpose}".encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(self.keys[name])


def read_keyring(text: str) -> Keyring:
    """A ring written as `name:base64,name:base64`, newest first; raises CannotStart."""
    keys: dict[str, bytes] = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = each.partition(":")
        if not (name.isascii() and name.isalnum()) or len(name) > _LONGEST_NAME or name in keys:
            raise CannotStart(
                "Every key on the key ring needs a name of its own, 1 to "
                f"{_LONGEST_NAME} letters and digits: name:base64,name:base64."
            )
        keys[name] = _key(name, encoded)
        if list(keys.values()).count(keys[name]) > 1:
            raise CannotStart(
                f"The key {name!r} on the key ring is there twice, under two names, so nothing was "
                f"rotated; {_WAY_OUT}."
            )
    if not keys:
        raise CannotStart(f"The key ring is empty; write it as name:base64, and {_WAY_OUT}.")
    return Keyring(keys)


def _key(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise CannotStart(
            f"The key {name!r} on the key ring is {len(key)} bytes of base64 and must be "
            f"{KEY_BYTES}; {_WAY_OUT}."
        )
    different = len(set(key))
    if different < FEWEST_BYTES:
        raise CannotStart(
            f"The key {name!r} on the key ring is not random: it is made of {different} different "
            f"bytes; {_WAY_OUT}."
        )
    return key


def keyring_in(data_directory: Path) -> Keyring:
    """The ring in a data directory, made at the first call; raises CannotStart."""
    text = secret_file(data_directory / FILE_NAME, _new_ring)
    return read_keyring(text.decode(errors="replace"))


def _new_ring() -> bytes:
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"k1:{key}\n".encode()


def secret_file(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a file only its owner can read, made when it is missing.

    Several processes may ask at once: one of them makes it, all read the same. Raises CannotStart
    when the file is open to others or cannot be used.
    """
    try:
        if not path.exists():
            _make(path, make())
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as refusal:
        raise CannotStart(f"The secret file {path} cannot be used: {refusal.strerror}.") from None
    if mode & 0o077:
        raise CannotStart(
            f"The secret file {path} is open to others (mode {mode:04o}); "
            f"close it with `chmod 600 {path}`, and replace it if they may have read it."
        )
    return content


def _make(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(content)
            writing.flush()
            os.fsync(writing.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(unfinished)
    finally:
        Path(unfinished).unlink()
