"""Processes of the product that begin where its imports have ended.

The program imports for seconds before it does anything, and the tests run it some hundred times.
So one process imports everything (tests/preloaded.py) and then only forks: what comes out of it is
from there on `coordinator <arguments>`, with its own environment, streams, signals and end. From
nothing, the program is started in tests/app/cli/test_up.py.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from app.cli import main

FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.preloaded"])


@dataclass(frozen=True, slots=True)
class Child:
    """Such a process, as `subprocess.Popen` would show it."""

    process: BaseProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout or 0)
        return self.process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.process.kill()


def begin(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: Sequence[Path],
    *sockets: socket.socket,
) -> Child:
    """Run a command with this environment and nothing else in it, and with these three streams; an
    argument `{0}` is the number that the first of `sockets` has in the process."""
    for each in streams[1:]:
        each.touch()
    asked = (list(arguments), dict(environment), list(streams), sockets)
    process = FORKS.Process(target=_become, args=asked, name=f"coordinator {arguments[0]}")
    process.start()
    return Child(process)


def _become(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    streams: Sequence[Path],
    sockets: Sequence[socket.socket],
) -> None:
    for number, (stream, how) in enumerate(zip(streams, ("r", "a", "a"), strict=True)):
        with stream.open(how) as opened:
            os.dup2(opened.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    numbers = [each.detach() for each in sockets]
    sys.stdin, sys.argv = os.fdopen(0), ["coordinator"]
    sys.argv += [each.format(*numbers) if numbers else each for each in arguments]
    main()
