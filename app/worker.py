"""A worker process: Dramatiq's worker, the sweeper, and what their duties work on.

Run `now`, `later` and `files` in processes of their own, so that bulk work never stands before a
single change, and what makes files takes nobody's memory nor time. Any number of processes may
listen to a queue.
"""

import gc
import logging
import signal
import threading
from collections.abc import Collection
from types import FrameType, TracebackType
from typing import Final, Self

import dramatiq

from app.actors import MAILING, MAKING, OPERATIONS
from app.database import sessions_on, web_engine, worker_engine
from app.jobs import workshop
from app.mail.office import post_office
from app.settings import Settings
from operations.edge import Edge
from sync_engine.actors import ACTORS, Runtime
from sync_engine.bell import Bell
from sync_engine.broker import FILES, LATER, NOW, DoorbellBroker, worker_middleware
from sync_engine.duties import bind
from sync_engine.state import Rules
from sync_engine.sweep import EVERY, Sweeper

QUEUES: Final = (NOW, LATER, FILES)
THREADS: Final = 4
_STOP_MILLISECONDS: Final = 10_000
_FAREWELL_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


def work(settings: Settings, queues: Collection[str] = QUEUES, *, threads: int = THREADS) -> None:
    """Work off these queues until SIGTERM, SIGINT or SIGHUP; what is under way is finished."""
    told_to_stop = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        told_to_stop.set()

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, stop)
    with WorkerProcess(settings, queues, threads=threads):
        told_to_stop.wait()


class WorkerProcess:
    """Everything one process needs to do the duties of `queues`; one per process."""

    def __init__(
        self,
        settings: Settings,
        queues: Collection[str],
        *,
        threads: int = THREADS,
        sweep_every: float = EVERY,
    ) -> None:
        self._queues = queues
        name = f"coordinator worker {'+'.join(queues)}"
        database = settings.database_address
        self._engine = worker_engine(database, application_name=name, pool_size=threads + 8)
        self._rules = Rules()
        self._bell = Bell(settings.redis_address)
        self._broker = DoorbellBroker(settings.redis_address, middleware=worker_middleware())
        edge = Edge(sessions_on(web_engine(database, application_name=name)), self._bell.ring)
        self._office = post_office(settings, edge)
        self._workshop = workshop(settings, self._engine, edge)
        runtime = Runtime(self._engine, self._rules, self._bell)
        duties = [
            *bind(self._broker, self._bell, runtime, ACTORS),
            *bind(self._broker, self._bell, edge, OPERATIONS),
            *bind(self._broker, self._bell, self._office, MAILING),
            *bind(self._broker, self._bell, self._workshop, MAKING),
        ]
        self._worker = dramatiq.Worker(self._broker, queues={*queues}, worker_threads=threads)
        self._sweeper = Sweeper(
            self._engine,
            [duty for duty in duties if duty.wake.queue in queues],
            every=sweep_every,
        )

    def __enter__(self) -> Self:
        """Compile the rules first: the first message shall not pay for it."""
        self._rules.warm(self._engine)
        gc.collect()
        gc.freeze()
        self._broker.emit_after("process_boot")
        self._worker.start()
        self._sweeper.start()
        _log.info("Working on %s", ", ".join(self._queues))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._office.end()
        self._workshop.end()
        self._sweeper.stop()
        self._worker.stop(_STOP_MILLISECONDS)
        self._bell.rest(_FAREWELL_SECONDS)
        self._engine.dispose()
        _log.info("Stopped working on %s", ", ".join(self._queues))
