"""The workshop: makes files and takes in those that are brought, one after the other, in a thread
and on connections of its own, so that nothing else waits for it. Several processes may have one;
each file is worked at by one of them.
"""

import asyncio
import datetime as dt
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.authentication.clock import utc_now
from app.database import files_engine, sessions_on
from app.jobs.importing import Importing
from app.jobs.making import PREFIX, Ending, Making
from app.jobs.watching import Stopped, Watch
from app.settings import Settings
from app.storage import Storage, StorageFails
from app.workbooks import TooWide
from models.jobs import Job
from operations.edge import Edge, Ring
from operations.jobs import keeping, working
from operations.jobs.ending import IMPORTS
from operations.jobs.keeping import key_of
from operations.refusals import Code, Denied, Refused
from sync_engine.duties import is_away
from sync_engine.outage import Outage

PARTING_SECONDS: Final = 5.0
PATIENCE: Final = dt.timedelta(days=1)
"""For so long a storage that is away costs a file none of its tries."""

FILES_A_TURN: Final = 50
LEFT_BEHIND: Final = 6 * 3600.0
"""Seconds after which nobody writes to a temporary file any more."""

Clock = Callable[[], float]

log = logging.getLogger(__name__)


class Workshop:
    """What making files works with in one process. `engine` is for saying that runs live; `edge`
    for what is done beside, on the loop of the other duties; how long runs take goes by `clock`."""

    def __init__(
        self,
        database: str,
        engine: Engine,
        edge: Edge,
        storage: Storage,
        ring: Ring,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self.edge = edge
        self._database = database
        self._engine = engine
        self._storage = storage
        self._ring = ring
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_ending = threading.Event()
        self._outage = Outage("PostgreSQL", log, meanwhile="files wait")

    def begin(self) -> None:
        """See that somebody is at work. Returns at once."""
        with self._lock:
            is_busy = self._thread is not None and self._thread.is_alive()
            if not is_busy and not self._is_ending.is_set():
                self._thread = threading.Thread(target=self._run, name="files", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Begin nothing more, and leave what is under way to others, from any thread. Who does not
        hear is left behind: it is as if the process had died."""
        self._is_ending.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(PARTING_SECONDS)

    async def expire(self, *, at: dt.datetime) -> bool:
        """Delete the bytes of what is over, a batch; true when there may be more."""
        async with self.edge.transaction() as db:
            expired = await keeping.expire(db, at=at, limit=FILES_A_TURN)
        gone = []
        for each in expired:
            try:
                for key in each.keys:
                    await self._storage.delete(key)
            except StorageFails:
                log.warning("The storage does not delete; it is tried again.")
                break
            gone.append(each.id)
        if gone:
            async with self.edge.transaction() as db:
                await keeping.forget(db, ids=gone)
        return len(gone) == FILES_A_TURN

    def _run(self) -> None:
        try:
            _tidy()
            asyncio.run(self._work())
            self._outage.worked()
        except SQLAlchemyError as problem:
            if not is_away(problem):
                raise
            self._outage.failed(problem)

    async def _work(self) -> None:
        engine = files_engine(self._database)
        edge = Edge(sessions_on(engine), self._ring)
        try:
            while not self._is_ending.is_set():
                async with edge.transaction() as db:
                    job = await working.claim(db, at=utc_now())
                if job is None:
                    return
                watching = partial(Watch, self._engine, job.id, job.runs, clock=self._clock)
                await _Run(edge, watching, self._storage, job, self._is_ending.is_set).do()
        finally:
            await engine.dispose()


class _Run:
    """One run of a job, and what becomes of it."""

    def __init__(
        self,
        edge: Edge,
        watching: Callable[[], Watch],
        storage: Storage,
        job: Job,
        is_ending: Callable[[], bool],
    ) -> None:
        self._edge = edge
        self._watching = watching
        self._storage = storage
        self._job = job
        self._is_ending = is_ending

    async def do(self) -> None:
        job = self._job
        try:
            with self._watching() as watch:
                work = Importing if job.kind in IMPORTS else Making
                run = work(self._edge, self._storage, job, watch, self._is_ending, utc_now)
                await run.make()
        except Stopped:
            await self._clear()
        except Ending:
            await self._give_back(counts=False)
        except Denied:
            await self._fail(Code.NOT_FOUND, "You may not do or read this any more.")
        except Refused as refused:
            await self._fail(refused.code, refused.message)
        except TooWide as problem:
            await self._fail("TOO_WIDE", str(problem))
        except StorageFails:
            log.warning("The storage is away; file %s waits for it.", job.id)
            is_old = utc_now() - job.created_at > PATIENCE
            await self._give_back(counts=is_old, pauses=True)
        except Exception:
            log.exception("file %s of workspace %s broke off", job.id, job.workspace_id)
            await self._give_back(counts=True)

    async def _fail(self, problem: str, message: str) -> None:
        async with self._edge.transaction() as db:
            await working.fail(
                db,
                job_id=self._job.id,
                run=self._job.runs,
                problem=problem,
                message=message,
                at=utc_now(),
            )
        await self._clear()

    async def _give_back(self, *, counts: bool, pauses: bool = False) -> None:
        await self._clear()
        async with self._edge.transaction() as db:
            await working.give_back(
                db,
                job_id=self._job.id,
                run=self._job.runs,
                at=utc_now(),
                counts=counts,
                pauses=pauses,
            )

    async def _clear(self) -> None:
        """Its bytes serve nobody; those that stay go with the job."""
        with suppress(StorageFails):
            await self._storage.delete(key_of(self._job, self._job.runs))


def workshop(settings: Settings, engine: Engine, edge: Edge) -> Workshop:
    """The workshop these settings describe."""
    return Workshop(settings.database_address, engine, edge, settings.storage(), edge.ring)


def _tidy() -> None:
    """Take away what processes that were killed have left."""
    for each in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(each, ignore_errors=True)
