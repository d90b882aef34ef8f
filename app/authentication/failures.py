"""How many wrong tokens, or wrong codes, an address may show, and how often a stranger may ask."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

A_MINUTE: Final = 20
MOST_ADDRESSES: Final = 10_000
_SECONDS: Final = 60.0


class Failures:
    """What is counted of the last minute by address, in this process: failed sign-ins, and what
    else may not be done often without a name.

    Each fills a bucket that empties at 20 (`limit`) a minute. Of IPv6 the network of a site counts
    (/64), because its addresses cost nothing.
    """

    def __init__(self, limit: int = A_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, address: str | None) -> None:
        """One more failure."""
        source = _source(address)
        self._level[source] = (min(self._present(source) + 1, self._limit), self._clock())
        self._level.move_to_end(source)
        if len(self._level) > MOST_ADDRESSES:
            self._level.popitem(last=False)

    def seconds_to_wait(self, address: str | None) -> int:
        """0 while the address may fail once more; else after how many seconds it may."""
        too_much = self._present(_source(address)) - (self._limit - 1)
        if too_much <= 0:
            return 0
        return max(1, round(too_much * _SECONDS / self._limit))

    def _present(self, source: str) -> float:
        level, at = self._level.get(source, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._limit / _SECONDS)


def _source(address: str | None) -> str:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), 64), strict=False))
    return str(parsed)
