"""What a round is about: all do everything, or many do the same at the same moment.

What only a window of microseconds loses, is lost by even draws once in thousands of rounds. So most
rounds have a theme that keeps such windows open, and goes through them from all sides. Whatever
the theme: workers, servers and connections die as ever.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.torture.hand import ON_COURSES, Act, Hand, Pause


@dataclass(frozen=True, slots=True)
class Theme:
    """What each hand does: how many acts of which, and how long they stay open."""

    name: str
    writes: tuple[Act, ...]
    edits: tuple[Act, ...]
    changes: int = 16
    edited: int = 8
    decided: int = 2
    writing: Pause = (0.4, 0.004)
    editing: Pause = (0.4, 0.04)


MIXED = Theme(
    "mixed",
    writes=(
        *(Hand.change,) * 8,
        Hand.change_many,
        Hand.set_state,
        Hand.rename,
        Hand.hire,
        Hand.regroup,
        Hand.name,
    ),
    edits=(*(Hand.edit_rule,) * 3, Hand.pause_or_resume, Hand.tick, *ON_COURSES),
    decided=4,
)
SAME_PEOPLE = Theme(
    "the same people again and again",
    writes=(*(Hand.change_twice,) * 3, Hand.change_the_same),
    edits=(Hand.edit_rule, Hand.tick),
    changes=12,
    edited=3,
    writing=(0.8, 0.04),
)
NEWCOMERS = Theme(
    "newcomers while rules are edited",
    writes=(*(Hand.hire_elsewhere,) * 4, Hand.change_the_same),
    edits=(*(Hand.edit_rule,) * 5, Hand.pause_or_resume),
    edited=4,
    editing=(0.9, 0.3),
)
MIDNIGHT = Theme(
    "dates at midnight",
    writes=(*(Hand.change_date,) * 4, Hand.hire),
    edits=(*(Hand.tick,) * 3, Hand.edit_to_a_date),
    edited=4,
    editing=(0.9, 0.3),
)
DECISIONS = Theme(
    "decisions",
    writes=(*(Hand.change,) * 4, Hand.change_many, Hand.set_state),
    edits=(*(Hand.edit_rule,) * 2, Hand.pause_or_resume, *ON_COURSES),
    changes=10,
    decided=14,
)

THEMES = (MIXED, SAME_PEOPLE, NEWCOMERS, MIDNIGHT, DECISIONS)
DECK = (MIXED, *THEMES)


def drawn(dice: random.Random) -> Iterator[Theme]:
    """Themes without end, as from a deck that is shuffled whenever it is through."""
    while True:
        yield from dice.sample(DECK, len(DECK))
