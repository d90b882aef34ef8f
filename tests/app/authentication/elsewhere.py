"""An issuer's server on this machine that answers whatever a test wants, and counts what it was
asked, over real sockets. Its honest counterpart is npm's oidc-provider (tests/oidc.py)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from joserfc.jwk import Key

DISCOVERY = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
KEYS = "/keys"
INTROSPECTION = "/introspect"


@dataclass
class Page:
    """One answer."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Server:
    """What it answers, by path, and every request it had."""

    address: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def publish(self, *keys: Key, **changes: Any) -> None:
        """Describe itself, and these public keys."""
        self.pages[DISCOVERY] = Page(
            {
                "issuer": self.address,
                "jwks_uri": self.address + KEYS,
                "introspection_endpoint": self.address + INTROSPECTION,
            }
            | changes
        )
        self.show(*(key.as_dict(private=False) for key in keys))

    def show(self, *keys: Any, **headers: str) -> None:
        """A key set of exactly this."""
        self.pages[KEYS] = Page({"keys": list(keys)}, headers=headers)

    def tell(self, **claims: Any) -> None:
        """What introspection answers."""
        self.pages[INTROSPECTION] = Page(claims)

    def count(self, path: str) -> int:
        return self.asked.count(path)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = head[0].split(" ")[1]
            self.asked.append(path)
            self.forms.append(dict(parse_qsl(body.decode())))
            self.authorizations.append(headers.get("authorization", ""))
            page = self.pages.get(path, Page(status=404))
            await asyncio.sleep(page.seconds)
            lines = {"content-length": str(len(page.content)), "connection": "close"}
            shown = "".join(f"{n}: {v}\r\n" for n, v in (lines | dict(page.headers)).items())
            writer.write(f"HTTP/1.1 {page.status} Said\r\n{shown}\r\n".encode() + page.content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield server


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now
