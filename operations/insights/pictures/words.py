"""Figures in words, for those who hear a picture, and for labels."""

from collections.abc import Sequence
from typing import Final

from operations.insights.pictures.lettering import plain

HIDDEN: Final = "too few people to show"
LONGEST_NAME: Final = 80


def named(text: str) -> str:
    """A name, in one line and not longer than that."""
    name = plain(text)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def count(number: int, one: str = "", many: str = "") -> str:
    """1,234, or with a noun: 1 person, 2 people."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if one else f"{number:,}"


def short(number: int) -> str:
    """A count for where there is little room: 950, 12.3k, 4.6M."""
    for size, letter in ((1_000_000, "M"), (10_000, "k")):
        if number >= size:
            of = 1_000 if letter == "k" else size
            return f"{number / of:.3g}{letter}"
    return f"{number:,}"


def percent(part: float, whole: float) -> str:
    """A share in whole percent; some are never none, and not quite all are never all."""
    share = 100 * part / whole if whole else 0
    if 0 < share < 1:
        return "<1 %"
    if 99 < share < 100:
        return ">99 %"
    return f"{share:.0f} %"


def decimal(number: float, digits: int = 2) -> str:
    """0.72; a minus is a minus, and nothing is not less than nothing."""
    text = f"{number:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def joined(parts: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(", ".join(parts).rsplit(", ", 1)) if parts else ""


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""
