"""What waits to be sent to one socket: bounded, in order, and never dropped in silence."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from app.graphql.limits import Limits


class SlowConsumer(Exception):
    """The client did not read for too long while messages waited."""


class Outbox:
    """Bounded in messages and in bytes; `put` waits for room, so producers feel the pressure.

    A full outbox that makes no room within `slow_consumer_seconds` raises SlowConsumer in `put`.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: deque[str] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def put(self, message: str) -> None:
        """Queue a message, waiting for room as long as the client is given."""
        while not self._has_room.is_set():
            try:
                async with asyncio.timeout(self._limits.slow_consumer_seconds):
                    await self._has_room.wait()
            except TimeoutError:
                raise SlowConsumer from None
        self._waiting.append(message)
        self._size += len(message)
        self._is_empty.clear()
        self._arrived.set()
        self._update_room()

    async def deliver(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send forever, one message after the other; ends only by cancellation or by `send`."""
        while True:
            while self._waiting:
                message = self._waiting[0]
                await send(message)
                self._waiting.popleft()
                self._size -= len(message)
                self._update_room()
            self._is_empty.set()
            self._arrived.clear()
            await self._arrived.wait()

    async def emptied(self, seconds: float) -> None:
        """Wait until everything is sent, or for so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()
        except TimeoutError:
            return

    def _update_room(self) -> None:
        limits = self._limits
        if len(self._waiting) < limits.queued_messages and self._size < limits.queued_bytes:
            self._has_room.set()
        else:
            self._has_room.clear()
