"""People join courses of their own accord, where that is allowed, and leave them again."""

import asyncio
from dataclasses import replace

import pytest

from access.permissions import Permission
from models.catalog import Course, CourseState
from models.people import MemberState
from operations.learning import self_enrolment
from operations.refusals import Code, Denied, Refused
from tests.operations.learning.enrolling import join, learners, leave, rows
from tests.world import MONDAY, World


async def open_course(world: World, title: str, **settings: object) -> None:
    await world.course(title)
    await change_course(world, title, allows_self_enrolment=True, **settings)


async def change_course(world: World, title: str, **settings: object) -> None:
    async with world.edge.transaction() as db:
        course = await db.get_one(Course, world.courses[title])
        for name, value in settings.items():
            setattr(course, name, value)


async def found(world: World, name: str) -> list[str]:
    async with world.edge.read() as db:
        courses = await db.scalars(self_enrolment.open_courses(world.caller(name)))
        return sorted(each.title for each in courses)


@pytest.mark.spec("C21", "H6")
async def test_everybody_finds_what_is_open_and_joins_it_once(world: World) -> None:
    await world.member("Lea")
    await open_course(world, "Safety")
    await world.course("Law")
    await world.group("Night", course="Law", allows_self_enrolment=True)
    await world.group("Day", course="Law")
    await world.course("Closed")
    await open_course(world, "Draft", state=CourseState.DRAFT)

    seen = await found(world, "Lea")
    first = await join(world, "Lea", "Safety")
    again = await join(world, "Lea", "Safety")
    grouped = await join(world, "Lea", "Law", "Night")

    assert seen == ["Law", "Safety"]
    assert (first, again, grouped) == (True, False, True)
    assert await rows(world, "Safety") == [("Lea", "SELF", None, True)]
    assert await rows(world, "Law") == [("Lea", "SELF", "Night", True)]
    assert (await world.verbs()).count("learner.assigned") == 2


async def test_what_is_not_open_is_not_there_for_strangers_and_closed_for_others(
    world: World,
) -> None:
    for name in ("Lea", "Zoe"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Lea"])
    await world.group("Day", course="Safety")
    await open_course(world, "Archive", state=CourseState.ARCHIVED)
    await world.enrol("Archive", "Lea")

    codes = []
    for name, course, group in (
        ("Zoe", "Safety", None),
        ("Zoe", "Safety", "Day"),
        ("Zoe", "Archive", None),
        ("Lea", "Safety", None),
        ("Lea", "Safety", "Day"),
        ("Lea", "Archive", None),
    ):
        with pytest.raises(Refused) as refused:
            await join(world, name, course, group)
        codes.append(refused.value.code)

    assert codes == [
        *[Code.NOT_FOUND] * 3,
        Code.SELF_ENROLMENT_CLOSED,
        Code.SELF_ENROLMENT_CLOSED,
        Code.COURSE_NOT_ACTIVE,
    ]
    assert await learners(world, "Safety") == set()


async def test_an_open_course_does_not_open_its_groups_nor_the_other_way_round(
    world: World,
) -> None:
    await world.member("Lea")
    await open_course(world, "Safety")
    await world.group("Day", course="Safety")
    await world.course("Law")
    await world.group("Night", course="Law", allows_self_enrolment=True)

    for course, group in (("Safety", "Day"), ("Law", None), ("Law", "Day")):
        with pytest.raises(Refused) as refused:
            await join(world, "Lea", course, group)
        wanted = Code.NOT_FOUND if (course, group) == ("Law", "Day") else Code.SELF_ENROLMENT_CLOSED
        assert refused.value.code is wanted


async def test_instructors_and_whoever_has_no_account_or_a_narrow_token_do_not_join(
    world: World,
) -> None:
    for name in ("Ines", "Lea", "Dan"):
        await world.member(name)
    await world.set_state("Dan", MemberState.DEACTIVATED)
    await world.course("Safety", instructors=["Ines"])
    await change_course(world, "Safety", allows_self_enrolment=True)

    with pytest.raises(Refused) as instructs:
        await join(world, "Ines", "Safety")
    with pytest.raises(Refused) as ended:
        await join(world, "Dan", "Safety")
    narrow = replace(world.caller("Lea"), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))
    for by in (narrow, world.system):
        with pytest.raises(Denied):
            async with world.edge.transaction() as db:
                await self_enrolment.enrol(db, by=by, course_id=world.courses["Safety"], at=MONDAY)

    assert (instructs.value.code, ended.value.code) == (Code.CONFLICT, Code.NOT_FOUND)
    assert await learners(world, "Safety") == set()


@pytest.mark.spec("C21")
async def test_leaving_ends_what_one_joined_and_nothing_else(world: World) -> None:
    await world.member("Lea")
    await open_course(world, "Safety")
    await world.group("Night", course="Safety", allows_self_enrolment=True)
    await world.enrol("Safety", "Lea", group="Night")

    none = await leave(world, "Lea", "Safety")
    await join(world, "Lea", "Safety")
    await join(world, "Lea", "Safety", "Night")
    one = await leave(world, "Lea", "Safety", "Night")
    both = await leave(world, "Lea", "Safety")

    assert none == ("STILL_ENROLLED", ["GROUP Night"])
    assert one == ("STILL_ENROLLED", ["GROUP Night", "SELF"])
    assert both == ("STILL_ENROLLED", ["GROUP Night"])
    assert await learners(world, "Safety") == {"Lea"}


async def test_joining_twice_at_once_is_joining_once(world: World) -> None:
    await world.member("Lea")
    await open_course(world, "Safety")

    joined = await asyncio.gather(*(join(world, "Lea", "Safety") for _ in range(4)))

    assert sorted(joined) == [False, False, False, True]
    assert (await world.verbs()).count("learner.assigned") == 1
