"""Relative dates: the engine clock moved by a calendar duration, and who flips when it ticks.

The clock is always an argument (`today`), so evaluation is pure and tests can move it.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import floor
from typing import Final

from sync_engine.rules.nodes import Now, Rule, leaves, values_of

LONGEST_YEARS: Final = 200
AVERAGE_MONTH: Final = 146_097 / 4_800
MOST_SHIFT: Final = 9
"""Days by which whole months, counted from any day, can be shorter than months on average."""

_OFFSET: Final = re.compile(
    r"([+-]?)P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Duration:
    sign: int
    years: int
    months: int
    weeks: int
    days: int

    def is_within_limit(self) -> bool:
        days = (self.years * 12 + self.months) * 31 + self.weeks * 7 + self.days
        return days <= LONGEST_YEARS * 12 * 31


def duration_from(text: str) -> Duration | None:
    """[+-]P[n]Y[n]M[n]W[n]D with at least one part, in any case; None if it is not one."""
    found = _OFFSET.fullmatch(text)
    if found is None or text[-1] in "Pp":
        return None
    sign, *parts = found.groups()
    return Duration(-1 if sign == "-" else 1, *(int(part or 0) for part in parts))


def spelled(duration: Duration) -> str:
    """The canonical spelling: no plus, no zeros; the clock itself is "P0D"."""
    parts = (
        (duration.years, "Y"),
        (duration.months, "M"),
        (duration.weeks, "W"),
        (duration.days, "D"),
    )
    text = "".join(f"{number}{unit}" for number, unit in parts if number)
    return f"{'-' if duration.sign < 0 else ''}P{text}" if text else "P0D"


@lru_cache(maxsize=4096)
def shifted(today: date, offset: str) -> date:
    """The day `offset` from today: first years and months (a day beyond the end of its month
    becomes the last), then weeks and days. Stays within years 1 to 9999."""
    duration = duration_from(offset)
    if duration is None:
        raise ValueError(f"{offset!r} is not a duration.")
    months = today.year * 12 + today.month - 1
    months += duration.sign * (duration.years * 12 + duration.months)
    year, month = divmod(months, 12)
    if not date.min.year <= year <= date.max.year:
        return date.min if duration.sign < 0 else date.max
    moved = date(year, month + 1, min(today.day, _days_in(year, month + 1)))
    ordinal = moved.toordinal() + duration.sign * (duration.weeks * 7 + duration.days)
    return date.fromordinal(max(date.min.toordinal(), min(date.max.toordinal(), ordinal)))


def months_and_days(offset: str) -> tuple[int, int]:
    """What an offset adds to the months, and then to the days, of the clock."""
    duration = duration_from(offset)
    if duration is None:
        raise ValueError(f"{offset!r} is not a duration.")
    months, days = duration.years * 12 + duration.months, duration.weeks * 7 + duration.days
    return duration.sign * months, duration.sign * days


def least_gap(one: str, other: str) -> int:
    """So many days at least `now+one` lies after `now+other`, whatever the day of the clock.

    Exact for offsets of equally many months; else months are taken as long as they are on average,
    less what the calendar and the ends of months can shift. Days whose year is within 1 to 9999.
    """
    (months, days), (fewer, earlier) = months_and_days(one), months_and_days(other)
    if months == fewer:
        return days - earlier
    return floor((months - fewer) * AVERAGE_MONTH) - MOST_SHIFT + days - earlier


def _days_in(year: int, month: int) -> int:
    if month == 12:
        return 31
    return (date(year, month + 1, 1) - timedelta(days=1)).day


def offsets(rule: Rule) -> set[tuple[str, str]]:
    """Each (attribute, offset) the rule compares: what a tick must look at."""
    return {
        (leaf.attribute, value.offset)
        for leaf in leaves(rule)
        for value in values_of(leaf)
        if isinstance(value, Now)
    }


def crossing(offset: str, old: date, new: date) -> tuple[date, date]:
    """First and last fact date whose comparison with now+offset can flip from old to new.

    A comparison depends only on whether the fact lies before, on or after the threshold. That
    changes only for dates between the old and the new threshold, both included, whatever the
    calendar did to them, and in whichever direction the clock moved.
    """
    before, after = shifted(old, offset), shifted(new, offset)
    return min(before, after), max(before, after)
