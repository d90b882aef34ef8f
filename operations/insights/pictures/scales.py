"""Numbers as places: scales with round marks, and numbers as SVG writes them."""

import math
from dataclasses import dataclass
from typing import Final

STEPS: Final = (1, 2, 5, 10)
MARKS: Final = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """From the values `low` to `high` to the places `start` to `end`, evenly."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value; what is beyond the ends stays at them."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def length(self, value: float) -> float:
        """How long a bar from zero to a value is."""
        return abs(self(value) - self(0))


def counted(most: int, marks: int = MARKS) -> list[int]:
    """Marks for whole numbers from 0 to `most` or a little more: about so many, at 1, 2 or 5
    times a power of ten."""
    rough = max(most, 1) / marks
    power = 10 ** max(math.floor(math.log10(rough)), 0)
    step = next(each * power for each in STEPS if each * power >= rough)
    return list(range(0, max(most, 1) + step, step))[: math.ceil(max(most, 1) / step) + 1]


def written(number: float) -> str:
    """A number as SVG has it: short, and never NaN or endless. Raises ValueError."""
    if not math.isfinite(number):
        raise ValueError(f"{number} has no place in a picture.")
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
