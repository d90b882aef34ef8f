"""The rows one may see, and that they are exactly those one holds the right on."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin, system
from access.permissions import GRANTED_ON, SHOW_A_MODULE, Permission, Scope, scope_of
from models.catalog import Course
from operations import visible
from operations.rights import Rights
from tests.standing import build, derived, enrolment, grant, member, promise, role

ASKED_OF_COURSES = [each for each in Permission if scope_of(each).contains(Scope.COURSE)]


@pytest.fixture
async def db(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session


async def ids(db: AsyncSession, rows: Select[Any]) -> list[int]:
    found = await db.scalars(rows)
    return sorted(row.id for row in found)


async def given_at_random(db: AsyncSession, members: range, seed: int) -> None:
    chance = random.Random(seed)
    for member_id in members:
        await granted_at_random(db, member_id, chance)
        for course_id in (1, 2, 3):
            if chance.random() < 0.3:
                await role(db, member_id, course_id, chance.choice(["INSTRUCTOR", "COORDINATOR"]))
            if chance.random() < 0.2:
                await enrolment(db, member_id, course_id)
        if chance.random() < 0.3:
            await derived(db, member_id, 1)
        if chance.random() < 0.3:
            await derived(db, member_id, 3, segment_id=2)


async def granted_at_random(db: AsyncSession, member_id: int, chance: random.Random) -> None:
    for principal, scope in GRANTED_ON.items():
        if chance.random() < 0.1:
            place = {f"{scope}_id": chance.choice([1, 2])} if scope.depth else {}
            give = promise if chance.random() < 0.2 else grant
            await give(db, member_id, principal, **place)


@pytest.mark.parametrize("seed", range(2))
async def test_the_visible_courses_are_exactly_those_the_rights_allow(
    db: AsyncSession, seed: int
) -> None:
    await given_at_random(db, range(1, 13), seed)
    answers = set()
    for member_id in range(1, 13):
        rights = Rights(member(member_id))
        await rights.prepare(db, courses=[1, 2, 3, 4])
        for permission in ASKED_OF_COURSES:
            allowed = [
                id for id in (1, 2, 3, 4) if rights.decide(permission, Scope.COURSE, id).allowed
            ]
            seen = await ids(db, visible.courses(member(member_id), permission))
            assert seen == allowed, f"{permission} of member {member_id}"
            answers.add(tuple(seen))

    assert answers >= {(), (1,), (3,), (1, 2), (1, 2, 3)}


@pytest.mark.parametrize("seed", range(2))
async def test_the_visible_modules_and_departments_are_exactly_those_the_rights_allow(
    db: AsyncSession, seed: int
) -> None:
    await given_at_random(db, range(1, 13), seed)
    answers = set()
    for member_id in range(1, 13):
        caller, everything = member(member_id), [1, 2, 3, 4, 5]
        rights = Rights(caller)
        await rights.prepare(db, departments=everything, modules=everything)
        for permission in Permission:
            modules = [
                id for id in everything if rights.decide(permission, Scope.MODULE, id).allowed
            ]
            assert await ids(db, visible.modules(caller, permission)) == modules, permission
            answers.add(tuple(modules))
            if scope_of(permission).contains(Scope.DEPARTMENT):
                departments = [
                    id
                    for id in everything
                    if rights.decide(permission, Scope.DEPARTMENT, id).allowed
                ]
                seen = await ids(db, visible.departments_allowing(caller, permission))
                assert seen == departments, permission
                answers.add(tuple(departments))
        shown = {
            id
            for id in everything
            for permission in SHOW_A_MODULE
            if rights.decide(permission, Scope.MODULE, id).allowed
        }
        assert await ids(db, visible.modules(caller)) == sorted(shown)

    assert answers >= {(), (1,), (2,), (1, 2), (1, 2, 5), (1, 2, 3, 5)}


@pytest.mark.parametrize("seed", range(2))
async def test_members_are_listed_by_exactly_those_who_may_list_or_pick_them(
    db: AsyncSession, seed: int
) -> None:
    await given_at_random(db, range(1, 21), seed)
    listed = set()
    for member_id in range(1, 21):
        rights = Rights(member(member_id))
        await rights.prepare(db)
        may = any(
            rights.decide(permission, Scope.WORKSPACE, 1).allowed
            for permission in (Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER)
        )
        everyone = [*range(1, 21), 90, 91]
        assert await ids(db, visible.members(member(member_id))) == (
            everyone if may else [member_id]
        )
        listed.add(may)

    assert listed == {True, False}


async def test_a_scoped_token_shows_only_what_its_permissions_show(db: AsyncSession) -> None:
    await grant(db, 1, "workspace_manager")
    await role(db, 1, 1, "COORDINATOR")

    def limited(*permissions: Permission) -> Caller:
        return replace(member(1), limited_to=frozenset(permissions))

    nothing = limited(Permission.VIEW_BILLING)
    for rows in (visible.courses, visible.courses_managed, visible.departments, visible.segments):
        assert await ids(db, rows(nothing)) == []
    assert await ids(db, visible.members(nothing)) == [1]

    viewing = limited(Permission.VIEW_COURSE_INFO)
    assert await ids(db, visible.courses(viewing)) == [1, 2, 3]
    assert await ids(db, visible.courses(viewing, Permission.LIST_LEARNERS)) == []
    assert await ids(db, visible.departments(viewing)) == [1, 2]
    assert await ids(db, visible.courses_managed(limited(Permission.LIST_COURSES_I_MANAGE))) == [1]
    assert 5 in await ids(db, visible.members(limited(Permission.SEARCH_MEMBERS_PICKER)))


async def test_segments_are_seen_whole_by_workspace_managers_and_if_usable_by_departments(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "workspace_manager")
    await grant(db, 2, "department_manager", department_id=2)
    await role(db, 3, 1, "INSTRUCTOR")

    seen = [await ids(db, visible.segments(member(id))) for id in (1, 2, 3)]

    assert seen == [[1, 2], [1], []]


async def test_a_deleted_segment_is_neither_seen_nor_usable(db: AsyncSession) -> None:
    await grant(db, 1, "workspace_manager")
    await db.execute(text("UPDATE segment SET deleted_at = now() WHERE id = 1"))
    rights = Rights(member(1))
    await rights.prepare(db, segments=[1])

    assert await ids(db, visible.segments(member(1))) == [2]
    assert not rights.segment_is_usable(1)


async def test_a_department_is_seen_by_its_team_and_by_who_sees_a_course_of_it(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "workspace_manager")
    await grant(db, 2, "dept_teach", department_id=2)
    await role(db, 3, 1, "COORDINATOR")
    await derived(db, 4, 3)

    seen = [await ids(db, visible.departments(member(id))) for id in (1, 2, 3, 4, 5)]

    assert seen == [[1, 2], [2], [1], [2], []]


async def test_the_courses_managed_are_those_coordinated_and_no_others(db: AsyncSession) -> None:
    await grant(db, 1, "workspace_manager")
    await role(db, 1, 3, "COORDINATOR")
    await role(db, 2, 1, "INSTRUCTOR")
    await derived(db, 2, 1)
    await derived(db, 3, 1)
    await role(db, 3, 2, "COORDINATOR")
    await role(db, 90, 1, "COORDINATOR")

    managed = [await ids(db, visible.courses_managed(member(id))) for id in (1, 2, 3, 90)]

    assert managed == [[3], [], [1, 2], []]


@pytest.mark.parametrize(
    "caller",
    [member(90), member(91), member(92), Caller(1, "Okta", Origin.SCIM, connection_id=1)],
    ids=["deactivated", "pending", "of another workspace", "an identity provider"],
)
async def test_who_is_not_an_active_member_here_sees_nothing(
    db: AsyncSession, caller: Caller
) -> None:
    if caller.member_id in {90, 91}:
        await grant(db, caller.member_id or 0, "workspace_manager")

    for rows in (visible.courses, visible.departments, visible.segments, visible.members):
        assert await ids(db, rows(caller)) == []


async def test_the_product_itself_sees_its_workspace_and_no_other(db: AsyncSession) -> None:
    assert await ids(db, visible.courses(system(1))) == [1, 2, 3]
    assert await ids(db, visible.courses(system(2))) == [4]
    assert await ids(db, visible.segments(system(2))) == [3]


async def test_counts_narrowings_and_orders_compose(
    db: AsyncSession, statements: list[str]
) -> None:
    await grant(db, 1, "department_manager", department_id=1)
    mine = visible.courses(member(1))
    statements.clear()

    counted = await db.scalar(visible.count(mine.order_by(Course.title)))
    one = await db.scalars(mine.where(Course.title == "Pricing"))
    hidden = await db.scalars(mine.where(Course.id == 3))
    titles = await db.scalars(
        select(func.lower(Course.title))
        .where(Course.id.in_(mine.with_only_columns(Course.id)))
        .order_by(Course.title)
    )

    assert counted == 2
    assert [row.id for row in one] == [2]
    assert list(hidden) == []
    assert list(titles) == ["pricing", "selling"]
    assert len(statements) == 4
