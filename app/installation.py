"""What the doors of one web process share, and the time during which it is there."""

import asyncio
import contextlib
import gc
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import FrameType

from sqlalchemy.ext.asyncio import AsyncEngine

from app.authentication.bearer import Bearer
from app.authentication.issuer import LocalIssuer, local_issuer
from app.authentication.issuers import Issuers
from app.authentication.trusting import trusted
from app.database import sessions_on, web_engine, worker_engine
from app.health import Health, LoopLag
from app.keyring import Keyring
from app.preflight import check_migrated, check_production
from app.settings import Settings
from app.storage import Storage
from models import migrations
from operations.edge import Edge
from resolvers.seal import Seal
from sync_engine import lineage
from sync_engine.bell import Bell
from sync_engine.bus import Bus


@dataclass(frozen=True, slots=True)
class Installation:
    """Connections, keys and whoever uses them. Nothing is connected before the first use."""

    settings: Settings
    engine: AsyncEngine
    edge: Edge
    bell: Bell
    bus: Bus
    keyring: Keyring
    seal: Seal
    storage: Storage
    issuers: Issuers
    bearer: Bearer
    local_issuer: LocalIssuer | None
    lag: LoopLag
    health: Health

    @classmethod
    def of(cls, settings: Settings) -> "Installation":
        """Raises CannotStart when a secret or an address is wrong."""
        engine = web_engine(settings.database_address)
        sessions = sessions_on(engine)
        bell = Bell(settings.redis_address)
        edge = Edge(sessions, bell.ring)
        keyring = settings.keys()
        local = local_issuer(settings)
        issuers = trusted(settings.issuers, local, time.time)
        lag = LoopLag()
        return cls(
            settings=settings,
            engine=engine,
            edge=edge,
            bell=bell,
            bus=Bus(sessions, settings.redis_address),
            keyring=keyring,
            seal=Seal(keyring.signing_keys("cursor")[0]),
            storage=settings.storage(),
            issuers=issuers,
            bearer=Bearer(edge, issuers),
            local_issuer=local,
            lag=lag,
            health=Health(
                engine,
                settings.redis_address,
                migrations.head(),
                lag,
                issuers=lambda: issuers.state,
            ),
        )

    @asynccontextmanager
    async def running(self, stop_streams: Callable[[], None]) -> AsyncIterator[None]:
        """Around everything that is served. `stop_streams` is called as soon as the process is
        told to end. Raises CannotStart unless the database is at this program's migration."""
        await asyncio.to_thread(_look_at_the_database, self.settings)
        beside = [
            asyncio.create_task(self.lag.watch(), name="event loop lag"),
            asyncio.create_task(self.issuers.warm(), name="keys of issuers"),
        ]
        try:
            async with self.bus:
                with at_the_signal_to_end(stop_streams):
                    gc.collect()
                    gc.freeze()
                    self.health.has_started = True
                    yield
        finally:
            self.health.has_started = False
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self.issuers.close()
            await self.health.close()
            await self.engine.dispose()


def _look_at_the_database(settings: Settings) -> None:
    check_migrated(settings.database_address)
    check_production(settings)
    engine = worker_engine(settings.database_address, pool_size=1)
    try:
        lineage.settle(engine)
    finally:
        engine.dispose()


@contextlib.contextmanager
def at_the_signal_to_end(call: Callable[[], None]) -> Iterator[None]:
    """A server that is told to end waits for what is open, and streams would never end by
    themselves: call this first, then the server's own handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {
        number: handler
        for number in (signal.SIGTERM, signal.SIGINT)
        if callable(handler := signal.getsignal(number))
    }

    def ending(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        handlers[signal.Signals(number)](number, frame)

    for each in handlers:
        signal.signal(each, ending)
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
