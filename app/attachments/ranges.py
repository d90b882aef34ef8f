"""The part of a file that a request asks for (RFC 9110, 14.1.2): one range, as players of video and
broken downloads send it. What asks for several gets the whole, as the standard allows."""

import re
from typing import Final, NamedTuple

_ONE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.ASCII | re.IGNORECASE)


class Part(NamedTuple):
    """From `start` up to before `end`."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """Nothing of the file lies in the range that was asked for."""


def part_of(size: int, said: str | None) -> Part | None:
    """The part that a Range header asks for; None for the whole. Raises Unsatisfiable."""
    found = None if said is None else _ONE.fullmatch(said.strip())
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found[1], found[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return Part(start, end)
