"""In which order things happened at an identity provider, whatever order we hear of them (I4).

Every statement of a provider carries a key. Keys of one connection are totally ordered: by its
sequence number, else by the time of the event, and at equal times by the delivery's id, so that
every permutation and duplication of the same deliveries ends in the same state. A sequence number
is greater than having none. Whether a person is active, and whether one is there at all, does not
hang on the delivery's id: at equal times the answer that takes access away wins.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple, TypeAlias

Stored: TypeAlias = Mapping[str, Any]
"""A key as stored in JSON: its fields by name, and whatever else was said."""

FULL: Final = "*"
"""The clock entry that stands for every attribute: the last full statement."""

LARGEST_SEQUENCE: Final = 2**53
AHEAD: Final = dt.timedelta(minutes=5)
RETAINED: Final = dt.timedelta(days=90)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class OrderKey(NamedTuple):
    """Where a statement stands. `sequence` is the provider's plus 1, and 0 when it has none."""

    sequence: int
    microseconds: int
    delivery_id: str

    @property
    def moment(self) -> tuple[int, int]:
        """The key without the delivery's id."""
        return self.sequence, self.microseconds


BEFORE_ALL: Final = OrderKey(-1, 0, "")


def key_at(sequence: int | None, at: dt.datetime, delivery_id: str) -> OrderKey:
    """The key of an event."""
    return OrderKey(
        0 if sequence is None else sequence + 1, (at - _EPOCH) // _MICROSECOND, delivery_id
    )


def key_after(at: dt.datetime, known: Iterable[OrderKey]) -> OrderKey:
    """The key of a statement whose order is the order of commit: after everything known."""
    last = max(known, default=BEFORE_ALL)
    sequence = max(last.sequence, 0)
    microseconds = max((at - _EPOCH) // _MICROSECOND, last.microseconds + 1)
    return OrderKey(sequence, microseconds, "")


def stored(key: OrderKey, **said: Any) -> dict[str, Any]:
    """The key as JSON, with what was said at it."""
    return key._asdict() | said


def known(value: Stored | None) -> OrderKey:
    """A stored key; before everything when there is none."""
    if not value:
        return BEFORE_ALL
    return OrderKey(value["sequence"], value["microseconds"], value["delivery_id"])


def said_at(clock: Mapping[str, Any], name: str) -> OrderKey:
    """When this attribute was last spoken of."""
    return max(known(clock.get(name)), known(clock.get(FULL)))


def stamp_full(clock: MutableMapping[str, Any], key: OrderKey, names: Iterable[str]) -> None:
    """Everything was spoken of at `key`; entries it overtakes are forgotten."""
    for name in names:
        if name in clock and known(clock[name]) <= key:
            del clock[name]
    clock[FULL] = stored(key)


def untimely(occurred_at: dt.datetime | None, *, is_full: bool, at: dt.datetime) -> str | None:
    """Why an event of this time must not be applied; None when it may.

    One wrong clock would otherwise freeze a person until that time comes.
    """
    if occurred_at is None:
        return None
    if occurred_at > at + AHEAD:
        ahead = occurred_at - at
        return (
            f"It says it happened at {occurred_at.isoformat()}, {ahead.total_seconds():.0f} s "
            f"ahead of this clock; at most {AHEAD.total_seconds():.0f} s are believed."
        )
    if occurred_at < at - RETAINED and not is_full:
        return (
            f"It says it happened at {occurred_at.isoformat()}, more than {RETAINED.days} days "
            "ago; so late only a full statement is believed."
        )
    return None
