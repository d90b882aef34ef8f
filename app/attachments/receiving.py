"""Files on their way in: counted, looked at and hashed while they go on to the storage."""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import ClientDisconnect, Request

from app.doors import TooLarge
from app.storage import Storage
from operations.refusals import Code, Refused

SILENCE: Final = 60.0
"""Seconds a sender may say nothing in the middle of a file."""


class Looks(Protocol):
    """Looks at bytes as they come; raises Refused as soon as they are not what they should be."""

    def see(self, piece: bytes, *, is_last: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """What lies in the storage now."""

    key: str
    size: int
    sha256: bytes


async def receive(
    request: Request, storage: Storage, *, looking: Looks, limit: int, folder: str
) -> Received:
    """Store the body of a request under a new key in this folder: all of it, or nothing.

    Raises TooLarge, ClientDisconnect, StorageFails, and Refused for what is not what it is called.
    """
    refuse_large(request, limit)
    key = f"{folder}/{uuid.uuid4().hex}"
    body = _Body(request, looking, limit)
    await storage.put(key, body.pieces())
    return Received(key, body.size, body.digest.digest())


def refuse_large(request: Request, limit: int) -> None:
    """Raises TooLarge for a body that says itself it is."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge(limit)


class _Body:
    """The bytes of a request, and what is known of them so far."""

    def __init__(self, request: Request, looking: Looks, limit: int) -> None:
        self._request = request
        self._limit = limit
        self._looking = looking
        self.size = 0
        self.digest = hashlib.sha256()

    async def pieces(self) -> AsyncIterator[bytes]:
        """One after another; whatever is wrong with them is raised before the last is given."""
        waiting = b""
        stream = self._request.stream()
        while (piece := await _next(stream)) is not None:
            self.size += len(piece)
            if self.size > self._limit:
                raise TooLarge(self._limit)
            self._looking.see(piece)
            self.digest.update(piece)
            if waiting:
                yield waiting
            waiting = piece
        if not self.size:
            raise Refused(Code.BAD_USER_INPUT, "The file is empty; send its bytes as the body.")
        self._looking.see(b"", is_last=True)
        yield waiting


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    """The next piece that has something in it; None at the end. Whoever falls silent has gone."""
    try:
        async with asyncio.timeout(SILENCE):
            while not (piece := await anext(stream, None)):
                if piece is None:
                    return None
            return piece
    except TimeoutError:
        raise ClientDisconnect from None


async def forget(storage: Storage, key: str) -> None:
    """Nobody will ever ask for these bytes; should they stay, they only take room."""
    with contextlib.suppress(OSError):
        await asyncio.shield(storage.delete(key))
