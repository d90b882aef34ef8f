"""Saying that something is away: once when it goes, once when it is back, however often we try."""

import logging
import threading
import time


class Outage:
    """The absence of one thing (`what`), as several threads may notice it.

    `failures` counts every failed attempt since the process started, for gauges.
    """

    def __init__(self, what: str, log: logging.Logger, *, meanwhile: str) -> None:
        self.failures = 0
        self._what = what
        self._log = log
        self._meanwhile = meanwhile
        self._since: float | None = None
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether the last attempt failed."""
        return self._since is not None

    def failed(self, problem: BaseException) -> None:
        """An attempt failed; only the first one in a row is logged."""
        with self._lock:
            self.failures += 1
            if self._since is not None:
                return
            self._since = time.monotonic()
        self._log.warning(
            "%s does not answer (%s: %s); %s",
            self._what,
            type(problem).__name__,
            str(problem).strip().partition("\n")[0],
            self._meanwhile,
        )

    def worked(self) -> None:
        """An attempt succeeded."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
        if since is not None:
            self._log.warning("%s is back after %.1f s", self._what, time.monotonic() - since)
