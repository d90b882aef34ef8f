"""What must change so that people are in the segments they should be in: a difference.

Pure, and the only place that decides it: the engine asks about the rules that are saved, a
preview about those that are not yet.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

Pair: TypeAlias = tuple[int, int]
"""(member id, segment id)"""

Segments: TypeAlias = Mapping[int, AbstractSet[int]]
"""Segment ids by member id; a person without any may be left out."""

Pins: TypeAlias = Mapping[int, bool]
"""Segments that somebody decided a person is in, or is not in, whatever their rules say."""

Held: TypeAlias = Mapping[int, bool]
"""Segments whose removal of a person waits, and whether it has been approved (S11)."""

NOTHING: Final[frozenset[int]] = frozenset()
NONE: Final[Mapping[int, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """Memberships to open and to close, each in the order of its pairs.

    `released` removals waited, and wait no longer: they are done here, or wanted no more. Of those
    removed `by_rule` nobody decided anything, and their accounts go on (S11).
    """

    added: list[Pair] = field(default_factory=list)
    removed: list[Pair] = field(default_factory=list)
    released: list[Pair] = field(default_factory=list)
    by_rule: list[Pair] = field(default_factory=list, compare=False)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.released)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands beside the rules for one person.

    `has`: the segments the person is in. `frozen` ones keep exactly the people they have (S5);
    `pins` beat both the rules and that.
    """

    has: AbstractSet[int] = NOTHING
    frozen: AbstractSet[int] = NOTHING
    pins: Pins = field(default_factory=dict)
    held: Held = field(default_factory=dict)

    def unheld(self, should: AbstractSet[int]) -> set[int]:
        """The segments a person is to be in, of whom the rules say `should`."""
        wanted = {*(should - self.frozen), *(self.has & self.frozen)}
        if self.pins:
            wanted -= self.pins.keys()
            wanted |= {segment_id for segment_id, is_in in self.pins.items() if is_in}
        return wanted

    def settled(self, should: AbstractSet[int]) -> set[int]:
        """The segments the person is in for now: also those whose removal waits."""
        wanted = self.unheld(should)
        wanted.update(
            each
            for each, approved in self.held.items()
            if not approved and each in self.has and each not in self.pins
        )
        return wanted


def difference(
    wanted: Segments,
    current: Segments,
    *,
    frozen: AbstractSet[int] = NOTHING,
    gone: AbstractSet[int] = NOTHING,
    pins: Mapping[int, Pins] = MappingProxyType({}),
    held: Mapping[int, Held] = MappingProxyType({}),
) -> Plan:
    """The changes that turn `current` into `wanted`, as far as they may be made.

    `pins` and `held` are by member id. Those who are `gone` have been deleted: they stay in
    nothing, not even in frozen segments. Who is in neither `wanted` nor `gone` cannot be in
    segments for the moment: no pin and no hold keeps such a person in one.
    """
    plan = Plan()
    for member_id in sorted(wanted.keys() | current.keys() | pins.keys() | held.keys()):
        should, has = wanted.get(member_id, NOTHING), current.get(member_id, NOTHING)
        waiting = held.get(member_id, NONE)
        if should == has and not waiting and member_id not in pins:
            continue
        kept = NOTHING if member_id in gone else frozen
        standing = Standing(has, kept)
        if member_id in wanted:
            standing = Standing(has, kept, pins.get(member_id, NONE), waiting)
        after = standing.settled(should)
        plan.added.extend((member_id, each) for each in sorted(after - has))
        gone_from = sorted(has - after)
        plan.removed.extend((member_id, each) for each in gone_from)
        if gone_from and member_id in wanted:
            decided = pins.get(member_id, NONE).keys() | waiting.keys()
            plan.by_rule.extend((member_id, each) for each in gone_from if each not in decided)
        if waiting:
            still = after - standing.unheld(should)
            plan.released.extend((member_id, each) for each in sorted(waiting.keys() - still))
    return plan
