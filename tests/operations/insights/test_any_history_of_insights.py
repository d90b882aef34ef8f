"""Whatever happens on a course, folded when and as often as may be, workers killed in between: what
insights are read from is what a naive count says (X1, X2, X3)."""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from operations.insights.cells import Narrow, Policy
from tests.operations.insights.academy import GROUPS, LEARNERS, STAFF, Academy
from tests.sampling import examples
from tests.taking import RIGHT, WRONG
from tests.world import MONDAY, World

pytestmark = [pytest.mark.spec("X1", "X2", "X3"), pytest.mark.timeout(180)]

_numbers = itertools.count(1)

ANSWERS: Final = (dict(RIGHT), {**WRONG, 6: "At length."}, {1: 13, 4: " Sthlm  City "}, {6: "Hm."})
LEARNER: Final = st.sampled_from(LEARNERS)
ANYBODY: Final = st.sampled_from((*LEARNERS, STAFF))
GROUP: Final = st.sampled_from((None, *GROUPS))
STEPS: Final = st.one_of(
    st.tuples(st.just("enrol"), LEARNER, GROUP),
    st.tuples(st.just("unassign"), LEARNER, GROUP),
    st.tuples(st.just("hand_in"), ANYBODY, st.sampled_from(ANSWERS)),
    st.tuples(st.just("hand_in"), ANYBODY, st.sampled_from(ANSWERS)),
    st.tuples(st.just("hand_in"), LEARNER, st.just({0: "A text."}), st.just("Essay")),
    st.tuples(st.just("start_over"), LEARNER, st.sampled_from(ANSWERS)),
    st.tuples(st.just("hand_in_all"), ANYBODY),
    st.tuples(st.just("grade"), st.integers(0, 2), st.sampled_from([0, 1, 6]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["complete", "reset", "certify", "revoke"]), LEARNER),
    st.tuples(st.sampled_from(["register", "give_back"]), LEARNER),
    st.tuples(st.just("department"), ANYBODY, st.sampled_from(["Sales", "Legal", None])),
    st.tuples(st.just("move_to"), st.sampled_from(["UTC", "Pacific/Kiritimati"])),
    st.just(("fold",)),
    st.just(("fold", 1)),
    st.just(("crash",)),
    st.just(("settle",)),
)
STORY: Final[tuple[tuple[Any, ...], ...]] = (
    ("enrol", "Cy", "East"),
    ("settle",),
    ("hand_in", "Ada", RIGHT),
    ("hand_in", "Cy", ANSWERS[1]),
    ("fold", 1),
    ("hand_in", STAFF, RIGHT),
    ("grade", 1, 6, 1),
    ("department", "Ada", "Legal"),
    ("crash",),
    ("complete", "Bo"),
    ("certify", "Bo"),
    ("register", "Cy"),
    ("settle",),
    ("enrol", "Ada", "West"),
    ("hand_in", "Cy", {0: "A text."}, "Essay"),
    ("hand_in_all", "Cy"),
    ("hand_in", "Ada", WRONG),
    ("move_to", "Pacific/Kiritimati"),
    ("fold",),
    ("reset", "Cy"),
    ("unassign", "Bo", None),
    ("complete", "Ada"),
    ("settle",),
    ("reset", "Ada"),
    ("fold", 1),
    ("hand_in", "Ada", ANSWERS[1]),
    ("complete", "Ada"),
    ("settle",),
    ("reset", "Ada"),
    ("hand_in", "Ada", ANSWERS[1]),
    ("grade", 0, 6, 1),
)
"""Of everything something."""

LATER: Final = MONDAY + dt.timedelta(hours=9)


def narrows(groups: dict[str, int]) -> list[Narrow]:
    """Those the summary answers, and those it does not."""
    return [
        Narrow(),
        Narrow(includes_staff=True, policy=Policy.ALL),
        Narrow(policy=Policy.LAST, department="Sales"),
        Narrow(policy=Policy.BEST, group_id=groups["East"]),
        Narrow(policy=Policy.BEST),
        Narrow(policy=Policy.LAST, since=LATER),
        Narrow(until=LATER, includes_staff=True, group_id=groups["West"], department="Legal"),
    ]


@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=6, max_size=24))
async def test_after_any_history_the_summary_says_what_a_naive_count_says(
    sessions: async_sessionmaker[AsyncSession], steps: list[tuple[Any, ...]]
) -> None:
    academy = await Academy.open(await World.new(sessions, f"w-{next(_numbers)}"))
    for name in LEARNERS[:2]:
        await academy.enrol(name)

    await _live(academy, steps)


async def test_after_a_long_story_too(sessions: async_sessionmaker[AsyncSession]) -> None:
    academy = await Academy.open(await World.new(sessions))
    for name in LEARNERS[:2]:
        await academy.enrol(name)

    await _live(academy, [each for step in STORY for each in (step, ("look",))])

    assert len(await academy.read(academy.units[1], Narrow(policy=Policy.ALL))) >= 20


async def _live(academy: Academy, steps: Sequence[tuple[Any, ...]]) -> None:
    for step in [*steps, ("look",), ("settle",)]:
        await _take(academy, *step)

    await _compare(academy)


async def _take(academy: Academy, what: str, *said: Any) -> None:
    match what:
        case "look":
            await _compare(academy)
        case "department":
            name, department = said
            await academy.world.change(name, department=department)
        case _:
            await getattr(academy, what)(*said)


async def _compare(academy: Academy) -> None:
    for unit in academy.units:
        for to in narrows(academy.world.groups):
            assert await academy.read(unit, to) == await academy.naively(unit, to), (unit, to)
    assert await academy.drift() == []
