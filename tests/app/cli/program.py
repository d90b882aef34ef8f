"""The console script as a person runs it: `run` to its end, `running` until it is stopped.

`run` forks each command off a process that has imported the program once (tests/forking.py),
because importing takes ten times as long as most commands do. `running` starts the script itself.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.forking import begin

PROGRAM = Path(sys.executable).with_name("coordinator")
PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a finished command said."""

    code: int
    out: str
    err: str


def environment(**given: str) -> dict[str, str]:
    """The environment without any of the product's variables, plus what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COORDINATOR_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    return {**kept, **given}


def run(*arguments: str, given: Mapping[str, str] | None = None, stdin: str = "") -> Answer:
    """Run a command to its end, in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place, name) for name in ("in", "out", "err")]
        streams[0].write_text(stdin)
        child = begin(arguments, environment(**(given or {})), streams)
        try:
            code = child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        return Answer(code, streams[1].read_text(), streams[2].read_text())


@dataclass(slots=True)
class Running:
    """A command that keeps running, with everything it said in a file."""

    process: subprocess.Popen[bytes]
    log: Path
    _seen: int = field(default=0)

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str, seconds: float = PATIENCE) -> str:
        """Everything said, as soon as the words are among it."""
        until = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None, f"it ended: {self.said()}"
            assert time.monotonic() < until, f"{words!r} was not said: {self.said()}"
            time.sleep(0.05)
        return self.said()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Signal it, and its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextmanager
def running(
    *arguments: str, log: Path, given: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start a command; it is ended at the latest when the test leaves."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            env=environment(**(given or {})),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)


def descendants(pid: int) -> set[int]:
    """All living processes below one, by number."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for each in children.get(waiting.pop(), ()):
            found.add(each)
            waiting.append(each)
    return found


def living(pids: set[int]) -> set[int]:
    """Those that run; one that only waits for its burial does not."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found.add(pid)
    return found


def gone_within(seconds: float, pids: set[int]) -> bool:
    """Whether all of them end in time."""
    until = time.monotonic() + seconds
    while living(pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
