"""One process per directory: a lock that vanishes with its holder, so it is never stale."""

import fcntl
import os
import time
from pathlib import Path

_TRIES = 3
_PAUSE_SECONDS = 0.02


class CannotStart(Exception):
    """A server or a command cannot start; the message is one sentence that says the way out."""


class Claim:
    """The right to use a directory, held by one process at a time.

    The lock is the kernel's (flock), so kill -9 frees it; the process id inside the file is only
    for the message to the next one.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file: int | None = None

    def take(self) -> None:
        """Take the directory, making it if need be; raises CannotStart when that is impossible."""
        path = self.directory / "lock"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as refusal:
            raise CannotStart(
                f"The data directory {self.directory} cannot be written ({refusal.strerror}); "
                "choose another with --data-dir or COORDINATOR_DATA_DIR."
            ) from refusal
        if not _locked(file):
            holder = os.read(file, 32).decode().strip() or "unknown"
            os.close(file)
            raise CannotStart(
                f"Another process ({holder}) is already running on {self.directory}; "
                "stop it first, or choose another directory with --data-dir."
            )
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def give_back(self) -> None:
        """Let the next process have the directory; does nothing when it is not held."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def is_claimed(directory: Path) -> bool:
    """Whether a living process holds a directory."""
    try:
        file = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    """Take the lock; patient enough for those who only look whether it is held."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False
