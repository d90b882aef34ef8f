"""Binding declared actors to a process: as Dramatiq actors, and as duties the sweeper can run.

An actor says what to look at; a duty is that actor in this process. However it is woken, by
messages or by the sweeper, it runs once at a time: a wake-up that arrives meanwhile makes it look
once more, so a hundred messages cost two looks, and none is missed.
"""

import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar, cast

import dramatiq
import psycopg
from dramatiq.asyncio import async_to_sync
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sync_engine.bell import Bell, Wake
from sync_engine.outage import Outage

R = TypeVar("R")
Look = Callable[[R], bool] | Callable[[R], Awaitable[bool]]

TURN_SECONDS: Final = 5.0
"""How long one message may keep a thread; then the bell is rung for the rest."""

# SQLSTATE classes: connection exception, insufficient resources, operator intervention.
_AWAY_CLASSES: Final = ("08", "53", "57")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Actor(Generic[R]):
    """A declaration. `look` takes a runtime and returns whether more is left to do.

    `pending` is an SQL condition that is true when there is something to do; `every` is how many
    seconds the sweeper lets pass between two questions.
    """

    wake: Wake
    look: Look[R]
    pending: str
    every: float = 0.0


def actor(wake: Wake, *, pending: str, every: float = 0.0) -> Callable[[Look[R]], Actor[R]]:
    """Declare a function as an actor: no connection is opened and no broker is needed."""

    def declare(look: Look[R]) -> Actor[R]:
        return Actor(wake, look, pending, every)

    return declare


class Duty:
    """One actor, bound to what it works on in this process."""

    def __init__(self, wake: Wake, pending: str, every: float, look: Callable[[], bool]) -> None:
        self.wake = wake
        self.pending = pending
        self.every = every
        self._look = look
        self._lock = threading.Lock()
        self._is_running = False
        self._is_asked_again = False
        self._outage = Outage(wake.actor, _log, meanwhile="it is tried again at every sweep")

    def heed(self) -> bool:
        """Look, or have the look that is under way repeated; true when more is left.

        When the database is away, nothing is left that the sweeper would not find.
        """
        with self._lock:
            if self._is_running:
                self._is_asked_again = True
                return False
            self._is_running = True
            self._is_asked_again = False
        try:
            more = self._look_while_asked()
        except (SQLAlchemyError, psycopg.Error) as problem:
            if not is_away(problem):
                raise
            self._outage.failed(problem)
            return False
        self._outage.worked()
        return more

    def _look_while_asked(self) -> bool:
        until = time.monotonic() + TURN_SECONDS
        try:
            while True:
                more = self._look() or time.monotonic() > until
                with self._lock:
                    if more or not self._is_asked_again:
                        self._is_running = False
                        return more
                    self._is_asked_again = False
        except BaseException:
            self._is_running = False
            raise


def is_away(problem: BaseException | None) -> bool:
    """Whether a database error means that the server cannot be reached, or has just gone."""
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or is_away(problem.orig)
    if isinstance(problem, psycopg.OperationalError):
        return problem.sqlstate is None or problem.sqlstate[:2] in _AWAY_CLASSES
    return False


def bind(
    broker: dramatiq.Broker, bell: Bell, runtime: R, actors: Iterable[Actor[R]]
) -> tuple[Duty, ...]:
    """Make Dramatiq actors of declarations, working on `runtime`; and duties for the sweeper."""
    return tuple(_bound(broker, bell, runtime, declared) for declared in actors)


def _bound(broker: dramatiq.Broker, bell: Bell, runtime: R, declared: Actor[R]) -> Duty:
    duty = Duty(
        declared.wake, declared.pending, declared.every, partial(_plain(declared.look), runtime)
    )

    def heed() -> None:
        if duty.heed():
            bell.tell(wakes=(duty.wake,))

    name, queue = declared.wake.actor, declared.wake.queue
    dramatiq.actor(actor_name=name, queue_name=queue, broker=broker)(heed)
    return duty


def _plain(look: Look[R]) -> Callable[[R], bool]:
    """An asynchronous look runs on the event loop that the AsyncIO middleware keeps."""
    if inspect.iscoroutinefunction(look):
        return async_to_sync(look)
    return cast(Callable[[R], bool], look)
