"""The bell: telling other processes, after a commit, that there is something to look at.

It is rung on the path of every change, so it never waits and never raises: a thread of its own
talks to Redis. What cannot be told is dropped, because nothing depends on it: the sweeper finds
work, and the tail readers poll.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import redis

from sync_engine.broker import LATER, NAMESPACE, NOW, DoorbellBroker
from sync_engine.markers import Lane
from sync_engine.outage import Outage

JOURNAL_CHANNEL: Final = f"{NAMESPACE}:journal"
"""Where "workspace_id:seq" is published after each commit."""

ENOUGH_WAITING: Final = 100
"""A message means "look"; when this many wait unfetched, one more would say nothing new."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wake:
    """A message without content: the actor that shall look, and the queue it listens on."""

    actor: str
    queue: str


DRAIN_INTERACTIVE: Final = Wake("markers.drain_interactive", NOW)
DRAIN_BULK: Final = Wake("markers.drain_bulk", LATER)
REBUILD_SEGMENTS: Final = Wake("segments.rebuild_blocks", LATER)
APPLY_INBOX: Final = Wake("inbox.apply_pending", NOW)

_LANES: Final[Mapping[int, tuple[Wake, ...]]] = {
    Lane.INTERACTIVE: (DRAIN_INTERACTIVE,),
    Lane.BULK: (DRAIN_BULK, REBUILD_SEGMENTS),
}


class Reached(Protocol):
    """What a finished transaction reached; `operations.edge.Committed` is one."""

    @property
    def heads(self) -> Mapping[int, int]:
        """Journal heads by workspace."""

    @property
    def lanes(self) -> frozenset[int]:
        """Lanes with new markers."""


@dataclass(slots=True)
class _Untold:
    heads: dict[int, int] = field(default_factory=dict)
    wakes: set[Wake] = field(default_factory=set)


class Bell:
    """Rings workers and tail readers. What is rung while the thread is busy goes out as one.

    `patience` bounds, in seconds, one try at Redis; only the bell's own thread ever waits.
    """

    def __init__(self, redis_url: str, *, patience: float = 0.25) -> None:
        self.dropped = 0
        self._broker = DoorbellBroker(redis_url, patience=patience)
        self._outage = Outage("Redis", _log, meanwhile="workers sweep and readers poll meanwhile")
        self._changed = threading.Condition()
        self._untold = _Untold()
        self._waiting: dict[str, int] = {}
        self._is_busy = False
        self._thread: threading.Thread | None = None

    def ring(self, reached: Reached) -> None:
        """Tell everybody concerned by a commit. Never blocks, never raises."""
        self.tell(reached.heads, reached.lanes)

    def tell(
        self,
        heads: Mapping[int, int] | None = None,
        lanes: Iterable[int] = (),
        wakes: Iterable[Wake] = (),
    ) -> None:
        """The same in parts: journal heads, lanes with work, and whoever else shall look."""
        wanted = {wake for lane in lanes for wake in _LANES[lane]}.union(wakes)
        if not heads and not wanted:
            return
        with self._changed:
            for workspace_id, seq in (heads or {}).items():
                before = self._untold.heads.get(workspace_id, 0)
                self._untold.heads[workspace_id] = max(before, seq)
            self._untold.wakes |= wanted
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def rest(self, seconds: float) -> bool:
        """Wait until all that was rung has been told or dropped; false when time is up."""
        with self._changed:
            return self._changed.wait_for(self._is_quiet, seconds)

    def _is_quiet(self) -> bool:
        return not (self._is_busy or self._untold.heads or self._untold.wakes)

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._untold.heads or self._untold.wakes)
                    untold, self._untold = self._untold, _Untold()
                    self._is_busy = True
                self._deliver(untold)
        finally:
            # Should the unforeseen end this thread, the next ring starts another.
            self._thread = None

    def _deliver(self, untold: _Untold) -> None:
        try:
            wakes = [wake for wake in sorted(untold.wakes, key=_urgency) if self._says_more(wake)]
            self._waiting |= self._broker.send_all(
                [(wake.actor, wake.queue) for wake in wakes],
                [(JOURNAL_CHANNEL, f"{id}:{seq}") for id, seq in untold.heads.items()],
            )
            self._outage.worked()
        except (redis.RedisError, OSError) as problem:
            self.dropped += len(untold.wakes) + len(untold.heads)
            self._outage.failed(problem)

    def _says_more(self, wake: Wake) -> bool:
        """Whether a message would be more than one of many that wait."""
        if self._waiting.get(wake.queue, 0) >= ENOUGH_WAITING:
            self._waiting[wake.queue] = self._broker.waiting(wake.queue)
        return self._waiting.get(wake.queue, 0) < ENOUGH_WAITING


def _urgency(wake: Wake) -> tuple[bool, str]:
    return wake.queue != NOW, wake.actor
