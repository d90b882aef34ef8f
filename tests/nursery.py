"""Processes of the product that begin where its imports have ended.

A worker imports for seconds before it works, and the tests start dozens. So one process imports
everything once and does nothing else; every further process is forked from it and is from there on
`coordinator <arguments>`: with its own environment, output, signals and end. (The program is
started from nothing in tests/app/cli/test_up.py.)

`begin(["worker"], environment, log)` gives something like `subprocess.Popen`.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

_MOST_FILES: Final = 8
_A_WHILE: Final = 0.05


@dataclass
class Child:
    """A process of the product."""

    pid: int
    nursery: "Nursery"
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self.nursery.code_of(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = self.nursery.code_of(self.pid, _A_WHILE)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that has imported everything, as the tests see it."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._lock = threading.Lock()
        self._rest = b""
        self._begun: int | None = None
        self._codes: dict[int, int] = {}

    def begin(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, *files: int
    ) -> Child:
        """Fork a process; an argument `{0}` is the number that the first of `files` has there."""
        asked = {"arguments": list(arguments), "environment": dict(environment)}
        with log.open("wb") as output, self._lock:
            socket.send_fds(self._line, [b"!"], [output.fileno(), *files])
            self._line.sendall(json.dumps(asked).encode() + b"\n")
            while self._begun is None:
                self._hear(None)
            child, self._begun = Child(self._begun, self), None
        return child

    def code_of(self, pid: int, seconds: float) -> int | None:
        """How a process ended, if it has within this time."""
        with self._lock:
            if pid not in self._codes:
                self._hear(seconds)
            return self._codes.pop(pid, None)

    def close(self) -> None:
        self._line.close()
        self._process.wait()

    def _hear(self, seconds: float | None) -> None:
        if not select.select([self._line], [], [], seconds)[0]:
            return
        heard = self._line.recv(2**16)
        assert heard, "The nursery has ended: it says why on standard error."
        *lines, self._rest = (self._rest + heard).split(b"\n")
        for said in map(json.loads, lines):
            if "begun" in said:
                self._begun = said["begun"]
            else:
                self._codes[said["ended"]] = said["code"]


@cache
def nursery() -> Nursery:
    """That of this process; it ends with it."""
    made = Nursery()
    atexit.register(made.close)
    return made


# --- In the process itself ------------------------------------------------------------------------


def _raise_children(line: socket.socket) -> Sequence[str] | None:
    """Fork whatever is asked for. Returns in each child, with its arguments; in this process when
    nobody asks any more."""

    def reap(_: int, __: FrameType | None) -> None:
        while (ended := _any_ended()) is not None:
            _say(line, ended=ended[0], code=os.waitstatus_to_exitcode(ended[1]))

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    while True:
        _, files, _, _ = socket.recv_fds(line, 1, _MOST_FILES)
        if not files:
            return None
        asked = _line_of(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            line.close()
            return _become(asked, *files)
        for each in files:
            os.close(each)
        _say(line, begun=pid)


def _any_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _become(asked: Mapping[str, Any], log: int, *files: int) -> Sequence[str]:
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(asked["environment"])
    return [each.format(*files) for each in asked["arguments"]]


def _line_of(line: socket.socket) -> Any:
    heard = b""
    while not heard.endswith(b"\n"):
        heard += line.recv(2**16)
    return json.loads(heard)


def _say(line: socket.socket, **said: int) -> None:
    try:
        line.sendall(json.dumps(said).encode() + b"\n")
    except BrokenPipeError:
        os._exit(0)  # nobody waits for it any more


def _main() -> None:
    import app.asgi
    import app.cli.commands
    import app.listening
    import app.logs
    import app.preflight
    import app.web_server
    import app.worker  # noqa: F401
    from app.cli import main

    gc.collect()
    gc.freeze()
    arguments = _raise_children(socket.socket(fileno=int(sys.argv[1])))
    if arguments is not None:
        sys.argv = ["coordinator", *arguments]
        main()


if __name__ == "__main__":
    _main()
