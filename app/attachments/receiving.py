"""Files on their way in: counted, looked at and hashed while they go on to the storage."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from app.attachments.kinds import FileKind, Looking
from app.doors import TooLarge
from app.storage import Storage
from operations.content.attachments import FILE_SIZE, Stored
from operations.refusals import Code, Refused

SILENCE: Final = 60.0
"""Seconds a sender may say nothing in the middle of a file."""


async def receive(
    request: Request, storage: Storage, *, kind: FileKind, file_name: str, folder: str
) -> Stored:
    """Store the body of a request under a new key in this folder: all of it, or nothing.

    Raises TooLarge, ClientDisconnect, StorageFails, and Refused for what is not what it is called.
    """
    refuse_large(request)
    key = f"{folder}/{uuid.uuid4().hex}"
    body = _Body(request, Looking(kind, file_name))
    await storage.put(key, body.pieces())
    return Stored(key, kind.media_type, body.size, body.digest.digest())


def refuse_large(request: Request) -> None:
    """Raises TooLarge for a body that says itself it is."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > FILE_SIZE:
        raise TooLarge(FILE_SIZE)


class _Body:
    """The bytes of a request, and what is known of them so far."""

    def __init__(self, request: Request, looking: Looking) -> None:
        self._request = request
        self._looking = looking
        self.size = 0
        self.digest = hashlib.sha256()

    async def pieces(self) -> AsyncIterator[bytes]:
        """One after another; whatever is wrong with them is raised before the last is given."""
        waiting = b""
        stream = self._request.stream()
        while (piece := await _next(stream)) is not None:
            self.size += len(piece)
            if self.size > FILE_SIZE:
                raise TooLarge(FILE_SIZE)
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
