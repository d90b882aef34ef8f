"""The learners one may see, and that they are exactly those one holds the right towards."""

import random
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import system
from access.permissions import GRANTED_ON, Permission, Scope
from operations.learning import visible
from operations.rights import Rights
from tests.standing import build, derived, enrolment, grant, member, promise, role

ASKED_OF_LEARNERS = [
    Permission.LIST_LEARNERS,
    Permission.ASSIGN_LEARNER,
    Permission.MARK_COMPLETE,
    Permission.VIEW_ANSWERS,
    Permission.EDIT_COURSE_INFO,
    Permission.SUBSCRIBE_COURSE_UPDATES,
    Permission.TAKE_COURSE_TRACKED,
    Permission.RETAKE_AFTER_COMPLETION,
    Permission.VIEW_QUIZ_INSIGHTS,
]
COURSES, PEOPLE = (1, 2, 3), range(1, 9)


@pytest.fixture
async def db(sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        await build(session)
        await session.commit()
        yield session


async def progress(db: AsyncSession, member_id: int, course_id: int, workspace_id: int = 1) -> None:
    await db.execute(
        text(
            "INSERT INTO progress (course_id, member_id, workspace_id)"
            " VALUES (:course_id, :member_id, :workspace_id)"
        ),
        {"course_id": course_id, "member_id": member_id, "workspace_id": workspace_id},
    )


async def group(
    db: AsyncSession, course_id: int, made_by: int, *learners: int, is_removed: bool = False
) -> None:
    """A group with these learners, made by somebody."""
    group_id = await db.scalar(
        text(
            "INSERT INTO learner_group (workspace_id, course_id, name, created_by_id, removed_at)"
            " VALUES (1, :course_id, gen_random_uuid(), :made_by,"
            " CASE WHEN :is_removed THEN now() END) RETURNING id"
        ),
        {"course_id": course_id, "made_by": made_by, "is_removed": is_removed},
    )
    for member_id in learners:
        await db.execute(
            text(
                "INSERT INTO enrolment"
                " (course_id, member_id, workspace_id, source, group_id, ended_at)"
                " VALUES (:course_id, :member_id, 1, 'GROUP', :group_id,"
                " CASE WHEN :is_over THEN now() END)"
            ),
            {
                "course_id": course_id,
                "member_id": member_id,
                "group_id": group_id,
                "is_over": is_removed,
            },
        )


async def pairs(db: AsyncSession, rows: Select[Any]) -> list[tuple[int, int]]:
    return sorted((row.course_id, row.member_id) for row in await db.scalars(rows))


async def given_at_random(
    db: AsyncSession, chance: random.Random, people: Collection[int]
) -> set[tuple[int, int, int]]:
    """Rights, learners and groups; says who made a group in which whom learns where."""
    made: set[tuple[int, int, int]] = set()
    for member_id in people:
        await granted_at_random(db, chance, member_id)
        if chance.random() < 0.3:
            await derived(db, member_id, 1)
        for course_id in COURSES:
            await on_course_at_random(db, chance, member_id, course_id)
            if chance.random() < 0.4:
                learners = chance.sample(sorted(people), 2)
                is_removed = chance.random() < 0.3
                await group(db, course_id, member_id, *learners, is_removed=is_removed)
                if not is_removed:
                    made.update((member_id, course_id, each) for each in learners)
    return made


async def granted_at_random(db: AsyncSession, chance: random.Random, member_id: int) -> None:
    for principal, scope in GRANTED_ON.items():
        if chance.random() < 0.1:
            place = {f"{scope}_id": chance.choice([1, 2])} if scope.depth else {}
            give = promise if chance.random() < 0.2 else grant
            await give(db, member_id, principal, **place)


async def on_course_at_random(
    db: AsyncSession, chance: random.Random, member_id: int, course_id: int
) -> None:
    await progress(db, member_id, course_id)
    if chance.random() < 0.3:
        await role(db, member_id, course_id, chance.choice(["INSTRUCTOR", "COORDINATOR"]))
    if chance.random() < 0.3:
        await enrolment(db, member_id, course_id)


@pytest.mark.spec("G4")
@pytest.mark.parametrize("seed", range(3))
async def test_the_visible_learners_are_exactly_those_the_rights_allow(
    db: AsyncSession, seed: int
) -> None:
    made = await given_at_random(db, random.Random(seed), PEOPLE)
    some = set()
    for asker in PEOPLE:
        rights = Rights(member(asker))
        await rights.prepare(db, courses=COURSES)
        for permission in ASKED_OF_LEARNERS:
            allowed = [
                (course_id, member_id)
                for course_id in COURSES
                for member_id in PEOPLE
                if rights.decide(
                    permission,
                    Scope.COURSE,
                    course_id,
                    is_self=member_id == asker,
                    is_own_group=(asker, course_id, member_id) in made,
                ).allowed
            ]
            seen = await pairs(db, visible.learners(member(asker), permission))
            assert seen == allowed, f"{permission} of member {asker}"
            some.add(len(seen) in range(1, len(PEOPLE)))

    assert some == {True, False}


@pytest.mark.spec("C13", "G4")
async def test_course_enroll_shows_those_in_groups_of_ones_own_while_they_are_in_them(
    db: AsyncSession,
) -> None:
    await grant(db, 1, "course_enroll", course_id=1)
    await grant(db, 2, "course_enroll", course_id=1)
    for member_id in (5, 6, 7, 8):
        await progress(db, member_id, 1)
        await progress(db, member_id, 2)
    await group(db, 1, 1, 5, 6)
    await group(db, 1, 1, 7, is_removed=True)
    await group(db, 1, 2, 8)
    await group(db, 2, 1, 8)

    assert await pairs(db, visible.learners(member(1))) == [(1, 5), (1, 6)]
    assert await pairs(db, visible.learners(member(2))) == [(1, 8)]


@pytest.mark.spec("C2")
async def test_a_learner_sees_oneself_while_enrolled_and_nobody_else(db: AsyncSession) -> None:
    for member_id, course_id in ((1, 1), (2, 1), (1, 2)):
        await progress(db, member_id, course_id)
    await enrolment(db, 1, 1)
    await enrolment(db, 2, 1)

    assert await pairs(db, visible.learners(member(1))) == [(1, 1)]


@pytest.mark.spec("C2")
async def test_a_limited_token_shows_only_learners_its_permissions_show(db: AsyncSession) -> None:
    await role(db, 1, 1, "COORDINATOR")
    await progress(db, 2, 1)
    viewing = replace(member(1), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))
    listing = replace(member(1), limited_to=frozenset({Permission.LIST_LEARNERS}))

    assert await pairs(db, visible.learners(viewing)) == []
    assert await pairs(db, visible.learners(listing)) == [(1, 2)]


@pytest.mark.spec("C2")
async def test_who_is_deactivated_sees_nobody_and_the_product_its_own_workspace(
    db: AsyncSession,
) -> None:
    await grant(db, 90, "workspace_manager")
    await progress(db, 1, 1)
    await progress(db, 90, 1)
    await progress(db, 92, 4, workspace_id=2)

    assert await pairs(db, visible.learners(member(90))) == []
    assert await pairs(db, visible.learners(system(1))) == [(1, 1), (1, 90)]
    assert await pairs(db, visible.learners(system(2))) == [(4, 92)]
