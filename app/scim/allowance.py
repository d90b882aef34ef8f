"""How fast one connection may send: generous, because a limit that a provider meets makes it
give up on people for hours."""

import datetime as dt
from dataclasses import dataclass, field


@dataclass(slots=True)
class Allowance:
    """A bucket per connection in this process: `burst` at once, `per_second` for good."""

    per_second: float = 100.0
    burst: float = 1_000.0
    _buckets: dict[int, tuple[float, dt.datetime]] = field(default_factory=dict)

    def allows(self, connection_id: int, at: dt.datetime) -> bool:
        """Take one from the connection's bucket; false when it is empty."""
        left, since = self._buckets.get(connection_id, (self.burst, at))
        left = min(self.burst, left + max(0.0, (at - since).total_seconds()) * self.per_second)
        is_allowed = left >= 1
        self._buckets[connection_id] = (left - 1 if is_allowed else left, at)
        return is_allowed
