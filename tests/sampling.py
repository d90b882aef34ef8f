"""What is proven in every run, and what in turns.

`make test` asks everything of one's own scope, and of the rest a part that is drawn with the seed
its first lines print; `PROOF_SEED=…` draws the same again. `make proof` draws nothing: it asks all.
"""

import os
import random
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

WHOLE: Final = "PROOF_WHOLE"
SEED: Final = "PROOF_SEED"


def settle_seed() -> str:
    """Of the first process of a run, before others come; what is to be printed."""
    if is_whole():
        return "everything is proven: PROOF_WHOLE"
    seed = os.environ.setdefault(SEED, str(random.SystemRandom().randrange(10**6)))
    return f"what is proven in turns is drawn with PROOF_SEED={seed}"


def is_whole() -> bool:
    return bool(os.environ.get(WHOLE))


def dice(about: str) -> random.Random:
    """The same for the same seed, in whatever process and order."""
    return random.Random(f"{os.environ.get(SEED, '')} {about}")


def some(each: Sequence[T], about: str, *, share: float) -> list[T]:
    """So much of it, and at least one, in its order; in a whole run everything."""
    if is_whole():
        return list(each)
    number = max(1, round(len(each) * share))
    chosen = set(dice(about).sample(range(len(each)), min(number, len(each))))
    return [one for place, one in enumerate(each) if place in chosen]


def is_turn(*places: int, of: int) -> bool:
    """Whether it is the turn of what stands there, once in so many; always in a whole run."""
    return is_whole() or (sum(places) + dice("turns").randrange(of)) % of == 0


def examples(number: int) -> int:
    """How many examples Hypothesis takes where `number` are taken in a whole run: they are others
    in every run, so what one leaves out the next may take."""
    return number if is_whole() else max(3, number // 5)
