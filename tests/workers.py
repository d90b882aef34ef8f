"""Real worker processes, begun with the product's own command, killed at will."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import create_engine, text

from tests.forking import Child, begin

OPEN_TRANSACTIONS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'coordinator worker%' AND xact_start IS NOT NULL"
)
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

    def halt(self, *processes: Child) -> None:
        """Stop processes (SIGSTOP) where no transaction of theirs is open: whoever writes meanwhile
        would wait for the locks of it."""
        engine = create_engine(self.database_url, isolation_level="AUTOCOMMIT")
        until = time.monotonic() + STOP_SECONDS
        with engine.connect() as watcher:
            while time.monotonic() < until:
                for process in processes:
                    process.send_signal(signal.SIGSTOP)
                # What was sent before the signal may still arrive.
                time.sleep(0.05)
                if watcher.scalar(OPEN_TRANSACTIONS) == 0:
                    break
                for process in processes:
                    process.send_signal(signal.SIGCONT)
                time.sleep(0.01)
            else:
                raise AssertionError(f"They were never at rest within {STOP_SECONDS:.0f} seconds.")
        engine.dispose()

    def stop(self, process: Child) -> int:
        """Ask a process to end, as a supervisor does; its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS)
