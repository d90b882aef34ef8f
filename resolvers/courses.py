"""Courses, and what hangs on them, in a constant number of statements per page."""

from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Scope
from models.catalog import Course, CourseState, Department
from models.coordinators import CourseRole, CourseRoleKind
from models.people import Member
from models.segments import CourseSegment, Segment
from operations import freshness, visible
from operations.freshness import Freshness
from operations.refusals import not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.references import Reference, refer
from resolvers.rows import departments_by_id, members_by_id, segments_by_id, workspaces_by_id
from resolvers.seal import Cursor
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_TITLE = (func.lower(Course.title), Course.id)

refer(CourseSegment, lambda row, _: Reference(Scope.COURSE, row.course_id))


async def course(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Course:
    await positions.at_least(info.context, at_least)
    number = number_of(id, "Course")
    async with info.context.read() as db:
        found: Course | None = await db.scalar(
            visible.courses(info.context.signed_in).where(Course.id == number)
        )
    if found is None:
        raise not_found("course")
    return found


async def courses(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    state: list[CourseState] | None = None,
    department_id: strawberry.ID | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    statement = visible.courses(info.context.signed_in)
    if search:
        statement = statement.where(contains(Course.title, search))
    if state is not None:
        statement = statement.where(Course.state.in_(state))
    if department_id is not None:
        statement = statement.where(Course.department_id == number_of(department_id, "Department"))
    return await listed(
        info.context, statement, order=BY_TITLE, first=first, after=after, name="courses"
    )


async def courses_i_manage(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    include_archived: bool = False,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    statement = visible.courses_managed(info.context.signed_in)
    if not include_archived:
        statement = statement.where(Course.state != CourseState.ARCHIVED)
    return await listed(
        info.context, statement, order=BY_TITLE, first=first, after=after, name="coursesIManage"
    )


async def department(root: Parent, info: Info) -> Department | None:
    return await info.context.load(departments_by_id, root.department_id)


async def instructors(root: Parent, info: Info) -> list[Member]:
    return await info.context.load(instructors_of, root.id)


async def segments(root: Parent, info: Info) -> list[CourseSegment]:
    return await info.context.load(attachments_of, root.id)


async def attached_segment(root: Parent, info: Info) -> Segment | None:
    return await info.context.load(segments_by_id, root.segment_id)


async def attached_by(root: Parent, info: Info) -> Member | None:
    if root.attached_by_id is None:
        return None
    return await info.context.load(members_by_id, root.attached_by_id)


async def effective_limit(root: Parent, info: Info) -> int | None:
    if root.segment_limit is not None:
        return int(root.segment_limit)
    workspace = await info.context.load(workspaces_by_id, root.workspace_id)
    return workspace.segment_limit if workspace else None


async def course_freshness(root: Parent, info: Info) -> Freshness:
    return await info.context.load(freshness_of_courses, root.id)


async def instructors_of(
    db: AsyncSession, _: Context, course_ids: Sequence[int]
) -> list[list[Member]]:
    found: dict[int, list[Member]] = {id: [] for id in course_ids}
    rows = await db.execute(
        select(CourseRole.course_id, Member)
        .join(Member, Member.id == CourseRole.member_id)
        .where(CourseRole.course_id.in_(course_ids), CourseRole.role == CourseRoleKind.INSTRUCTOR)
        .order_by(func.lower(Member.display_name), Member.id)
    )
    for course_id, member in rows:
        found[course_id].append(member)
    return [found[id] for id in course_ids]


async def attachments_of(
    db: AsyncSession, _: Context, course_ids: Sequence[int]
) -> list[list[CourseSegment]]:
    found: dict[int, list[CourseSegment]] = {id: [] for id in course_ids}
    rows = await db.scalars(
        select(CourseSegment)
        .where(CourseSegment.course_id.in_(course_ids))
        .order_by(CourseSegment.place)
    )
    for row in rows:
        found[row.course_id].append(row)
    return [found[id] for id in course_ids]


async def freshness_of_courses(
    db: AsyncSession, context: Context, course_ids: Sequence[int]
) -> list[Freshness]:
    found = await freshness.of_courses(db, context.signed_in.workspace_id, course_ids)
    return [found[id] for id in course_ids]
