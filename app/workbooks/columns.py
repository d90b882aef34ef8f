"""What a column of a sheet holds, and how it looks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Kind(StrEnum):
    """What the values of a column are: str; int; int, float or Decimal; the same, shown with two
    decimals (FIGURE), or as so many of a hundred; an aware datetime; a date; a timedelta or
    seconds; a bool. ANY: each is an `Is`. None is an empty cell."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    FIGURE = "FIGURE"
    PERCENT = "PERCENT"
    MOMENT = "MOMENT"
    DATE = "DATE"
    DURATION = "DURATION"
    YES_NO = "YES_NO"
    ANY = "ANY"


class Is(NamedTuple):
    """A value that says itself of what kind it is."""

    kind: Kind
    value: Any


class Look(StrEnum):
    """How cells show what they say. SCALE: colored from low to high, between 0 and 1 (of
    percentages, 0 and 100). BAR: with a bar as long as the number. VERDICT: yes and no by color."""

    PLAIN = "PLAIN"
    SCALE = "SCALE"
    BAR = "BAR"
    VERDICT = "VERDICT"


WIDTHS: Final = {
    Kind.TEXT: 24.0,
    Kind.INTEGER: 10.0,
    Kind.NUMBER: 10.0,
    Kind.FIGURE: 10.0,
    Kind.PERCENT: 10.0,
    Kind.MOMENT: 20.0,
    Kind.DATE: 12.0,
    Kind.DURATION: 11.0,
    Kind.YES_NO: 9.0,
    Kind.ANY: 24.0,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `width` is in characters, and the usual one of its kind where None."""

    title: str
    kind: Kind = Kind.TEXT
    width: float | None = None
    look: Look = Look.PLAIN
    wraps: bool = False

    @property
    def characters(self) -> float:
        return WIDTHS[self.kind] if self.width is None else self.width
