"""A schema of a few fields, declared as the real one is, on the world of tests/standing.py."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Scope
from models.catalog import Course
from models.journal import record
from models.people import Member
from models.views import course_coordinator
from operations import visible
from operations.rights import require
from resolvers.context import Context
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from schema.requires import (
    INHERITED,
    PUBLIC,
    SIGNED_IN,
    any_of,
    column,
    done_by,
    guarded,
    guarded_type,
    resolved_by,
    streamed_by,
)

Info = strawberry.Info[Context, None]


@dataclass(frozen=True)
class Coordinator:
    """A person who coordinates a course."""

    course_id: int
    member: Member


refer(
    Coordinator,
    lambda row, caller: Reference(
        Scope.COURSE,
        row.course_id,
        IS_SELF if row.member.id == caller.member_id else NOTHING,
    ),
)


@dataclass(frozen=True)
class CoursePage:
    rows: Sequence[Course]


async def coordinators_of(
    db: AsyncSession, _context: Context, course_ids: Sequence[int]
) -> list[list[Coordinator]]:
    found = await db.execute(
        select(course_coordinator.c.course_id, Member)
        .join(Member, Member.id == course_coordinator.c.member_id)
        .where(course_coordinator.c.course_id.in_(course_ids))
        .order_by(Member.id)
    )
    by_course: dict[int, list[Coordinator]] = {id: [] for id in course_ids}
    for course_id, member in found:
        by_course[course_id].append(Coordinator(course_id, member))
    return [by_course[id] for id in course_ids]


async def coordinators(root: strawberry.Parent[Any], info: Info) -> list[Coordinator]:
    return await info.context.load(coordinators_of, root.id)


def insight_count(root: strawberry.Parent[Any]) -> int:
    return 100 + int(root.id)


async def courses(info: Info) -> Sequence[Course]:
    assert info.context.caller is not None
    async with info.context.read() as db:
        return list(await db.scalars(visible.courses(info.context.caller).order_by(Course.id)))


async def every_course(info: Info) -> Sequence[Course]:
    async with info.context.read() as db:
        return list(await db.scalars(select(Course).order_by(Course.id)))


async def page(info: Info) -> CoursePage:
    return CoursePage(await every_course(info))


async def course(info: Info, id: int) -> Course | None:
    async with info.context.read() as db:
        return await db.get(Course, id)


async def members(info: Info) -> Sequence[Member]:
    async with info.context.read() as db:
        return list(
            await db.scalars(select(Member).where(Member.id.in_([1, 2, 3])).order_by(Member.id))
        )


def sum_paid() -> int:
    return 42


def answer() -> str:
    return "valid"


async def rename(info: Info, id: int, title: str) -> Course | None:
    assert info.context.caller is not None
    async with info.context.transaction() as db:
        found = await db.get(Course, id, with_for_update=True)
        await require(db, info.context.caller, Permission.EDIT_COURSE_INFO, course_id=id)
        assert found is not None
        found.title = title
        record(db, by=info.context.caller, verb="course.edited", course_id=id)
    return found


async def retitle(info: Info, id: int) -> Course | None:
    assert info.context.caller is not None
    async with info.context.transaction() as db:
        found = await db.get_one(Course, id)
        found.title = "Changed"
        record(db, by=info.context.caller, verb="course.edited", course_id=id)
    return found


async def changes(info: Info, id: int) -> AsyncIterator[Course]:
    for _ in range(2):
        await info.context.renew()
        async with info.context.read() as db:
            found = await db.get(Course, id)
        assert found is not None
        yield found


@strawberry.interface
class Thing:
    id: strawberry.ID = column("id", requires=SIGNED_IN, description="Its number.")


@guarded_type(requires=SIGNED_IN, description="A person.", rows=Member)
class Person(Thing):
    name: str = column("display_name", requires=INHERITED, description="What they are called.")
    email: str | None = column(
        "user_name",
        requires=any_of(Permission.LIST_ALL_MEMBERS, Permission.SEARCH_MEMBERS_PICKER).or_self(),
        description="Their address.",
    )


@guarded_type(
    requires=Permission.VIEW_COORDINATOR_NAMES, description="Someone in charge.", rows=Coordinator
)
class CoordinatorOf:
    member: Person
    source: str | None = resolved_by(
        answer, requires=Permission.VIEW_COORDINATOR_SOURCES, description="Why."
    )


@guarded_type(requires=Permission.VIEW_COURSE_INFO, description="A course.", rows=Course)
class CourseOf(Thing):
    title: str
    summary: str | None = column(
        "description", requires=Permission.EDIT_COURSE_INFO, description="For its editors."
    )
    insight_count: int | None = resolved_by(
        insight_count, requires=Permission.VIEW_QUIZ_INSIGHTS, description="How many insights."
    )
    coordinators: list[CoordinatorOf] | None = resolved_by(
        coordinators, requires=Permission.VIEW_COORDINATOR_NAMES, description="Who coordinates."
    )


@guarded_type(requires=SIGNED_IN, description="A page of courses.")
class CourseConnection:
    rows: list[CourseOf | None]


@strawberry.type
class Query:
    node: Thing | None = resolved_by(course, requires=SIGNED_IN, description="A course, so far.")
    courses: list[CourseOf] | None = resolved_by(
        courses,
        requires=any_of(Permission.VIEW_COURSE_INFO).by_rows(),
        description="The courses one may see.",
    )
    every_course: list[CourseOf | None] | None = resolved_by(
        every_course, requires=SIGNED_IN, description="All there are, unfiltered."
    )
    page: CourseConnection | None = resolved_by(page, requires=SIGNED_IN, description="A page.")
    course: CourseOf | None = resolved_by(course, requires=SIGNED_IN, description="One.")
    members: list[Person] | None = resolved_by(members, requires=SIGNED_IN, description="Three.")
    paid: int | None = resolved_by(
        sum_paid, requires=Permission.VIEW_BILLING, description="What has been paid."
    )
    certificate: str = resolved_by(answer, requires=PUBLIC, description="Whether it is valid.")


@strawberry.type
class Mutation:
    rename: CourseOf | None = done_by(
        rename, requires=Permission.EDIT_COURSE_INFO, description="Give a course another title."
    )
    forgetful: CourseOf | None = done_by(
        retitle, requires=Permission.EDIT_COURSE_INFO, description="Asks for nothing at all."
    )


@strawberry.type
class Subscription:
    changes: CourseOf | None = streamed_by(
        changes, requires=SIGNED_IN, description="A course, again and again."
    )


def small_schema() -> strawberry.Schema:
    """The schema, guarded."""
    return guarded(strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription))
