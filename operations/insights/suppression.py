"""Which figures stay hidden from those who may not look at the people themselves.

Every figure about fewer people than the workspace's `smallest_group`, and whatever would give one
away by subtraction.
"""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def is_small(people: int, smallest: int) -> bool:
    """Whether a figure about so many is about too few; about nobody it says nothing of anybody."""
    return 0 < people < smallest


def hidden(sizes: Mapping[T, int], smallest: int) -> frozenset[T]:
    """The rows of a breakdown that stay hidden beside their sum.

    Those that are small; and the next smallest, until those hidden are enough people together:
    what is left when the shown rows are taken from the sum is about all of them.
    """
    found = {key for key, people in sizes.items() if is_small(people, smallest)}
    others = sorted(
        (key for key in sizes if sizes[key] and key not in found), key=lambda key: sizes[key]
    )
    while found and others and sum(sizes[key] for key in found) < smallest:
        found.add(others.pop(0))
    return frozenset(found)
