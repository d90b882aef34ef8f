"""Who could be assigned, why somebody learns in a course, and what one may join by oneself."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission
from models.catalog import Course, CourseKind
from models.enrolments import Enrolment, EnrolmentSource
from models.groups import LearnerGroup
from models.people import Member, MemberState
from operations import visible
from operations.learning import enrolments, self_enrolment
from operations.learning.enrolment_rows import Reason
from operations.learning.enrolments import Assignment, AssignmentOutcome, Unassignment
from operations.learning.enrolments import UnassignmentOutcome as Ended
from operations.refusals import not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.courses import BY_TITLE
from resolvers.ids import encode, number_of
from resolvers.learning.groups import visible_groups_by_id
from resolvers.listing import Listing, listed, shown_as
from resolvers.member_search import called
from resolvers.rows import members_by_id
from resolvers.seal import Cursor
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_NAME: Final = (func.lower(Member.display_name), Member.id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could be assigned, and what would become of it."""

    member: Member
    outcome: AssignmentOutcome


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """A group of an open course that people may join by themselves."""

    group_id: str
    name: str
    due_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class OpenCourse:
    """A course that people may join by themselves, as everybody sees it."""

    number: int
    course_id: str
    title: str
    description: str
    kind: CourseKind
    due_at: dt.datetime | None
    allows_self_enrolment: bool


async def candidates(
    info: Info,
    *,
    course_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    search: str | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    """The people of the workspace by name, each with what `assignLearner` would answer."""
    context = info.context
    caller = context.signed_in
    await positions.at_least(context, at_least)
    number = number_of(course_id, "Course")
    group = None if group_id is None else number_of(group_id, "LearnerGroup")
    async with context.read() as db:
        if await db.scalar(visible.courses(caller).where(Course.id == number)) is None:
            raise not_found("course")
        await enrolments.require_on(db, caller, Permission.ASSIGN_LEARNER, number, group)
    people = visible.members(caller).where(Member.state != MemberState.DEACTIVATED)
    if search:
        people = people.where(called(search))
    page = await listed(context, people, order=BY_NAME, first=first, after=after, name="candidates")
    async with context.read() as db:
        foreseen = await enrolments.foresee(
            db,
            by=caller,
            course_id=number,
            group_id=group,
            member_ids=[each.id for each in page.rows],
        )
    rows = [
        Candidate(member, each.outcome) for member, each in zip(page.rows, foreseen, strict=True)
    ]
    return shown_as(page, rows)


async def open_courses(
    info: Info,
    *,
    search: str | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    rows = self_enrolment.open_courses(info.context.signed_in)
    if search:
        rows = rows.where(contains(Course.title, search))
    page = await listed(
        info.context, rows, order=BY_TITLE, first=first, after=after, name="openCourses"
    )
    return shown_as(page, [_open(course) for course in page.rows])


async def open_groups(root: Parent, info: Info) -> list[OpenGroup]:
    return await info.context.load(open_groups_of, root.number)


async def is_learner(root: Parent, info: Info) -> bool:
    return await info.context.load(am_learner_of, root.number)


async def reason_group(root: Parent, info: Info) -> LearnerGroup | None:
    """The group, as long as it is there and one sees its course."""
    if root.group_id is None:
        return None
    return await info.context.load(visible_groups_by_id, root.group_id)


async def enrolled_by(root: Parent, info: Info) -> Member | None:
    if root.enrolled_by_id is None:
        return None
    return await info.context.load(members_by_id, root.enrolled_by_id)


async def member(root: Parent, info: Info) -> Member | None:
    """The person of a result; what was not found is shown to nobody, whatever row is left of it."""
    if root.outcome.value == AssignmentOutcome.NOT_FOUND.value:
        return None
    return await info.context.load(members_by_id, root.member_id)


def member_id(root: Parent) -> str:
    return encode("Member", root.member_id)


def assignments(root: Parent) -> list[Assignment]:
    return [
        Assignment(each["member_id"], AssignmentOutcome(each["outcome"])) for each in root.results
    ]


def unassignments(root: Parent) -> list[Unassignment]:
    return [
        Unassignment(
            each["member_id"],
            Ended(each["outcome"]),
            _reasons(each["ended"]),
            _reasons(each["remaining"]),
        )
        for each in root.results
    ]


def unassignment(root: Parent) -> Unassignment | None:
    return next(iter(unassignments(root)), None)


async def live_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[list[Enrolment]]:
    """Why somebody learns in a course, for each (course, person), in one statement."""
    rows = await db.scalars(
        select(Enrolment)
        .where(
            Enrolment.workspace_id == context.signed_in.workspace_id,
            Enrolment.course_id.in_({course_id for course_id, _ in keys}),
            Enrolment.member_id.in_({member_id for _, member_id in keys}),
            Enrolment.ended_at.is_(None),
        )
        .order_by(Enrolment.since, Enrolment.id)
    )
    found: dict[tuple[int, int], list[Enrolment]] = {key: [] for key in keys}
    for row in rows:
        if (row.course_id, row.member_id) in found:
            found[row.course_id, row.member_id].append(row)
    return [found[key] for key in keys]


async def open_groups_of(
    db: AsyncSession, context: Context, course_ids: Sequence[int]
) -> list[list[OpenGroup]]:
    """The groups of these open courses that people may join, by name, in one statement."""
    rows = await db.scalars(
        self_enrolment.open_groups(context.signed_in)
        .where(LearnerGroup.course_id.in_(course_ids))
        .order_by(func.lower(LearnerGroup.name), LearnerGroup.id)
    )
    found: dict[int, list[OpenGroup]] = {id: [] for id in course_ids}
    for row in rows:
        shown = OpenGroup(encode("LearnerGroup", row.id), row.name, row.due_at)
        found[row.course_id].append(shown)
    return [found[id] for id in course_ids]


async def am_learner_of(
    db: AsyncSession, context: Context, course_ids: Sequence[int]
) -> list[bool]:
    """Whether the caller learns in each of these courses."""
    mine = await db.scalars(
        select(Enrolment.course_id).where(
            Enrolment.workspace_id == context.signed_in.workspace_id,
            Enrolment.member_id == context.signed_in.member_id,
            Enrolment.course_id.in_(course_ids),
            Enrolment.ended_at.is_(None),
        )
    )
    learned = set(mine)
    return [id in learned for id in course_ids]


def _open(course: Course) -> OpenCourse:
    return OpenCourse(
        course.id,
        encode("Course", course.id),
        course.title,
        course.description,
        course.kind,
        course.due_at,
        course.allows_self_enrolment,
    )


def _reasons(kept: Sequence[Any]) -> tuple[Reason, ...]:
    return tuple(Reason(EnrolmentSource(source), group_id) for source, group_id in kept)
