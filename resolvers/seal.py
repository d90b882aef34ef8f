"""Opaque texts only we can make: cursors that clients hand back and cannot forge.

A sealed text is base64url of MAC ‖ JSON, where MAC is the first 16 bytes of HMAC-SHA256 over
kind ‖ 0 ‖ JSON: a text made for one kind is not accepted as another.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NewType

from operations.refusals import Code, Refused

MAC_BYTES: Final = 16
LONGEST: Final = 2_000
POSITION: Final = "position"

Cursor = NewType("Cursor", str)
"""A place in a workspace's journal; opaque. See `after:` and `atLeast:`."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one workspace's journal: everything up to and including `seq` (U2).

    `epoch` tells whether that history is still this database's history. `within` is a place
    inside entry `seq` + 1, for one stream: its name, and how many events of that entry it told.
    """

    epoch: uuid.UUID
    workspace_id: int
    seq: int
    within: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """Makes and reads sealed texts under one key."""

    key: bytes

    def close(self, kind: str, values: Sequence[Any]) -> str:
        """A sealed text of values that are JSON-safe, or moments."""
        body = json.dumps(list(values), separators=(",", ":"), default=_moment).encode()
        return base64.urlsafe_b64encode(self._mac(kind, body) + body).rstrip(b"=").decode()

    def open(self, kind: str, sealed: str) -> list[Any]:
        """The values of a sealed text; raises Refused(BAD_USER_INPUT) for anything not ours."""
        try:
            raw = base64.b64decode(_padded(sealed), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _not_ours(kind) from None
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(kind, body)):
            raise _not_ours(kind)
        values: list[Any] = json.loads(body, object_hook=_read_moment)
        return values

    def position(self, position: Position) -> Cursor:
        """The cursor of a place in a journal."""
        within = position.within or ()
        values = [position.epoch.hex, position.workspace_id, position.seq, *within]
        return Cursor(self.close(POSITION, values))

    def read_position(self, cursor: str) -> Position:
        """The place a cursor speaks of; raises Refused(BAD_USER_INPUT)."""
        epoch, workspace_id, seq, *within = self.open(POSITION, cursor)
        return Position(
            uuid.UUID(epoch), workspace_id, seq, (within[0], within[1]) if within else None
        )

    def _mac(self, kind: str, body: bytes) -> bytes:
        message = kind.encode() + b"\0" + body
        return hmac.new(self.key, message, hashlib.sha256).digest()[:MAC_BYTES]


def _moment(value: object) -> dict[str, str]:
    if isinstance(value, dt.datetime):
        return {"at": value.isoformat()}
    raise TypeError(f"A cursor cannot hold a {type(value).__name__}.")


def _read_moment(said: dict[str, str]) -> dt.datetime:
    return dt.datetime.fromisoformat(said["at"])


def _padded(sealed: str) -> bytes:
    if len(sealed) > LONGEST:
        raise ValueError("too long to be ours")
    return sealed.encode("ascii", errors="strict") + b"=" * (-len(sealed) % 4)


def _not_ours(kind: str) -> Refused:
    noun = "cursor" if kind == POSITION else "page cursor"
    return Refused(Code.BAD_USER_INPUT, f"This {noun} was not issued here; ask again without it.")
