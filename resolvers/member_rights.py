"""What a member was given, is in courses, and belongs to."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, Text, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Principal, Scope
from models.catalog import Course
from models.grants import Grant
from models.identity import DirectoryGroup, DirectoryGroupMember
from models.people import Member
from resolvers.context import Context, Question
from resolvers.member_search import PartInCourse, parts_in_courses
from resolvers.nested import Nested, unsearched
from resolvers.rows import (
    members_by_id,
    visible_courses_by_id,
    visible_departments_by_id,
    visible_modules_by_id,
    workspaces_by_id,
)

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

PLACES: Final[Mapping[Scope, Question[int, Any]]] = {
    Scope.MODULE: visible_modules_by_id,
    Scope.COURSE: visible_courses_by_id,
    Scope.DEPARTMENT: visible_departments_by_id,
    Scope.WORKSPACE: workspaces_by_id,
}


@dataclass(frozen=True, slots=True)
class GivenRight:
    """A stored right of a member, and on what."""

    principal: Principal
    scope: Scope
    place: int
    since: dt.datetime
    pending_until: dt.datetime | None
    given_by_id: int | None


@dataclass(frozen=True, slots=True)
class CoursePart:
    """What a member is on one course."""

    course: Course
    part: PartInCourse
    since: dt.datetime


def _given(context: Context, owner: Any, _: str | None) -> Select[Any]:
    return select(Grant).where(
        Grant.workspace_id == context.signed_in.workspace_id, Grant.member_id == owner
    )


def _right(_: int, row: tuple[Any, ...]) -> GivenRight:
    grant: Grant = row[0]
    scope, place = grant.place
    return GivenRight(
        Principal(grant.principal),
        scope,
        place,
        grant.created_at,
        grant.pending_until,
        grant.granted_by_id,
    )


def _in_courses(context: Context, owner: Any, _: str | None) -> Select[Any]:
    part = parts_in_courses(context.signed_in, list(PartInCourse))
    return (
        select(Course, part.c.part.label("what"), part.c.since.label("since"))
        .join(part, part.c.course_id == Course.id)
        .where(part.c.member_id == owner)
    )


def _part(_: int, row: tuple[Any, ...]) -> CoursePart:
    return CoursePart(row[0], PartInCourse(row[1]), row[2])


GRANTS: Final = Nested("memberGrants", Grant, (Grant.id,), _given, _right)
COURSES: Final = Nested(
    "memberCourses",
    Course,
    (func.lower(Course.title), Course.id, literal_column("part.part", Text)),
    _in_courses,
    _part,
)


grants = unsearched(GRANTS)
courses = unsearched(COURSES)


async def on(root: Parent, info: Info) -> Any:
    return await info.context.load(PLACES[root.scope], root.place)


async def on_name(root: Parent, info: Info) -> str | None:
    thing = await info.context.load(PLACES[root.scope], root.place)
    if thing is None:
        return None
    name: str = thing.title if root.scope in (Scope.COURSE, Scope.MODULE) else thing.name
    return name


async def given_by(root: Parent, info: Info) -> Member | None:
    if root.given_by_id is None:
        return None
    return await info.context.load(members_by_id, root.given_by_id)


async def groups(root: Parent, info: Info) -> list[str]:
    return await info.context.load(groups_of, root.id)


async def groups_of(
    db: AsyncSession, context: Context, member_ids: Sequence[int]
) -> list[list[str]]:
    """The names of the groups of a directory these people are in."""
    found: dict[int, list[str]] = {id: [] for id in member_ids}
    rows = await db.execute(
        select(DirectoryGroupMember.member_id, DirectoryGroup.display_name)
        .join(DirectoryGroup, DirectoryGroup.id == DirectoryGroupMember.group_id)
        .where(
            DirectoryGroupMember.member_id.in_(member_ids),
            DirectoryGroup.workspace_id == context.signed_in.workspace_id,
            DirectoryGroup.deleted_at.is_(None),
        )
        .order_by(DirectoryGroup.folded_name, DirectoryGroup.display_name)
    )
    for member_id, name in rows:
        found[member_id].append(name)
    return [list(dict.fromkeys(found[id])) for id in member_ids]
