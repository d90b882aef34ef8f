"""What must change so that people are in the segments they should be in: a difference.

Pure, and the only place that decides it: the engine asks about the rules that are saved, a
preview about those that are not yet.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Pair: TypeAlias = tuple[int, int]
"""(member id, segment id)"""

Segments: TypeAlias = Mapping[int, AbstractSet[int]]
"""Segment ids by member id; a person without any may be left out."""

_NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """Memberships to open and to close, each in the order of its pairs."""

    added: list[Pair] = field(default_factory=list)
    removed: list[Pair] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def difference(
    wanted: Segments,
    current: Segments,
    *,
    frozen: AbstractSet[int] = _NONE,
    gone: AbstractSet[int] = _NONE,
) -> Plan:
    """The changes that turn `current` into `wanted`.

    A frozen segment keeps exactly the people it has, whatever is wanted (S5), except those who
    are `gone`: deleted people stay in nothing.
    """
    plan = Plan()
    for member_id in sorted(wanted.keys() | current.keys()):
        should, has = wanted.get(member_id, _NONE), current.get(member_id, _NONE)
        if should == has:
            continue
        kept = _NONE if member_id in gone else frozen
        plan.added.extend((member_id, each) for each in sorted(should - has - kept))
        plan.removed.extend((member_id, each) for each in sorted(has - should - kept))
    return plan
