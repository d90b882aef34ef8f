"""Running everything on one machine: servers, web process, workers, until told to stop."""

import http.client
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from types import FrameType

from app.database import worker_engine
from app.embedded import CannotStart
from app.listening import listen, port_of
from app.preflight import check_database, check_not_newer, check_redis
from app.settings import Settings
from app.stack import Stack
from app.supervisor import Program, Supervisor
from models import migrations

Say = Callable[[str], None]
_READY_SECONDS = 60.0
_GRACE_SECONDS = 15.0


def run_whole(
    settings: Settings,
    *,
    say: Say,
    prepare: Callable[[Settings], None] = lambda _: None,
    greet: Callable[[Settings], None] = lambda _: None,
    beside: Iterable[Program] = (),
) -> None:
    """Start everything, `greet` when it answers, and stop it all at Ctrl-C or SIGTERM.

    `prepare` gets the migrated database before anything works on it; `beside` are programs to
    keep running next to the web process and the workers. Raises CannotStart.
    """
    _leave_on_signals()
    with listen(settings.host, settings.port) as listening, Stack(settings) as stack:
        settings = stack.settings.model_copy(update={"port": port_of(listening)})
        check_database(settings.database_address)
        check_redis(settings.redis_address)
        bring_to_head(settings)
        prepare(settings)
        supervisor = Supervisor(environment_of(settings), say, _GRACE_SECONDS)
        _stop_on_signals(supervisor)
        try:
            for program in (*_programs(listening.fileno()), *beside):
                supervisor.start(program)
            stack.announce(settings.base_url)
            _wait_until_ready(supervisor, settings)
            if not supervisor.is_stopping:
                greet(settings)
            supervisor.watch(until=lambda: _revive(stack, say))
        finally:
            supervisor.stop()


def bring_to_head(settings: Settings) -> str:
    """Migrate the database; the revision it is at then. Raises CannotStart when it is newer."""
    check_not_newer(settings.database_address)
    engine = worker_engine(settings.database_address, application_name="coordinator migrate")
    try:
        migrations.upgrade_head(engine)
    finally:
        engine.dispose()
    return migrations.head()


def command(*arguments: str) -> list[str]:
    """One of our own commands, as a child process starts it."""
    return [sys.executable, "-m", "app.cli", *arguments]


def environment_of(settings: Settings) -> dict[str, str]:
    """What makes a child process find the same servers and the same data."""
    return {
        "DATABASE_URL": settings.database_address,
        "REDIS_URL": settings.redis_address,
        "COORDINATOR_DATA_DIR": str(settings.data_dir.absolute()),
        "COORDINATOR_HOST": settings.host,
        "COORDINATOR_PORT": str(settings.port),
    }


def _programs(listening: int) -> tuple[Program, ...]:
    """One process answers; three work, so that bulk work never stands before a single change, nor
    files that are made before bulk work."""
    return (
        Program("web", command("serve", "--inherited", str(listening)), (listening,)),
        Program("worker for now", command("worker", "--queues", "now")),
        Program("worker for later", command("worker", "--queues", "later")),
        Program("worker for files", command("worker", "--queues", "files")),
    )


def _revive(stack: Stack, say: Say) -> bool:
    for name in stack.revive():
        say(f"{name} ended by itself and was started again.")
    return False


def _wait_until_ready(supervisor: Supervisor, settings: Settings) -> None:
    until = time.monotonic() + _READY_SECONDS
    question = _Question(settings.host, settings.port)
    try:
        supervisor.watch(until=lambda: question.is_answered() or time.monotonic() > until)
    finally:
        question.close()
    if time.monotonic() > until:
        raise CannotStart(
            f"The web process did not get ready within {_READY_SECONDS:g} s; its log is above."
        )


class _Question:
    """Asks /readyz without ever waiting for the answer: the socket is ours before the web process
    serves it, so one question can stand in line until it does."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def is_answered(self) -> bool:
        """Whether the web process has said that it is ready."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
                self._connection.request("GET", "/readyz")
            if not select.select([self._connection.sock], [], [], 0)[0]:
                return False
            status = self._connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = http.client.SERVICE_UNAVAILABLE
        self.close()
        return status == http.client.OK

    def close(self) -> None:
        """Hang up; the next look asks again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _leave_on_signals() -> None:
    """Until children run: unwind, so that embedded servers are stopped in order."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)


def _stop_on_signals(supervisor: Supervisor) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, supervisor.request_stop)
