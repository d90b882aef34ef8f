"""Saying that a run lives, and hearing that it is to stop, from a thread of its own: whatever the
run is busy with, its lease is prolonged, and a job that was called off is let go within a second.
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from operations.jobs.working import BEAT, LEASE, LONGEST_RUN, beat, took_too_long
from sync_engine.outage import Outage

EVERY: Final = 0.5

_SILENCE: Final = LEASE.total_seconds() / 2
"""Who could not say so for this long stops, before somebody else begins."""

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The run has nothing to do any more: its job was called off, or is somebody else's."""


class Watch:
    """One run, as the others see it. `done` and `total` are told as they are set.

    What takes longer than `LONGEST_RUN` by the `clock` is told so by `check`. Who does not come to
    ask is not said to live any more some time later.
    """

    def __init__(
        self,
        engine: Engine,
        job_id: int,
        run: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done = 0
        self.total: int | None = None
        self._engine = engine
        self._job_id = job_id
        self._run_number = run
        self._is_over = False
        self._clock = clock
        self._until = clock() + LONGEST_RUN.total_seconds()
        self._leaving = threading.Event()
        self._outage = Outage("PostgreSQL", _log, meanwhile="the run goes on for a while")
        self._thread = threading.Thread(target=self._run, name=f"job {job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        self._thread.join()

    def check(self) -> None:
        """Raises Stopped; LIMIT_REACHED where it took too long."""
        if self._is_over:
            raise Stopped
        if self._clock() > self._until:
            raise took_too_long()

    def _run(self) -> None:
        heard = time.monotonic()
        while not self._is_over and not self._leaving.wait(EVERY):
            if self._clock() > self._until + _SILENCE:
                return
            try:
                self._is_over = not self._say()
                self._outage.worked()
                heard = time.monotonic()
            except SQLAlchemyError as problem:
                self._outage.failed(problem)
                self._is_over = time.monotonic() - heard > _SILENCE

    def _say(self) -> bool:
        told = beat(self._job_id, self._run_number, self.done, self.total)
        with self._engine.begin() as connection:
            return connection.execute(BEAT, told).one_or_none() is not None
