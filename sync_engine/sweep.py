"""The sweeper: what makes Redis, and every message in it, unnecessary for correctness.

Each worker process asks the database a few times a second, in one statement, which of its duties
have something to do, and does them itself, without a message.
"""

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from sync_engine.duties import Duty
from sync_engine.outage import Outage

EVERY: Final = 0.5
"""Seconds between two sweeps: how much later a change takes effect when nobody rang."""

_log = logging.getLogger(__name__)


class Sweeper:
    """Runs duties that have something to do, each in a thread of its own.

    When the database is away it says so once, keeps asking, and says when it is back.
    """

    def __init__(
        self,
        engine: Engine,
        duties: Sequence[Duty],
        *,
        every: float = EVERY,
    ) -> None:
        self.sweeps = 0
        self._engine = engine
        self._duties = duties
        self._every = every
        self._asked: dict[str, float] = {}
        self._running: dict[str, Future[bool]] = {}
        self._stopping = threading.Event()
        self._outage = Outage("PostgreSQL", _log, meanwhile="the sweeper keeps asking")
        self._hands = ThreadPoolExecutor(max(1, len(duties)), thread_name_prefix="sweep")
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin sweeping."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is under way (a drain limits itself to a few seconds)."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._hands.shutdown()

    def sweep(self) -> list[str]:
        """Start what has something to do and is not under way; the actors' names."""
        due = [duty for duty in self._duties if self._is_due(duty)]
        found = self._with_something_to_do(due)
        for duty in found:
            future = self._hands.submit(duty.heed)
            self._running[duty.wake.actor] = future
            future.add_done_callback(partial(_report, duty.wake.actor))
        self.sweeps += 1
        return [duty.wake.actor for duty in found]

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.sweep()
                self._outage.worked()
            except (SQLAlchemyError, psycopg.Error) as problem:
                self._outage.failed(problem)
            self._stopping.wait(self._every)

    def _is_due(self, duty: Duty) -> bool:
        under_way = self._running.get(duty.wake.actor)
        if under_way is not None and not under_way.done():
            return False
        return time.monotonic() >= self._asked.get(duty.wake.actor, 0.0) + duty.every

    def _with_something_to_do(self, due: Sequence[Duty]) -> list[Duty]:
        if not due:
            return []
        question = "SELECT " + ", ".join(duty.pending for duty in due)
        with self._engine.connect() as connection:
            answers = connection.exec_driver_sql(question).one()
        now = time.monotonic()
        self._asked.update((duty.wake.actor, now) for duty in due)
        return [duty for duty, has_work in zip(due, answers, strict=True) if has_work]


def _report(name: str, done: "Future[bool]") -> None:
    if problem := done.exception():
        _log.error("%s failed; it is tried again", name, exc_info=problem)
