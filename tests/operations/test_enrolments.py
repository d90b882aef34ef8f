"""People become learners of a course, and stop being ones."""

import asyncio

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal, Scope
from models.coordinators import CourseRoleKind
from models.enrolments import EnrolmentSource
from models.people import MemberState
from operations import coordinators, enrolments, visible
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights
from tests.world import World


async def is_learner(world: World, name: str, course: str = "Safety") -> bool:
    rights = Rights(world.caller(name))
    async with world.edge.read() as db:
        await rights.prepare(db, courses=[world.courses[course]])
        seen = list(await db.scalars(visible.courses(world.caller(name))))
    held = Principal.LEARNER in rights.held(Scope.COURSE, world.courses[course])
    assert held == any(each.id == world.courses[course] for each in seen)
    return held


async def test_whoever_is_enrolled_is_a_learner_until_the_last_enrolment_ends(
    world: World,
) -> None:
    await world.member("Lea")
    safety = await world.course("Safety")
    lea = [world.members["Lea"]]

    async with world.edge.transaction() as db:
        for source in (EnrolmentSource.DIRECT, EnrolmentSource.SELF):
            given = await enrolments.enrol(
                db, by=world.system, course_id=safety, member_ids=lea, source=source
            )
            assert given == tuple(lea)
    both = await is_learner(world, "Lea")
    after = []
    for source in (EnrolmentSource.DIRECT, EnrolmentSource.SELF):
        async with world.edge.transaction() as db:
            await enrolments.end(
                db, by=world.system, course_id=safety, member_ids=lea, source=source
            )
        after.append(await is_learner(world, "Lea"))

    assert (both, after) == (True, [True, False])


async def test_enrolling_twice_is_enrolling_once_also_from_two_sides_at_once(
    world: World,
) -> None:
    await world.member("Lea")
    safety = await world.course("Safety")

    async def enrol() -> tuple[int, ...]:
        async with world.edge.transaction() as db:
            return await enrolments.enrol(
                db, by=world.system, course_id=safety, member_ids=[world.members["Lea"]]
            )

    given = await asyncio.gather(enrol(), enrol(), enrol())

    assert sorted(given, key=len) == [(), (), (world.members["Lea"],)]
    assert (await world.verbs()).count("learner.assigned") == 1


async def test_who_was_enrolled_before_is_enrolled_again_and_both_times_stay(world: World) -> None:
    await world.member("Lea")
    safety = await world.course("Safety")
    lea = [world.members["Lea"]]

    for do in (enrolments.enrol, enrolments.end, enrolments.end, enrolments.enrol):
        async with world.edge.transaction() as db:
            await do(db, by=world.system, course_id=safety, member_ids=lea)

    async with world.edge.read() as db:
        rows = await db.scalars(text("SELECT ended_at IS NULL FROM enrolment ORDER BY id"))
    assert list(rows) == [False, True]
    assert [each for each in await world.verbs() if each.startswith("learner.")] == [
        "learner.assigned",
        "learner.unassigned",
        "learner.assigned",
    ]


async def test_a_coordinator_enrols_and_a_learner_or_an_author_does_not(world: World) -> None:
    for name in ("Cora", "Lea", "Ann", "Zoe"):
        await world.member(name)
    safety = await world.course("Safety", coordinators_by_hand=["Cora"], instructors=["Ann"])
    zoe = [world.members["Zoe"]]
    await world.enrol("Safety", "Lea")

    for do in (enrolments.enrol, enrolments.end):
        with pytest.raises(Denied) as denied:
            async with world.edge.transaction() as db:
                await do(db, by=world.caller("Lea"), course_id=safety, member_ids=zoe)
        assert denied.value.permission in {Permission.ASSIGN_LEARNER, Permission.UNASSIGN_LEARNER}
        with pytest.raises(Refused) as hidden:
            async with world.edge.transaction() as db:
                await do(db, by=world.caller("Zoe"), course_id=safety, member_ids=zoe)
        assert hidden.value.code is Code.NOT_FOUND
    assert not await is_learner(world, "Zoe")

    async with world.edge.transaction() as db:
        await enrolments.enrol(db, by=world.caller("Cora"), course_id=safety, member_ids=zoe)
    assert await is_learner(world, "Zoe")


async def test_nobody_is_enrolled_when_one_of_them_is_unknown_or_deactivated(world: World) -> None:
    for name in ("Lea", "Dan"):
        await world.member(name)
    await world.set_state("Dan", MemberState.DEACTIVATED)
    safety = await world.course("Safety")

    for others, code in (
        ([999_999], Code.NOT_FOUND),
        ([world.members["Dan"]], Code.MEMBER_DEACTIVATED),
        (list(range(10**6, 10**6 + 500)), Code.LIMIT_REACHED),
    ):
        with pytest.raises(Refused) as refused:
            async with world.edge.transaction() as db:
                await enrolments.enrol(
                    db,
                    by=world.system,
                    course_id=safety,
                    member_ids=[world.members["Lea"], *others],
                )
        assert refused.value.code is code

    assert not await is_learner(world, "Lea")


async def test_someone_without_an_account_is_considered_for_an_invitation(world: World) -> None:
    await world.member("Pia", state=MemberState.PENDING)
    await world.member("Lea")
    await world.course("Safety")

    await world.enrol("Safety", "Pia", "Lea")

    async with world.edge.read() as db:
        due = list(await db.scalars(text("SELECT member_id FROM invitation_due")))
    assert due == [world.members["Pia"]]
    assert not await is_learner(world, "Pia")


async def test_a_role_lost_while_one_waits_for_the_course_is_lost(world: World) -> None:
    for name in ("Cora", "Zoe"):
        await world.member(name)
    safety = await world.course("Safety", coordinators_by_hand=["Cora"])
    cora, zoe = [world.members["Cora"]], [world.members["Zoe"]]

    async def enrol() -> None:
        async with world.edge.transaction() as db:
            await enrolments.enrol(db, by=world.caller("Cora"), course_id=safety, member_ids=zoe)

    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=safety,
            role=CourseRoleKind.COORDINATOR,
            member_ids=cora,
        )
        waiting = asyncio.create_task(enrol())
        await someone_waits(world)

    with pytest.raises(Refused) as lost:
        await waiting
    assert lost.value.code is Code.NOT_FOUND
    assert not await is_learner(world, "Zoe")


async def someone_waits(world: World) -> None:
    """Until a transaction waits for another one's lock."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with world.edge.read() as db:
                if await db.scalar(waits):
                    return
            await asyncio.sleep(0.01)
