"""The tail of one workspace's journal in one process, and those who follow it.

One reader fetches new entries from the table, keeps the last thousand in memory and hands each to
the followers it concerns. A follower that is behind reads from memory, or from the table behind
it, until it has caught up; both count with the same `seq`, so there is no moment in between where
an entry could be missed or seen twice.
"""

import asyncio
import itertools
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, Final

from sync_engine.entries import Entry, HistoryGone, Interest, Key, Page

RING: Final = 1_000
PAGE: Final = 500
PENDING: Final = 500
"""Entries that wait in memory for one slow follower; what is more stays where it is."""

Read = Callable[[int, int], Awaitable[Page]]
"""(after, limit) → page; waits while the database is away."""


class Stopped(Exception):
    """This process is shutting down; another one can continue from the same position."""


class Tail:
    """What this process knows of a journal: everything in (head - len(ring), head].

    `shared` is for what followers have in common; who puts something there also bounds it.
    """

    def __init__(self, workspace_id: int, read: Read, *, ring: int = RING) -> None:
        self.workspace_id = workspace_id
        self.epoch = uuid.UUID(int=0)
        self.head = 0
        self.shared: dict[Hashable, Any] = {}
        self.rung = asyncio.Event()
        self.end: HistoryGone | Stopped | None = None
        self._read = read
        self._ring: deque[Entry] = deque(maxlen=ring)
        self._is_open = False
        self._reading = asyncio.Lock()
        self._followers: set[Following] = set()
        self._of_everything: set[Following] = set()
        self._by_key: defaultdict[Key, set[Following]] = defaultdict(set)
        self._watching: defaultdict[Key, set[Following]] = defaultdict(set)

    @property
    def is_followed(self) -> bool:
        """Whether anybody follows."""
        return bool(self._followers)

    async def open(self) -> None:
        """Fill the memory with the newest entries; the second time nothing happens."""
        async with self._reading:
            if not self._is_open:
                page = await self._read(0, 0)
                self.epoch = page.epoch
                self.head = max(0, page.head - (self._ring.maxlen or 0))
                try:
                    await self._read_on()
                except HistoryGone:
                    # Fewer entries are kept than memory has room for: it begins empty.
                    self._ring.clear()
                    self.head = page.head
                self._is_open = True

    async def read_on(self) -> None:
        """Take everything the table has beyond the head, once the tail is open."""
        async with self._reading:
            if self._is_open:
                await self._read_on()

    async def follow_the_bell(self) -> None:
        """Read on whenever `rung` is set, until the history ends."""
        while self.end is None:
            await self.rung.wait()
            self.rung.clear()
            try:
                await self.read_on()
            except HistoryGone as end:
                self.stop(end)

    def compare(self, epoch: uuid.UUID, head: int, known: int) -> None:
        """What the table says now, when this tail knew entries up to `known` before asking."""
        if not self._is_open:
            return
        if epoch != self.epoch or head < known:
            self.stop(self._restarted())
        elif head > self.head:
            self.rung.set()

    def stop(self, end: HistoryGone | Stopped) -> None:
        """No entry follows any more; every follower is told why."""
        self.end = end
        self.rung.set()
        for follower in self._followers:
            follower.wake()

    async def after(self, seq: int) -> tuple[Sequence[Entry], int]:
        """Up to a page of entries after `seq`, and the number they reach; none at the head."""
        if seq >= self.head:
            return (), self.head
        oldest = self.head - len(self._ring) + 1
        if seq + 1 >= oldest:
            start = seq + 1 - oldest
            entries = list(itertools.islice(self._ring, start, start + PAGE))
        else:
            entries = self._checked(await self._read(seq, min(PAGE, self.head - seq))).entries
        return entries, entries[-1].seq

    def admit(self, follower: "Following") -> None:
        """A new follower."""
        self._followers.add(follower)

    def dismiss(self, follower: "Following") -> None:
        """A follower has gone."""
        self.mute(follower)
        _forget(self._watching, follower.watched, follower)
        self._followers.discard(follower)

    def watch(self, follower: "Following") -> None:
        """From now on the follower notices what concerns the keys it watches."""
        for key in follower.watched:
            self._watching[key].add(follower)

    def hand_to(self, follower: "Following") -> None:
        """From now on the follower is handed new entries; it has seen everything up to the head."""
        if follower.interest.everything:
            self._of_everything.add(follower)
        for key in follower.interest.wanted():
            self._by_key[key].add(follower)

    def mute(self, follower: "Following") -> None:
        """From now on the follower is handed nothing: it reads by itself."""
        self._of_everything.discard(follower)
        _forget(self._by_key, follower.interest.wanted(), follower)

    async def _read_on(self) -> None:
        while True:
            page = self._checked(await self._read(self.head, PAGE))
            for entry in page.entries:
                self._take(entry)
            if self.head >= page.head:
                return

    def _checked(self, page: Page) -> Page:
        if page.epoch != self.epoch or page.head < self.head:
            raise self._restarted()
        return page

    def _restarted(self) -> HistoryGone:
        return HistoryGone(f"The history of workspace {self.workspace_id} was restarted.")

    def _take(self, entry: Entry) -> None:
        self._ring.append(entry)
        self.head = entry.seq
        concerned = set(self._of_everything)
        for key in entry.keys:
            concerned |= self._by_key.get(key, set())
            for watcher in self._watching.get(key, ()):
                watcher.noticed = entry.seq
        for follower in concerned:
            follower.hand(entry)


def _forget(
    followers: dict[Key, set["Following"]], keys: Iterable[Key], follower: "Following"
) -> None:
    for key in keys:
        others = followers.get(key)
        if others is not None:
            others.discard(follower)
            if not others:
                del followers[key]


class Following:
    """One reader's way through a journal: an asynchronous iterator of entries in order.

    `position` is the number up to which everything of interest has been given; it advances also
    over entries that are of no interest. `noticed` is the last entry this process knows of that
    concerns what is watched, however far behind the reader is. For one task at a time.
    """

    def __init__(self, tail: Tail, after: int, interest: Interest) -> None:
        self.position = after
        self.interest = interest
        self.watched: frozenset[Key] = frozenset()
        self.noticed = 0
        self._tail = tail
        self._seen = after
        self._pending: deque[Entry] = deque()
        self._is_live = False
        self._woken = asyncio.Event()

    @property
    def epoch(self) -> uuid.UUID:
        """The history that `position` counts in."""
        return self._tail.epoch

    @property
    def head(self) -> int:
        """The number of the last entry this process knows of."""
        return self._tail.head

    @property
    def shared(self) -> dict[Hashable, Any]:
        """What all followers of this journal in this process have in common."""
        return self._tail.shared

    async def next(self, seconds: float | None = None) -> Entry | None:
        """The next entry of interest; None when `seconds` have passed without one.

        Then `position` is the head as known here. Raises HistoryGone or Stopped.
        """
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while True:
            if self._pending:
                entry = self._pending.popleft()
                self.position = entry.seq
                return entry
            if self._tail.end is not None:
                raise self._tail.end
            if self._is_live:
                self.position = self._tail.head
                if not await self._is_woken(until):
                    self.position = self._tail.head
                    return None
            else:
                await self._catch_up()

    async def pause(self, seconds: float) -> None:
        """Let entries gather for so long; less where what is watched is concerned meanwhile.
        Raises HistoryGone or Stopped."""
        until = asyncio.get_running_loop().time() + seconds
        noticed = self.noticed
        while self.noticed == noticed:
            if self._tail.end is not None:
                raise self._tail.end
            self._woken.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._woken.wait()
            except TimeoutError:
                return

    def ready(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """The next entries, without waiting for any, as long as they are wanted."""
        entries = []
        while self._pending and wanted(self._pending[0]):
            entries.append(self._pending.popleft())
            self.position = entries[-1].seq
        return entries

    def __aiter__(self) -> AsyncIterator[Entry]:
        return self

    async def __anext__(self) -> Entry:
        entry = await self.next()
        if entry is None:
            raise StopAsyncIteration
        return entry

    def watch(self, keys: Iterable[Key]) -> None:
        """Notice from now on what concerns any of these; for the whole life of the follower."""
        self.watched = frozenset(keys)
        self._tail.watch(self)

    def refocus(self, interest: Interest) -> None:
        """Ask for something else from `position` on, also of what was already passed over."""
        self._tail.mute(self)
        self.interest = interest
        self._is_live = False
        self._pending.clear()
        self._seen = self.position

    def hand(self, entry: Entry) -> None:
        """The tail hands over an entry. Without room for it, the follower reads by itself later."""
        if len(self._pending) >= PENDING:
            self._tail.mute(self)
            self._is_live = False
            self._seen = entry.seq - 1
        else:
            self._pending.append(entry)
        self.wake()

    def wake(self) -> None:
        """There is something to see."""
        self._woken.set()

    async def _catch_up(self) -> None:
        entries, self._seen = await self._tail.after(self._seen)
        keys, everything = self.interest.wanted(), self.interest.everything
        self._pending.extend(
            entry for entry in entries if everything or not keys.isdisjoint(entry.keys)
        )
        if not self._pending:
            self.position = self._seen
        if self._seen >= self._tail.head:
            self._is_live = True
            self._tail.hand_to(self)

    async def _is_woken(self, until: float | None) -> bool:
        self._woken.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        except TimeoutError:
            return bool(self._pending)
        return True
