"""A guard chosen at random is taken away, and the proof notices it.

`make guards` takes away all of them. What is UNPROVEN is not drawn, and is counted here.
"""

import gc
import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.proof.guards import UNPROVEN, all_guards
from tests.proof.noticing import UNNOTICED, Noticing
from tests.proof.town import Town

MOST_UNPROVEN = 4
"""May only be lowered."""

pytestmark = [
    pytest.mark.timeout(600),
    # Without its filters the product meets rows it never meets, and may break off in the middle.
    pytest.mark.filterwarnings("ignore:.*garbage collector is trying to clean up"),
]


async def test_no_guard_can_be_taken_away_unnoticed(
    town: Town, record_property: Callable[[str, object], None]
) -> None:
    proof = Noticing(town)
    seed = int(os.environ.get("GUARDS_SEED", random.SystemRandom().randrange(10**6)))
    guards = [each for each in all_guards() if each.place not in UNPROVEN]
    chosen = random.Random(seed).sample(guards, 1)

    faults = await proof.faults_around(chosen)
    found = {each.name: await proof.notices(each) for each in chosen}
    if UNNOTICED in found.values():
        faults += await proof.faults()
        unseen = [each for each in chosen if found[each.name] == UNNOTICED]
        found |= {each.name: await proof.notices(each) for each in unseen}
    gc.collect()  # What broke off is cleaned up here, where that is expected.

    assert faults == []
    unnoticed = [name for name, said in found.items() if said == UNNOTICED]
    assert unnoticed == [], f"with GUARDS_SEED={seed}"
    record_property(
        f"one of {len(guards)} guards taken away, GUARDS_SEED={seed}",
        str(dict(Counter(found.values()))),
    )


def test_what_is_unproven_is_there_and_does_not_grow() -> None:
    assert {each.place for each in all_guards()} >= UNPROVEN
    assert len(UNPROVEN) <= MOST_UNPROVEN
