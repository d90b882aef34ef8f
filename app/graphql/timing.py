"""A token bucket, and waiting for a moment on the clock."""

import asyncio
import time
from datetime import UTC, datetime

LONGEST_SLEEP = 3600.0  # clocks are set and machines sleep: look again now and then


class Bucket:
    """`rate` per second on average, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take one; False when there is none."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def seconds_until(moment: datetime | None) -> float | None:
    """Seconds from now, never negative; None for never."""
    if moment is None:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


async def at_moment(moment: datetime) -> None:
    """Return when the clock says so."""
    left = seconds_until(moment)
    if left:
        await asyncio.sleep(min(left, LONGEST_SLEEP))
        await at_moment(moment)
