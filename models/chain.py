"""The journal's hash chain, computed here from what is stored, beside the database's own account.

`models.journal.APPEND` makes digests and hashes inside PostgreSQL. This is the second entry: the
same text from the stored values, written down once more, so that neither can drift unnoticed. It
reads JSON documents as the text PostgreSQL shows for them.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, Final

NOTHING_BEFORE: Final = bytes(32)
"""What the first entry of a workspace is chained to."""


def _moment(value: dt.datetime) -> str:
    in_utc = value.astimezone(dt.UTC).replace(tzinfo=None)
    return f'"{in_utc.isoformat(timespec="microseconds")}Z"'


def _quoted(value: object) -> str:
    return f'"{value}"'


FIELDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "workspace_id": str,
    "seq": str,
    "at": _moment,
    "verb": encode_basestring,
    "origin": encode_basestring,
    "client": encode_basestring,
    "by_member_id": str,
    "by_connection_id": str,
    "by_name": encode_basestring,
    "cause": _quoted,
    "department_id": str,
    "course_id": str,
    "segment_id": str,
    "member_id": str,
    "change_set_id": str,
    "before": str,
    "after": str,
    "detail": str,
    "reason": encode_basestring,
    "salt": _quoted,
}
"""What an entry's text says, in this order, and how."""

ERASABLE: Final = ("client", "by_name", "before", "after", "detail", "reason", "salt")
"""What a redaction empties: whatever may say something about a person, and the salt."""

_KEYED: Final = tuple((name, f'"{name}" : ', say) for name, say in FIELDS.items())


def canonical(entry: Mapping[str, Any]) -> str:
    """The text whose digest an entry has: `entry` maps every name in FIELDS to its value."""
    said = [
        key + ("null" if (value := entry[name]) is None else say(value))
        for name, key, say in _KEYED
    ]
    return "{" + ", ".join(said) + "}"


def digest_of(text: str) -> bytes:
    """What an entry with this text puts into the chain."""
    return sha256(text.encode()).digest()


def link(before: bytes, digest: bytes) -> bytes:
    """The hash of an entry: of the hash before it, and of its digest."""
    return sha256(before + digest).digest()
