"""People become learners of a course, and stop being ones."""

import asyncio

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal, Scope
from models.coordinators import CourseRoleKind
from models.people import MemberState
from operations import coordinators, visible
from operations.learning import enrolments
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights
from tests.operations.learning.enrolling import assign, join, learners, leave, rows, unassign
from tests.world import MONDAY, World


async def is_learner(world: World, name: str, course: str = "Safety") -> bool:
    """By the roles held, by the courses seen, and by progress, which must agree."""
    rights = Rights(world.caller(name))
    async with world.edge.read() as db:
        await rights.prepare(db, courses=[world.courses[course]])
        seen = list(await db.scalars(visible.courses(world.caller(name))))
    held = Principal.LEARNER in rights.held(Scope.COURSE, world.courses[course])
    assert held == any(each.id == world.courses[course] for each in seen)
    assert held == (name in await learners(world, course))
    return held


@pytest.mark.spec("M1")
async def test_each_of_many_people_gets_an_answer_of_their_own(world: World) -> None:
    for name in ("Lea", "Leo", "Dan", "Ines", "Gone"):
        await world.member(name)
    await world.course("Safety", instructors=["Ines"])
    await world.enrol("Safety", "Leo")
    await world.set_state("Dan", MemberState.DEACTIVATED)
    world.members["Nobody"] = 10**15

    given = await assign(world, "Safety", "Nobody", "Lea", "Leo", "Dan", "Ines", "Lea")

    assert list(given.items()) == [
        ("Nobody", "NOT_FOUND"),
        ("Lea", "ASSIGNED"),
        ("Leo", "ALREADY_ASSIGNED"),
        ("Dan", "DEACTIVATED"),
        ("Ines", "CONFLICT"),
    ]
    assert await learners(world, "Safety") == {"Lea", "Leo"}
    assert (await world.verbs()).count("learner.assigned") == 2


@pytest.mark.spec("M1")
async def test_a_dry_run_answers_the_same_and_writes_nothing(world: World) -> None:
    for name in ("Lea", "Leo"):
        await world.member(name)
    await world.member("Pia", state=MemberState.PENDING)
    await world.course("Safety")
    await world.enrol("Safety", "Leo")
    before = await world.verbs()

    foretold = await assign(world, "Safety", "Lea", "Leo", "Pia", dry_run=True)
    unchanged = await world.verbs(), await learners(world, "Safety"), await invited(world)
    done = await assign(world, "Safety", "Lea", "Leo", "Pia")

    assert unchanged == (before, {"Leo"}, [])
    assert foretold == done


@pytest.mark.spec("M1")
async def test_a_call_names_somebody_and_five_hundred_at_most(world: World) -> None:
    await world.member("Lea")
    safety = await world.course("Safety")

    for ids, code in (
        ([], Code.BAD_USER_INPUT),
        ([world.members["Lea"], *range(10**6, 10**6 + 500)], Code.LIMIT_REACHED),
    ):
        for do in (enrolments.assign, enrolments.unassign):
            with pytest.raises(Refused) as refused:
                async with world.edge.transaction() as db:
                    await do(db, by=world.system, course_id=safety, member_ids=ids, at=MONDAY)
            assert refused.value.code is code

    assert await learners(world, "Safety") == set()


@pytest.mark.spec("C21")
async def test_whoever_is_enrolled_is_a_learner_until_the_last_reason_ends(world: World) -> None:
    await world.member("Lea")
    await world.course("Safety")
    await world.group("Spring", course="Safety", allows_self_enrolment=True)
    await world.enrol("Safety", "Lea")
    await world.enrol("Safety", "Lea", group="Spring")
    await join(world, "Lea", "Safety", "Spring")

    seen = [await is_learner(world, "Lea")]
    ended = [await unassign(world, "Safety", "Lea")]
    seen.append(await is_learner(world, "Lea"))
    left = await leave(world, "Lea", "Safety")
    seen.append(await is_learner(world, "Lea"))
    ended.append(await unassign(world, "Safety", "Lea", group="Spring"))
    seen.append(await is_learner(world, "Lea"))

    assert seen == [True, True, True, False]
    assert left == ("STILL_ENROLLED", ["GROUP Spring"])
    assert ended == [
        {"Lea": ("STILL_ENROLLED", ["GROUP Spring", "SELF Spring"])},
        {"Lea": ("UNASSIGNED", [])},
    ]


@pytest.mark.spec("M2")
async def test_each_who_is_unassigned_gets_an_answer_of_their_own(world: World) -> None:
    for name in ("Lea", "Leo", "Zoe", "Dan"):
        await world.member(name)
    await world.course("Safety")
    await world.group("Spring", course="Safety")
    await world.enrol("Safety", "Lea", "Leo", "Dan")
    await world.enrol("Safety", "Leo", group="Spring")
    await world.set_state("Dan", MemberState.DEACTIVATED)
    world.members["Nobody"] = 10**15

    ended = await unassign(world, "Safety", "Zoe", "Lea", "Leo", "Dan", "Nobody")

    assert ended == {
        "Zoe": ("NOT_ENROLLED", []),
        "Lea": ("UNASSIGNED", []),
        "Leo": ("STILL_ENROLLED", ["GROUP Spring"]),
        "Dan": ("UNASSIGNED", []),
        "Nobody": ("NOT_FOUND", []),
    }
    assert await learners(world, "Safety") == {"Leo"}


async def test_assigning_from_several_sides_at_once_is_assigning_once(world: World) -> None:
    await world.member("Lea")
    await world.course("Safety")

    given = await asyncio.gather(*(assign(world, "Safety", "Lea") for _ in range(3)))

    outcomes = sorted(each["Lea"] for each in given)
    assert outcomes == ["ALREADY_ASSIGNED", "ALREADY_ASSIGNED", "ASSIGNED"]
    assert (await world.verbs()).count("learner.assigned") == 1
    assert await rows(world, "Safety") == [("Lea", "DIRECT", None, True)]


@pytest.mark.spec("M2")
async def test_who_was_assigned_before_is_assigned_again_and_both_times_stay(world: World) -> None:
    await world.member("Lea")
    await world.course("Safety")

    await assign(world, "Safety", "Lea")
    await unassign(world, "Safety", "Lea")
    again = await unassign(world, "Safety", "Lea")
    await assign(world, "Safety", "Lea")

    assert again == {"Lea": ("NOT_ENROLLED", [])}
    assert [each[3] for each in await rows(world, "Safety")] == [False, True]
    assert [each for each in await world.verbs() if each.startswith("learner.")] == [
        "learner.assigned",
        "learner.unassigned",
        "learner.assigned",
    ]


@pytest.mark.spec("M1", "M2")
async def test_a_coordinator_assigns_and_a_learner_does_not(world: World) -> None:
    for name in ("Cora", "Lea", "Zoe"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.enrol("Safety", "Lea")

    for do in (assign, unassign):
        with pytest.raises(Denied) as denied:
            await do(world, "Safety", "Zoe", by=world.caller("Lea"))
        assert denied.value.permission in {Permission.ASSIGN_LEARNER, Permission.UNASSIGN_LEARNER}
        with pytest.raises(Refused) as hidden:
            await do(world, "Safety", "Zoe", by=world.caller("Zoe"))
        assert hidden.value.code is Code.NOT_FOUND
    assert not await is_learner(world, "Zoe")

    await assign(world, "Safety", "Zoe", by=world.caller("Cora"))
    assert await is_learner(world, "Zoe")


@pytest.mark.spec("C13")
async def test_whoever_may_enroll_on_one_course_does_so_inside_groups_of_their_own(
    world: World,
) -> None:
    for name in ("Cora", "Enno", "Lea"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.group("Mine", course="Safety", by="Enno")
    await world.group("Theirs", course="Safety", by="Cora")
    await world.enrol("Safety", "Lea", group="Theirs")
    await world.enrol("Safety", "Lea")
    enno = world.caller("Enno")

    for group in (None, "Theirs"):
        for do in (assign, unassign):
            with pytest.raises(Denied):
                await do(world, "Safety", "Lea", group=group, by=enno)
    given = await assign(world, "Safety", "Lea", group="Mine", by=enno)
    ended = await unassign(world, "Safety", "Lea", group="Mine", by=enno)

    assert given == {"Lea": "ASSIGNED"}
    assert ended == {"Lea": ("UNASSIGNED", [])}, "what others have given is not told"
    assert await is_learner(world, "Lea")


async def test_a_group_of_another_course_is_no_group_of_this_one(world: World) -> None:
    await world.member("Lea")
    await world.course("Safety")
    await world.course("Law")
    await world.group("Spring", course="Law")

    for do in (assign, unassign):
        with pytest.raises(Refused) as refused:
            await do(world, "Safety", "Lea", group="Spring")
        assert refused.value.code is Code.NOT_FOUND


async def test_whoever_learns_already_can_become_instructor_and_goes_on_learning(
    world: World,
) -> None:
    await world.member("Ann")
    safety = await world.course("Safety")
    await world.enrol("Safety", "Ann")
    async with world.edge.transaction() as db:
        ann = [world.members["Ann"]]
        await coordinators.assign(db, by=world.system, course_id=safety, instructors=ann)

    assert await assign(world, "Safety", "Ann") == {"Ann": "ALREADY_ASSIGNED"}
    assert await unassign(world, "Safety", "Ann") == {"Ann": ("UNASSIGNED", [])}
    assert await assign(world, "Safety", "Ann") == {"Ann": "CONFLICT"}


async def test_someone_without_an_account_is_considered_for_an_invitation(world: World) -> None:
    await world.member("Pia", state=MemberState.PENDING)
    await world.member("Lea")
    await world.course("Safety")

    await world.enrol("Safety", "Pia", "Lea")

    assert await invited(world) == [world.members["Pia"]]
    assert await learners(world, "Safety") == {"Lea", "Pia"}


async def test_a_role_lost_while_one_waits_for_the_course_is_lost(world: World) -> None:
    for name in ("Cora", "Zoe"):
        await world.member(name)
    safety = await world.course("Safety", coordinators_by_hand=["Cora"])
    cora = [world.members["Cora"]]

    async with world.edge.transaction() as db:
        await coordinators.remove(
            db,
            by=world.system,
            course_id=safety,
            role=CourseRoleKind.COORDINATOR,
            member_ids=cora,
        )
        waiting = asyncio.create_task(assign(world, "Safety", "Zoe", by=world.caller("Cora")))
        await someone_waits(world)

    with pytest.raises(Refused) as lost:
        await waiting
    assert lost.value.code is Code.NOT_FOUND
    assert not await is_learner(world, "Zoe")


async def invited(world: World) -> list[int]:
    async with world.edge.read() as db:
        return list(await db.scalars(text("SELECT member_id FROM invitation_due")))


async def someone_waits(world: World) -> None:
    """Until a transaction waits for another one's lock."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with world.edge.read() as db:
                if await db.scalar(waits):
                    return
            await asyncio.sleep(0.01)
