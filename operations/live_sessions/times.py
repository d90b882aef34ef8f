"""When a live session takes place: instants, said in a time zone.

A time with an offset is an instant. One without is what clocks in the time zone show; where they
show it never, because they are put forward, or twice, because they are put back, it is refused,
with the instants that may have been meant.
"""

import datetime as dt
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from operations.refusals import Code, Refused

LONGEST: Final = dt.timedelta(days=31)
_NOWHERE: Final = frozenset({"Factory", "localtime"})


def zone_of(name: str) -> str:
    """The name of an IANA time zone; raises Refused."""
    if name not in _zones():
        raise Refused(
            Code.BAD_USER_INPUT,
            f"“{name[:80]}” is not an IANA time zone, such as Europe/Stockholm.",
            {"argument": "timeZone"},
        )
    return name


def instant(said: dt.datetime, zone: str, argument: str) -> dt.datetime:
    """The one instant that is meant, in UTC; raises Refused."""
    try:
        return _instant(said, ZoneInfo(zone), argument)
    except OverflowError:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{argument} is not within the years 1 to 9999.",
            {"argument": argument},
        ) from None


def refuse_disorder(
    starts_at: dt.datetime, ends_at: dt.datetime, closes_at: dt.datetime | None
) -> None:
    """Raises Refused unless it ends after it starts, not much later, and closes before."""
    if ends_at <= starts_at:
        raise _bad("A live session ends after it starts.", "endsAt")
    if ends_at - starts_at > LONGEST:
        raise _bad(f"A live session takes at most {LONGEST.days} days.", "endsAt")
    if closes_at is not None and closes_at > starts_at:
        raise _bad(
            "Registration closes when the live session starts, or before.", "registrationClosesAt"
        )


def local(moment: dt.datetime, zone: str) -> str:
    """What clocks in the time zone show then, with the offset: 2026-12-24T09:00:00+01:00."""
    return moment.astimezone(ZoneInfo(zone)).isoformat()


def _instant(said: dt.datetime, zone: ZoneInfo, argument: str) -> dt.datetime:
    if said.tzinfo is not None:
        return said.astimezone(dt.UTC)
    first, second = (said.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(dt.UTC)
    meant = sorted(each.astimezone(dt.UTC) for each in (first, second))
    choices = [each.astimezone(zone).isoformat() for each in meant]
    is_shown = meant[0].astimezone(zone).replace(tzinfo=None, fold=0) == said.replace(fold=0)
    how = (
        "twice, because clocks are put back" if is_shown else "never, because they are put forward"
    )
    raise Refused(
        Code.BAD_USER_INPUT,
        f"{argument}: clocks in {zone.key} show {said.isoformat()} {how}."
        f" Say {choices[0]} or {choices[1]}.",
        {"argument": argument, "choices": choices},
    )


def _bad(message: str, argument: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message, {"argument": argument})


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NOWHERE)
