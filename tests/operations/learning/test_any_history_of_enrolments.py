"""Whatever happens in whatever order: who is a learner, for which reasons and until when is what a
naive telling of the same story says, and no row is ever lost (M2, M8, C21)."""

import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.catalog import Course
from models.people import MemberState
from tests.operations.learning.enrolling import (
    DAY,
    assign,
    change_group,
    join,
    leave,
    progress,
    remove_group,
    rows,
    unassign,
)
from tests.operations.learning.test_due_dates import redate
from tests.sampling import examples
from tests.world import MONDAY, World

pytestmark = [pytest.mark.spec("M2", "M8", "C21"), pytest.mark.timeout(120)]

_numbers = itertools.count(1)
PEOPLE, GROUPS = ("Ann", "Bea"), ("Red", "Blue")
BY_HAND = "DIRECT"


class Step(NamedTuple):
    """One thing that happens; what is not needed for it is not looked at."""

    what: str
    who: str
    group: str | None
    days: int | None


STEPS = st.builds(
    Step,
    st.sampled_from(
        ("assign", "unassign", "join", "leave", "redate", "regroup", "remove", "turn", "together")
    ),
    st.sampled_from(PEOPLE),
    st.sampled_from((None, *GROUPS)),
    st.sampled_from((None, 1, 2, 3)),
)


BEGINNING = (
    Step("regroup", "Ann", "Red", 1),
    Step("regroup", "Ann", "Blue", 3),
    Step("together", "Ann", "Red", None),
    Step("together", "Ann", "Blue", None),
    Step("redate", "Ann", None, 2),
)
"""So that every story has dates to choose between: for Bea two, for Ann one of her own besides."""


def _date(days: int | None) -> dt.datetime | None:
    return None if days is None else MONDAY + days * DAY


@dataclass
class Told:
    """The same story, told without a database."""

    reasons: dict[str, set[tuple[str, str | None]]] = field(
        default_factory=lambda: defaultdict(set)
    )
    groups: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(GROUPS))
    own: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(PEOPLE))
    ended: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    begun: int = 0

    def begin(self, who: str, source: str, group: str | None) -> bool:
        self.known.add(who)
        is_new = (source, group) not in self.reasons[who]
        self.reasons[who].add((source, group))
        self.begun += is_new
        return is_new

    def end(self, who: str, sources: set[str], groups: set[str | None]) -> bool:
        gone = {each for each in self.reasons[who] if each[0] in sources and each[1] in groups}
        self.reasons[who] -= gone
        return bool(gone)

    def due(self, who: str) -> dt.datetime | None:
        if self.own[who] is not None:
            return _date(self.own[who])
        days = [self.groups[g] for _, g in self.reasons[who] if g is not None]
        return _date(max((each for each in days if each is not None), default=None))

    def progress(self) -> list[tuple[str, bool, dt.datetime | None]]:
        return [(who, bool(self.reasons[who]), self.due(who)) for who in sorted(self.known)]

    def outcome(self, who: str, *, has_ended: bool) -> str:
        if self.reasons[who]:
            return "STILL_ENROLLED"
        return "UNASSIGNED" if has_ended else "NOT_ENROLLED"


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, max_size=14))
async def test_after_any_history_everybody_is_what_the_story_says(
    sessions: async_sessionmaker[AsyncSession], steps: list[Step]
) -> None:
    world = await World.new(sessions, f"w-{next(_numbers)}")
    for name in PEOPLE:
        await world.member(name)
    await world.course("Safety")
    async with world.edge.transaction() as db:
        (await db.get_one(Course, world.courses["Safety"])).allows_self_enrolment = True
    for name in GROUPS:
        await world.group(name, course="Safety", allows_self_enrolment=True)
    told = Told()

    for step in (*BEGINNING, *steps):
        await _take(world, told, step)
        assert await progress(world, "Safety") == told.progress(), step

    live = sum(len(reasons) for reasons in told.reasons.values())
    stored = [each[3] for each in await rows(world, "Safety")]
    assert (len(stored), sum(stored)) == (told.begun, live)


async def _take(world: World, told: Told, step: Step) -> None:
    match step.what:
        case "assign" | "together":
            await _assign(world, told, step)
        case "unassign":
            sources = {BY_HAND if step.group is None else "GROUP", "SELF"}
            done = await unassign(world, "Safety", step.who, group=step.group)
            has_ended = told.end(step.who, sources, {step.group})
            assert done[step.who][0] == told.outcome(step.who, has_ended=has_ended)
        case "join" | "leave" if step.who not in told.ended:
            await _by_oneself(world, told, step)
        case "redate":
            await _redate(world, told, step)
        case "regroup" if step.group is not None:
            await change_group(world, step.group, due_at=_date(step.days))
            told.groups[step.group] = step.days
        case "remove" if step.group is not None:
            await _remove(world, told, step.group)
        case "turn":
            await _turn(world, told, step.who)


async def _assign(world: World, told: Told, step: Step) -> None:
    """One person, or all of them in one call; and before, a dry run of it."""
    source = BY_HAND if step.group is None else "GROUP"
    wanted = {}
    for who in PEOPLE if step.what == "together" else (step.who,):
        if who in told.ended:
            wanted[who] = "DEACTIVATED"
        else:
            is_new = told.begin(who, source, step.group)
            wanted[who] = "ASSIGNED" if is_new else "ALREADY_ASSIGNED"
    foretold = await assign(world, "Safety", *wanted, group=step.group, dry_run=True)
    done = await assign(world, "Safety", *wanted, group=step.group)
    assert foretold == done == wanted


async def _by_oneself(world: World, told: Told, step: Step) -> None:
    if step.what == "join":
        assert await join(world, step.who, "Safety", step.group) == told.begin(
            step.who, "SELF", step.group
        )
    elif told.reasons[step.who]:
        groups: set[str | None] = {step.group} if step.group else {None, *GROUPS}
        done = await leave(world, step.who, "Safety", step.group)
        has_ended = told.end(step.who, {"SELF"}, groups)
        assert done[0] == told.outcome(step.who, has_ended=has_ended)


async def _redate(world: World, told: Told, step: Step) -> None:
    done = await redate(world, "Safety", step.who, due_at=_date(step.days))
    if not told.reasons[step.who]:
        wanted = "NOT_ENROLLED"
    else:
        wanted = "UNCHANGED" if told.own[step.who] == step.days else "CHANGED"
        told.own[step.who] = step.days
    assert done == {step.who: wanted}


async def _remove(world: World, told: Told, group: str) -> None:
    """And make another one of the same name."""
    await remove_group(world, group)
    for who in PEOPLE:
        told.end(who, {"GROUP", "SELF"}, {group})
    told.groups[group] = None
    await world.group(group, course="Safety", allows_self_enrolment=True)


async def _turn(world: World, told: Told, who: str) -> None:
    told.ended ^= {who}
    is_over = who in told.ended
    await world.set_state(who, MemberState.DEACTIVATED if is_over else MemberState.ACTIVE)
