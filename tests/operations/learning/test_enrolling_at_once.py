"""Many enrol, leave, group, re-date and deactivate the same people at the same time: nobody waits
for ever, nothing is there twice, and progress says exactly what the enrolments say."""

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from models.catalog import Course
from models.people import MemberState
from operations.learning import self_enrolment
from operations.refusals import Refused
from tests.furnishing import furnished
from tests.operations.learning.enrolling import (
    DAY,
    assign,
    change_group,
    join,
    learners,
    leave,
    remove_group,
    unassign,
)
from tests.operations.learning.test_due_dates import redate
from tests.world import MONDAY, World

PEOPLE = tuple(f"Person {n}" for n in range(6))
GROUPS = ("Red", "Blue", "Green")
AT_ONCE, EACH = 10, 12

WRONG = text("""
SELECT p.member_id FROM progress p
 CROSS JOIN LATERAL (
       SELECT count(*) > 0 AS learns, max(g.due_at) AS due_at
         FROM enrolment e LEFT JOIN learner_group g ON g.id = e.group_id
        WHERE e.course_id = p.course_id AND e.member_id = p.member_id
          AND e.ended_at IS NULL) AS now
 WHERE p.is_learner <> now.learns
    OR p.own_due_at IS DISTINCT FROM coalesce(p.override_due_at, now.due_at)
UNION ALL
SELECT e.member_id FROM enrolment e
 WHERE NOT EXISTS (SELECT FROM progress p
                    WHERE p.course_id = e.course_id AND p.member_id = e.member_id)
UNION ALL
SELECT e.member_id FROM enrolment e JOIN learner_group g ON g.id = e.group_id
 WHERE e.ended_at IS NULL AND g.removed_at IS NOT NULL
""")
"""People whose row of progress, or whose place in a group, is not what it must be."""

TOLD = text("""
SELECT (SELECT count(*) FROM journal_entry WHERE verb = 'learner.assigned'),
       (SELECT count(*) FROM enrolment)
""")


@pytest.fixture
@furnished
async def busy(world: World) -> World:
    for name in PEOPLE:
        await world.member(name)
    await world.course("Safety")
    async with world.edge.transaction() as db:
        (await db.get_one(Course, world.courses["Safety"])).allows_self_enrolment = True
    for number, name in enumerate(GROUPS):
        date = MONDAY + number * DAY
        await world.group(name, course="Safety", due_at=date, allows_self_enrolment=True)
    return world


async def wrong(world: World) -> list[int]:
    async with world.edge.read() as db:
        return list(await db.scalars(WRONG))


def acts(world: World, dice: random.Random) -> Callable[[], Awaitable[object]]:
    """One thing somebody does, by chance."""
    who, group = dice.choice(PEOPLE), dice.choice((None, *GROUPS))
    some = dice.sample(PEOPLE, 3)
    named = group or "Red"
    date: dt.datetime | None = MONDAY + dice.randrange(9) * DAY
    state = dice.choice((MemberState.DEACTIVATED, MemberState.ACTIVE, MemberState.ACTIVE))

    async def replace_group() -> None:
        await remove_group(world, named)
        await world.group(named, course="Safety", allows_self_enrolment=True, due_at=date)

    return dice.choice(
        (
            lambda: assign(world, "Safety", *some, group=group),
            lambda: unassign(world, "Safety", *some, group=group),
            lambda: join(world, who, "Safety", group),
            lambda: join(world, who, "Safety", group),
            lambda: leave(world, who, "Safety", group),
            lambda: change_group(world, named, due_at=date),
            replace_group,
            lambda: redate(world, "Safety", *some, due_at=dice.choice((None, date))),
            lambda: world.set_state(who, state),
        )
    )


@pytest.mark.spec("M1", "M2", "C21")
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_many_do_at_once_progress_is_what_the_enrolments_say(
    busy: World, seed: int
) -> None:
    async def somebody(number: int) -> None:
        dice = random.Random(100 * seed + number)
        for _ in range(EACH):
            try:
                await acts(busy, dice)()
            except Refused:
                continue  # as things stand just then: a group is gone, a course is hidden

    async with asyncio.timeout(50):
        await asyncio.gather(*(somebody(number) for number in range(AT_ONCE)))

    assert await wrong(busy) == []
    async with busy.edge.read() as db:
        told, stored = (await db.execute(TOLD)).one()
    assert told == stored, "every enrolment is in the journal, once"


async def test_whoever_is_deactivated_first_is_not_assigned_any_more(busy: World) -> None:
    """The account is locked first, so the assignment waits and sees what has become of it."""
    async with busy.edge.transaction() as db:
        lock = text("UPDATE member SET state = 'DEACTIVATED' WHERE id = :id")
        await db.execute(lock, {"id": busy.members["Person 0"]})
        waiting = asyncio.create_task(assign(busy, "Safety", "Person 0"))
        await asyncio.sleep(0.1)
        assert not waiting.done()

    assert await waiting == {"Person 0": "DEACTIVATED"}
    assert await learners(busy, "Safety") == set()


async def test_whoever_is_unassigned_while_they_join_stays_for_having_joined(busy: World) -> None:
    """Nobody's row of progress is settled by what was so before somebody else had finished."""
    await assign(busy, "Safety", "Person 0")
    async with busy.edge.transaction() as db:
        by = busy.caller("Person 0")
        await self_enrolment.enrol(db, by=by, course_id=busy.courses["Safety"], at=MONDAY)
        waiting = asyncio.create_task(unassign(busy, "Safety", "Person 0"))
        await asyncio.sleep(0.2)
        assert not waiting.done()

    assert await waiting == {"Person 0": ("UNASSIGNED", [])}, "both are given by hand"
    assert await wrong(busy) == []

    await assign(busy, "Safety", "Person 0")
    async with busy.edge.transaction() as db:
        groups = {"course_id": busy.courses["Safety"], "group_id": busy.groups["Red"]}
        await self_enrolment.enrol(db, by=by, **groups, at=MONDAY)
        waiting = asyncio.create_task(unassign(busy, "Safety", "Person 0"))
        await asyncio.sleep(0.2)

    assert await waiting == {"Person 0": ("STILL_ENROLLED", ["SELF Red"])}
    assert await wrong(busy) == []


async def test_whoever_joins_a_group_that_is_being_removed_does_not_get_in(busy: World) -> None:
    async with busy.edge.transaction() as db:
        removal = text("UPDATE learner_group SET removed_at = now() WHERE id = :id")
        await db.execute(removal, {"id": busy.groups["Red"]})
        waiting = asyncio.create_task(join(busy, "Person 0", "Safety", "Red"))
        await asyncio.sleep(0.1)
        assert not waiting.done()

    with pytest.raises(Refused):
        await waiting
    assert await learners(busy, "Safety") == set()
