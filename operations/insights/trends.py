"""What happened from day to day: how many began and how many completed, in the calendar of the
workspace, without gaps."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from operations.refusals import Code, Refused

LONGEST: Final = 400
"""So many buckets a trend may have: a year and a bit of days, 7 years of weeks, 33 of months."""

ByDay = Mapping[dt.date, int]


class Every(StrEnum):
    """How long a bucket is. Weeks begin on Monday (ISO 8601)."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The days from `since` up to, but not including, `until`.

    `completion_rate` is the share of today's learners that had completed when the bucket ended.
    None where it is hidden, and the rate also where nobody learns.
    """

    since: dt.date
    until: dt.date
    started: int | None
    completed: int | None
    completion_rate: float | None


def _day(day: dt.date) -> dt.date:
    return day


def _week(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _month(day: dt.date) -> dt.date:
    return day.replace(day=1)


BEGIN: Final[Mapping[Every, Callable[[dt.date], dt.date]]] = {
    Every.DAY: _day,
    Every.WEEK: _week,
    Every.MONTH: _month,
}
STEP: Final = {
    Every.DAY: dt.timedelta(days=1),
    Every.WEEK: dt.timedelta(days=7),
    Every.MONTH: dt.timedelta(days=31),
}
"""At least one bucket and less than two, from the first day of any bucket."""


@dataclass(frozen=True, slots=True)
class Days:
    """How many learners began, and completed, on which day; `assigned` are all of them."""

    started: ByDay
    completed: ByDay
    assigned: int
    today: dt.date


def trend(
    days: Days, every: Every, *, since: dt.date | None = None, until: dt.date | None = None
) -> list[Bucket]:
    """The buckets from the one `since` is in to the last that begins before `until`; without
    them, from the first in which something happened to today's. Nothing is told of the future.
    Raises Refused: BAD_USER_INPUT."""
    begin = BEGIN[every]
    known = [*days.started, *days.completed]
    if since is None and not known:
        return []
    first = begin(min(known) if since is None else since)
    end = max([days.today, *known]) + dt.timedelta(days=1)
    started, completed = _summed(days.started, begin), _summed(days.completed, begin)
    done = sum(count for day, count in completed.items() if day < first)
    buckets = []
    for start, stop in _between(first, end if until is None else min(until, end), every):
        done += completed.get(start, 0)
        rate = done / days.assigned if days.assigned else None
        buckets.append(Bucket(start, stop, started.get(start, 0), completed.get(start, 0), rate))
    return buckets


def _between(first: dt.date, end: dt.date, every: Every) -> Iterator[tuple[dt.date, dt.date]]:
    """Where the buckets begin and stop, from one to the last that begins before `end`."""
    begin, step = BEGIN[every], STEP[every]
    count = _count(first, end, every)
    if count > LONGEST:
        raise _too_long(every, count)
    start = first
    while start < end:
        stop = begin(start + step)
        yield start, stop
        start = stop


def _count(first: dt.date, end: dt.date, every: Every) -> int:
    """How many buckets begin before `end`."""
    if every is Every.MONTH:
        months = (end.year - first.year) * 12 + end.month - first.month
        return months + (end.day > 1)
    return -((first - end).days // STEP[every].days)


def _too_long(every: Every, actual: int) -> Refused:
    return Refused(
        Code.BAD_USER_INPUT,
        f"A trend has at most {LONGEST} buckets; by {every.lower()} this one has more. Take longer"
        " buckets, or name a `since` that is nearer.",
        {"argument": "every", "limit": LONGEST, "actual": actual},
    )


def _summed(by_day: ByDay, begin: Callable[[dt.date], dt.date]) -> dict[dt.date, int]:
    found: dict[dt.date, int] = {}
    for day, count in by_day.items():
        bucket = begin(day)
        found[bucket] = found.get(bucket, 0) + count
    return found
