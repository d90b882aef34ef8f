"""Read a request body that may be too long, too slow, or never end."""

import asyncio

from starlette.types import Receive

from app.graphql.errors import Code, refused
from app.graphql.limits import Limits

DRAINED_BODIES = 4  # how many times the cap is read and thrown away, so that a 413 is seen
DRAIN_SECONDS = 1.0


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_bounded(receive: Receive, declared: str | None, limits: Limits) -> bytes:
    """The whole body; RequestRefused with 413 beyond the cap or 408 beyond the time.

    `declared` is Content-Length: believed when it is too large, counted after all when it is not.
    """
    cap = limits.body_bytes
    if declared is not None and declared.isdigit() and int(declared[:18]) > cap:
        await _drain(receive, cap)
        raise _too_large(cap)
    chunks = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            more = True
            while more and len(chunks) <= cap:
                chunk, more = await _chunk(receive)
                chunks += chunk
    except TimeoutError:
        raise refused(
            Code.BAD_REQUEST,
            f"The body did not arrive within {limits.body_seconds:g} s.",
            status=408,
            headers={"connection": "close"},
        ) from None
    if len(chunks) <= cap:
        return bytes(chunks)
    chunks.clear()
    if more:
        await _drain(receive, cap)
    raise _too_large(cap)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def _drain(receive: Receive, cap: int) -> None:
    """Throw a little away: a client still sending would see a reset instead of the answer."""
    left = DRAINED_BODIES * cap
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                chunk, more = await _chunk(receive)
                left -= len(chunk)
                if not more:
                    return
    except TimeoutError:
        return


def _too_large(cap: int) -> Exception:
    return refused(
        Code.BAD_REQUEST,
        f"The body is larger than {cap} bytes.",
        status=413,
        headers={"connection": "close"},
        kind="body",
        limit=cap,
    )
