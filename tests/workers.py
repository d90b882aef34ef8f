"""Real worker processes, begun with the product's own command, killed at will."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.forking import Child, begin

START_SECONDS = 60.0
STOP_SECONDS = 10.0


@dataclass
class Workers:
    """The worker processes of one test; whatever still runs at the end is killed."""

    database_url: str
    redis_url: str
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    running: list[Child] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.running:
            process.kill()
            process.wait()

    def begin(self, *queues: str) -> Child:
        """Start a process without waiting for it."""
        chosen = [word for queue in queues for word in ("--queues", queue)]
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "COORDINATOR_DATA_DIR": str(self.home / "data"),
            **self.environment,
        }
        log = self.log_of(len(self.running))
        process = begin(["worker", *chosen], environment, [Path(os.devnull), log, log])
        self.running.append(process)
        return process

    def start(self, *queues: str) -> Child:
        """Start a process and wait until it works."""
        process = self.begin(*queues)
        self.wait_until_ready(process)
        return process

    def wait_until_ready(self, process: Child) -> None:
        """Wait until a process has said that it works."""
        until = time.monotonic() + START_SECONDS
        while "Working on" not in self.said(process):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"A worker did not start:\n{self.said(process)}")
            time.sleep(0.02)

    def said(self, process: Child) -> str:
        """What a process has logged so far."""
        return self.log_of(self.running.index(process)).read_text(errors="replace")

    def log_of(self, number: int) -> Path:
        """Where the numbered process logs to."""
        return self.home / f"worker-{number}.log"

    def stop(self, process: Child) -> int:
        """Ask a process to end, as a supervisor does; its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)
