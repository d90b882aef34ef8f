"""Keeping child processes running: start, restart with back-off, stop all, leave nobody behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.embedded import CannotStart, child

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
# A child that lived this long has started well: its next restart is quick again.
_LIVED_WELL = 30.0
_LOOK_EVERY = 0.1
CANNOT_START = 2
"""Exit code by which our own commands say: a sentence was printed. Believed at the first start;
later it means that something the program needs is away for a while."""


@dataclass(frozen=True, slots=True)
class Program:
    """A child to keep running. `file_descriptors` stay open in it under the same numbers."""

    name: str
    arguments: Sequence[str]
    file_descriptors: tuple[int, ...] = ()


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    pause: float = _FIRST_PAUSE
    restarts: int = 0
    due: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Runs programs until told to stop. `say` receives one line per event.

    Children live in sessions of their own, so the terminal's Ctrl-C reaches only us, and the
    kernel ends them when we are gone.
    """

    environment: Mapping[str, str]
    say: Callable[[str], None]
    grace: float
    _children: list[_Running] = field(default_factory=list)
    _stopping: int = 0

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        self._children.append(_Running(program, self._spawn(program), time.monotonic()))

    def request_stop(self, *_: object) -> None:
        """Ask `watch` to return; fit to be a signal handler. The second time, hurry."""
        self._stopping += 1

    def watch(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Keep everything running until a stop is asked for or `until` is true."""
        while not self._stopping and not until():
            for each in self._children:
                self._look_after(each)
            time.sleep(_LOOK_EVERY)

    def process_ids(self) -> list[int]:
        """The children's process ids, in the order they were added."""
        return [each.process.pid for each in self._children]

    @property
    def is_stopping(self) -> bool:
        return self._stopping > 0

    def stop(self) -> None:
        """Ask all children to end, wait up to `grace` seconds, and end the rest."""
        for each in self._children:
            with contextlib.suppress(ProcessLookupError):
                each.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + self.grace
        while self._living() and time.monotonic() < until and self._stopping < 2:
            time.sleep(0.02)
        for each in self._children:
            _end_group(each.process)

    def _living(self) -> bool:
        return any(each.process.poll() is None for each in self._children)

    def _look_after(self, each: _Running) -> None:
        now = time.monotonic()
        if each.due is None and each.process.poll() is not None:
            self._note_end(each, now)
        if each.due is not None and now >= each.due:
            each.process, each.started, each.due = self._spawn(each.program), now, None

    def _note_end(self, each: _Running, now: float) -> None:
        _end_group(each.process)
        code = each.process.returncode
        if code == CANNOT_START and each.restarts == 0:
            raise CannotStart(f"The {each.program.name} process cannot start (see above).")
        if now - each.started > _LIVED_WELL:
            each.pause = _FIRST_PAUSE
        self.say(f"{each.program.name} ended ({_ending(code)}); again in {each.pause:g} s.")
        each.due = now + each.pause
        each.restarts += 1
        each.pause = min(each.pause * 2, _LONGEST_PAUSE)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            child.tied([*program.arguments], last_signal=signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
            pass_fds=program.file_descriptors,
            start_new_session=True,
        )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a child and whatever it started; its session is a process group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
