"""VTIMEZONE: how a time zone's clocks are set around the years that a calendar is about.

Every change of the offset stands there by itself, at what clocks show just before it (RFC 5545,
3.6.5), so nothing depends on rules that a reader would have to follow, or on its own knowledge of
the zone. icalendar's `Timezone.from_tzinfo` puts what clocks show just after it, an hour off.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "Universal", "UCT"})
"""Zones that need none: their times are written with a Z."""

_FIRST, _LAST = 2, 9998
_SECOND: Final = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Onset:
    """An instant from which clocks are set anew."""

    at: dt.datetime
    before: dt.timedelta
    after: dt.timedelta
    name: str
    is_daylight: bool

    def component(self) -> TimezoneStandard | TimezoneDaylight:
        made = TimezoneDaylight() if self.is_daylight else TimezoneStandard()
        made.add("dtstart", (self.at + self.before).replace(tzinfo=None))
        made.add("tzoffsetfrom", self.before)
        made.add("tzoffsetto", self.after)
        made.add("tzname", self.name)
        return made


def clock_time(moment: dt.datetime, zone: str) -> dt.datetime:
    """What a calendar writes for a moment: what clocks of the zone show then. UTC where they show
    it twice, because they are put back: the first time is meant (RFC 5545, 3.3.5), but not every
    reader knows; and where no calendar has such a year."""
    moment = moment.astimezone(dt.UTC).replace(microsecond=0)
    if zone in UTC_NAMES or not _FIRST < moment.year < _LAST:
        return moment
    shown = moment.astimezone(ZoneInfo(zone))
    is_shown_twice = shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()
    return moment if is_shown_twice else shown


def components(shown: Collection[dt.datetime]) -> Iterator[Timezone]:
    """The VTIMEZONE of every zone that one of these times is written in, by name."""
    years: dict[str, set[int]] = {}
    for each in shown:
        if isinstance(each.tzinfo, ZoneInfo):
            around = range(each.year - 1, each.year + 2)
            years.setdefault(each.tzinfo.key, set()).update(around)
    for name in sorted(years):
        zone = Timezone()
        zone.add("tzid", name)
        for onset in _onsets(name, sorted(years[name])):
            zone.add_component(onset.component())
        yield zone


def _onsets(name: str, years: list[int]) -> Iterator[_Onset]:
    """All of these years, and, wherever years before were left out, how clocks were set then."""
    known: int | None = None
    for year in years:
        if known != year - 1:
            yield _onset(name, _new_year(year), is_change=False)
        yield from _changes(name, year)
        known = year


@lru_cache(maxsize=4096)
def _changes(name: str, year: int) -> tuple[_Onset, ...]:
    """When clocks were, or will be, set anew in a year; each is found to the second."""
    zone = ZoneInfo(name)
    first, end = _new_year(year), _new_year(year + 1)
    days = [first + dt.timedelta(days=n) for n in range((end - first).days + 1)]
    return tuple(
        _onset(name, _between(zone, before, after))
        for before, after in pairwise(days)
        if _offset(zone, before) != _offset(zone, after)
    )


def _between(zone: ZoneInfo, before: dt.datetime, after: dt.datetime) -> dt.datetime:
    """The first second that has the offset of `after`."""
    former = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + dt.timedelta(seconds=(after - before) // _SECOND // 2)
        if _offset(zone, middle) == former:
            before = middle
        else:
            after = middle
    return after


def _onset(name: str, at: dt.datetime, *, is_change: bool = True) -> _Onset:
    zone = ZoneInfo(name)
    shown = at.astimezone(zone)
    after = _offset(zone, at)
    before = _offset(zone, at - _SECOND) if is_change else after
    return _Onset(at, before, after, shown.tzname() or name, bool(shown.dst()))


def _offset(zone: ZoneInfo, at: dt.datetime) -> dt.timedelta:
    return at.astimezone(zone).utcoffset() or dt.timedelta()


def _new_year(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)
