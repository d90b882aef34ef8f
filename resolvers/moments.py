"""Moments as clients say them."""

import datetime as dt

from operations.refusals import Code, Refused


def exact(moment: dt.datetime | None, argument: str) -> dt.datetime | None:
    """The one moment that is meant, in UTC; raises Refused for a time of day anywhere, and for
    one beyond the calendar."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Refused(Code.BAD_USER_INPUT, f"{argument} needs a time zone, such as a final Z.")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise Refused(
            Code.BAD_USER_INPUT, f"{argument} is not within the years 1 to 9999."
        ) from None
