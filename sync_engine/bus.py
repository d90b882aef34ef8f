"""Following journals in a web process: one subscription at Redis, one poll, one tail per workspace.

The table is the truth; the doorbell only says when to look. Without it everything arrives at most
a poll later.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import psycopg
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from sync_engine.bell import JOURNAL_CHANNEL
from sync_engine.entries import EVERYTHING, HistoryGone, Interest, Page, read_page
from sync_engine.outage import Outage
from sync_engine.tail import Following, Stopped, Tail

POLL_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.25
_CANCEL_EVERY_SECONDS: Final = 0.05
_ANSWER_SECONDS: Final = 2.0
_READERS: Final = 4
"""Pages read at once, so that followers far behind leave connections to everybody else."""

_HEADS: Final = (
    "SELECT workspace_id, epoch, head FROM workspace_stream WHERE workspace_id = ANY(%(ids)s)"
)
_UNREACHABLE: Final = (SQLAlchemyError, psycopg.Error, OSError)

_log = logging.getLogger(__name__)


class Bus:
    """The journals this process follows. Use as `async with bus:` around everything that does."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        redis_url: str,
        *,
        poll: float = POLL_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._redis_url = redis_url
        self._poll_seconds = poll
        self._tails: dict[int, Tail] = {}
        self._unfollowed_since: dict[int, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._pages = asyncio.Semaphore(_READERS)
        self._heard_at: float | None = None
        self._database = Outage("PostgreSQL", _log, meanwhile="followers wait")
        self._redis = Outage("Redis", _log, meanwhile="journals are polled meanwhile")

    async def __aenter__(self) -> Self:
        self._start("doorbell", self._listen)
        self._start("poll", self._poll)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        for tail in self._tails.values():
            tail.stop(Stopped("The server is shutting down."))
        ending = waiting = set(self._tasks)
        while waiting:
            # More than once: redis-py swallows a cancellation that meets it while connecting.
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_EVERY_SECONDS)
        await asyncio.gather(*ending, return_exceptions=True)
        self._tails.clear()

    @property
    def seconds_since_doorbell(self) -> float | None:
        """How long ago Redis last spoke of a commit; None when it never did."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    async def head(self, workspace_id: int) -> tuple[uuid.UUID, int]:
        """(epoch, seq) of the workspace's journal now; raises HistoryGone without such a one."""
        async with self._sessions() as db:
            page = await read_page(db, workspace_id, after=0, limit=0)
        return page.epoch, page.head

    @asynccontextmanager
    async def follow(
        self,
        workspace_id: int,
        *,
        after: int | None = None,
        epoch: uuid.UUID | None = None,
        interest: Interest = EVERYTHING,
    ) -> AsyncIterator[Following]:
        """Entries after `after` (exclusive; None: from now on), in order, none missed or doubled.

        Raises HistoryGone when the position belongs to another history (`epoch`), lies beyond the
        head, or before the oldest entry kept; the last is found out while reading.
        """
        tail = await self._tail(workspace_id)
        await _check(tail, after, epoch)
        following = Following(tail, tail.head if after is None else after, interest)
        tail.admit(following)
        try:
            yield following
        finally:
            tail.dismiss(following)

    async def _tail(self, workspace_id: int) -> Tail:
        tail = self._tails.get(workspace_id)
        if tail is None or tail.end is not None:
            tail = Tail(workspace_id, self._reader(workspace_id))
            self._tails[workspace_id] = tail
            self._start(f"journal {workspace_id}", tail.follow_the_bell)
        # Whoever asks is about to follow: until then it must not be forgotten.
        self._unfollowed_since[workspace_id] = time.monotonic()
        await tail.open()
        return tail

    def _reader(self, workspace_id: int) -> Callable[[int, int], Awaitable[Page]]:
        async def read(after: int, limit: int) -> Page:
            while True:
                try:
                    async with self._pages, self._sessions() as db:
                        page = await read_page(db, workspace_id, after=after, limit=limit)
                except _UNREACHABLE as problem:
                    self._database.failed(problem)
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    self._database.worked()
                    return page

        return read

    def _start(self, name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        """Keep something running in the background until it ends by itself."""
        if self._is_closing:
            return
        task = asyncio.create_task(run(), name=f"bus: {name}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, name, run))

    def _ended(
        self, name: str, run: Callable[[], Coroutine[None, None, None]], task: asyncio.Task[None]
    ) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            _log.error("The bus's %s failed and is started again", name, exc_info=problem)
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._start, name, run)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            self._forget_unfollowed()
            if not self._tails:
                continue
            try:
                await self._compare_all()
                self._database.worked()
            except _UNREACHABLE as problem:
                self._database.failed(problem)

    async def _compare_all(self) -> None:
        known = {id: tail.head for id, tail in self._tails.items()}
        async with self._sessions() as db:
            connection = await db.connection()
            rows: list[Any] = list(await connection.exec_driver_sql(_HEADS, {"ids": [*known]}))
        found = {row[0]: (row[1], row[2]) for row in rows}
        for id, head in known.items():
            tail = self._tails.get(id)
            if tail is None:
                continue
            if id in found:
                tail.compare(*found[id], known=head)
            else:
                tail.stop(HistoryGone(f"There is no workspace {id} any more."))

    def _forget_unfollowed(self) -> None:
        now = time.monotonic()
        for id, tail in list(self._tails.items()):
            if tail.is_followed:
                self._unfollowed_since[id] = now
            elif now - self._unfollowed_since[id] > _LINGER_SECONDS:
                tail.stop(Stopped("Nobody followed."))
                del self._tails[id], self._unfollowed_since[id]

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as problem:
                self._redis.failed(problem)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _hear(self) -> None:
        """Hear the doorbell until the connection fails, or is silent even when asked."""
        client = redis.asyncio.Redis.from_url(
            self._redis_url,
            socket_connect_timeout=_ANSWER_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        async with client, client.pubsub() as channel:
            await channel.subscribe(JOURNAL_CHANNEL)
            was_asked = False
            while True:
                said = await channel.get_message(timeout=_QUIET_SECONDS)
                if said is not None:
                    was_asked = False
                    self._redis.worked()
                    self._note(said["type"], said["data"])
                elif was_asked:
                    raise TimeoutError(f"no answer to a ping for {_QUIET_SECONDS:g} s")
                else:
                    was_asked = True
                    await channel.ping()

    def _note(self, kind: str, data: object) -> None:
        if kind == "subscribe":
            # Whatever was rung while nobody listened.
            for tail in self._tails.values():
                tail.rung.set()
        elif kind == "message":
            self._heard_at = time.monotonic()
            workspace_id, _, seq = str(data).partition(":")
            with contextlib.suppress(ValueError):
                tail_rung = self._tails.get(int(workspace_id))
                if tail_rung is not None and int(seq) > tail_rung.head:
                    tail_rung.rung.set()


async def _check(tail: Tail, after: int | None, epoch: uuid.UUID | None) -> None:
    if epoch is not None and epoch != tail.epoch:
        raise HistoryGone(
            f"The position belongs to an earlier history of workspace {tail.workspace_id}."
        )
    if after is not None and after > tail.head:
        await tail.read_on()
        if after > tail.head:
            raise HistoryGone(
                f"The journal of workspace {tail.workspace_id} ends at entry {tail.head}; "
                f"entry {after} was never written here."
            )
