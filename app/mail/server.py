"""Which mail server to use, as one address says it.

smtp://user:password@mail.example.com:587     TLS after STARTTLS
smtps://user:password@mail.example.com        TLS from the first byte
smtp://localhost:25                           the machine itself: as it is
smtp://relay.internal:25?tls=never            in the clear, said aloud; never with a password
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from app.authentication.addresses import is_here

_PORTS: Final = {"smtp": 25, "smtps": 465}
_SUBMISSION: Final = 587


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes, as an address says it. `repr` shows no password."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls_at_once: bool
    starttls: bool

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def server_in(url: str) -> Server:
    """The server an address names. Raises ValueError, in a sentence without the password."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(
            "must be the address of a mail server, like smtp://user:password@mail.example.com:587"
            f" or smtps://mail.example.com; it begins with {parts.scheme or 'no scheme at all'}"
        )
    wanted = parse_qs(parts.query)
    if wanted not in ({}, {"tls": ["never"]}):
        raise ValueError("may end in ?tls=never and in nothing else")
    user = unquote(parts.username) if parts.username else None
    in_the_clear = bool(wanted) or (is_here(parts.hostname) and user is None)
    at_once = parts.scheme == "smtps"
    if in_the_clear and (user is not None or (at_once and wanted)):
        raise ValueError("says tls=never, and a password is never sent in the clear")
    default = _SUBMISSION if user is not None and not at_once else _PORTS[parts.scheme]
    return Server(
        host=parts.hostname,
        port=parts.port or default,
        user=user,
        password=unquote(parts.password or "") if user is not None else None,
        tls_at_once=at_once,
        starttls=not at_once and not in_the_clear,
    )
