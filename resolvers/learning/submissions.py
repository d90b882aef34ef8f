"""Submissions as learners and graders find them: those of a course, and those that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import strawberry
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.catalog import Course, Module
from models.enrolments import Enrolment
from models.grading import Submission, SubmissionState
from models.groups import GroupFacilitator
from models.people import Member
from operations.learning.gradebook import percent_of
from operations.learning.submissions import seen_by, to_grade
from operations.refusals import not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import members_by_id, visible_courses_by_id, visible_modules_by_id
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

BY_MODULE: Final = (Submission.module_id, Submission.member_id, Submission.id)
OLDEST: Final = (Submission.submitted_at, Submission.id)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """To what a list of submissions is narrowed; `facilitator_id`: to the groups of somebody."""

    module_id: int | None = None
    member_id: int | None = None
    group_id: int | None = None
    state: SubmissionState | None = None
    facilitator_id: int | None = None


def of_person(row: Any, caller: Caller) -> Reference:
    """What a row is about that is somebody's on a course."""
    facts = IS_SELF if row.member_id == caller.member_id else NOTHING
    return Reference(Scope.COURSE, row.course_id, facts)


refer(Submission, of_person)


def _narrowed(rows: Select[Any], to: Narrowing | None) -> Select[Any]:
    return rows if to is None else rows.where(*_wheres(to))


def _wheres(to: Narrowing) -> list[ColumnElement[bool]]:
    equal = {
        Submission.module_id: to.module_id,
        Submission.member_id: to.member_id,
        Submission.state: to.state,
    }
    wheres = [column == value for column, value in equal.items() if value is not None]
    if to.group_id is not None:
        wheres.append(_learns_in(Enrolment.group_id == to.group_id))
    if to.facilitator_id is not None:
        own = select(GroupFacilitator.group_id).where(
            GroupFacilitator.member_id == to.facilitator_id
        )
        wheres.append(_learns_in(Enrolment.group_id.in_(own)))
    return wheres


def _learns_in(group: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            group,
            Enrolment.course_id == Submission.course_id,
            Enrolment.member_id == Submission.member_id,
            Enrolment.ended_at.is_(None),
        )
        .correlate(Submission)
    )


def _of_course(context: Context, owner: Any, to: Narrowing | None) -> Select[Any]:
    return _narrowed(seen_by(context.signed_in).where(Submission.course_id == owner), to)


def _to_grade(context: Context, owner: Any, to: Narrowing | None) -> Select[Any]:
    return _narrowed(to_grade(context.signed_in).where(Submission.course_id == owner), to)


OF_COURSE: Final = Nested("courseSubmissions", Submission, BY_MODULE, _of_course)
TO_GRADE: Final = Nested("courseSubmissionsToGrade", Submission, OLDEST, _to_grade)


async def of_course(
    root: Parent,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    *,
    module_id: strawberry.ID | None = None,
    member_id: strawberry.ID | None = None,
    group_id: strawberry.ID | None = None,
    state: SubmissionState | None = None,
) -> Listing:
    to = Narrowing(
        _number(module_id, "Module"),
        _number(member_id, "Member"),
        _number(group_id, "LearnerGroup"),
        state,
    )
    return await OF_COURSE.page(info.context, root.id, first, after, to)


async def to_grade_of_course(
    root: Parent,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    *,
    module_id: strawberry.ID | None = None,
    group_id: strawberry.ID | None = None,
    in_my_groups: bool = False,
) -> Listing:
    to = _queue(info, module_id, group_id, in_my_groups=in_my_groups)
    return await TO_GRADE.page(info.context, root.id, first, after, to)


async def submissions_to_grade(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    *,
    module_id: strawberry.ID | None = None,
    group_id: strawberry.ID | None = None,
    in_my_groups: bool = False,
    at_least: Cursor | None = None,
) -> Listing:
    """The queue over all courses."""
    await positions.at_least(info.context, at_least)
    to = _queue(info, module_id, group_id, in_my_groups=in_my_groups)
    return await listed(
        info.context,
        _narrowed(to_grade(info.context.signed_in), to),
        order=OLDEST,
        first=first,
        after=after,
        name="submissionsToGrade",
    )


def _queue(
    info: Info,
    module_id: strawberry.ID | None,
    group_id: strawberry.ID | None,
    *,
    in_my_groups: bool,
) -> Narrowing:
    return Narrowing(
        module_id=_number(module_id, "Module"),
        group_id=_number(group_id, "LearnerGroup"),
        facilitator_id=info.context.signed_in.member_id if in_my_groups else None,
    )


def _number(id: strawberry.ID | None, noun: str) -> int | None:
    return None if id is None else number_of(id, noun)


async def submission(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Submission:
    await positions.at_least(info.context, at_least)
    found = await info.context.load(visible_submissions_by_id, number_of(id, "Submission"))
    if found is None:
        raise not_found("submission")
    return found


async def visible_submissions_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Submission | None]:
    """Of those the caller may see."""
    rows = await db.scalars(seen_by(context.signed_in).where(Submission.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


async def module(root: Parent, info: Info) -> Module | None:
    return await info.context.load(visible_modules_by_id, root.module_id)


async def member(root: Parent, info: Info) -> Member | None:
    return await info.context.load(members_by_id, root.member_id)


def percent(root: Parent) -> Decimal | None:
    return percent_of(root)
