"""What a vendor's webhooks need: two pure functions, with the inbox between them.

`knock` looks at the raw request and says whether it is to be believed; `read` says, later and
perhaps again, what a stored body means. Neither does any input or output.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from operations.deliveries import Read


@dataclass(frozen=True, slots=True)
class Accepted:
    """Authentic; the id by which a repetition is known."""

    delivery_id: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """The vendor asks whether this address is ours; the answer it wants."""

    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Not to be believed. `reason` is for the log alone."""

    reason: str


Headers = Mapping[str, Sequence[str]]
"""All values by lower-case name."""

Knock = Callable[[Headers, bytes, Sequence[str], dt.datetime], Accepted | Challenge | Reject]
"""(headers, raw body, live secrets, now) → whether to believe it."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One vendor's way of sending webhooks."""

    knock: Knock
    read: Read
