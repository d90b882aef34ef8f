"""Who coordinates a course and through what, batched over all courses of a page."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import strawberry
from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.coordinators import CourseRole, CourseRoleKind
from models.people import Member
from models.segments import Segment
from models.views import coordinator_source, course_coordinator
from resolvers.context import Context
from resolvers.nested import Nested, unsearched
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import segments_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


class SourceKind(StrEnum):
    """Why someone is coordinator: by hand, through a segment, or kept in beside the segments.

    ENDING: for nothing of these any more, and only until the days of grace are over (M40).
    """

    DIRECT = "DIRECT"
    SEGMENT = "SEGMENT"
    KEEP = "KEEP"
    ENDING = "ENDING"


@dataclass(frozen=True, slots=True)
class Coordinator:
    """An effective coordinator of one course."""

    course_id: int
    member: Member
    is_direct: bool
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Source:
    """One reason someone is coordinator."""

    kind: SourceKind
    segment_id: int | None
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Someone who would coordinate the course, were they not its instructor (M35)."""

    course_id: int
    member: Member
    sources: list[Source]


def _about(row: Coordinator | Suppressed, caller: Caller) -> Reference:
    facts = IS_SELF if row.member.id == caller.member_id else NOTHING
    return Reference(Scope.COURSE, row.course_id, facts)


refer(Coordinator, _about)
refer(Suppressed, _about)


def _on_course(_: Context, owner: Any, __: str | None) -> Select[Any]:
    view = course_coordinator
    return (
        select(Member, view.c.is_direct, view.c.since)
        .join(view, view.c.member_id == Member.id)
        .where(view.c.course_id == owner)
    )


COORDINATORS: Final = Nested(
    "coordinators",
    Member,
    (func.lower(Member.display_name), Member.id),
    _on_course,
    lambda course_id, row: Coordinator(course_id, *row[:3]),
)


coordinators = unsearched(COORDINATORS)


async def sources(root: Parent, info: Info) -> list[Source]:
    return await info.context.load(sources_of, (root.course_id, root.member.id))


async def source_segment(root: Parent, info: Info) -> Segment | None:
    if root.segment_id is None:
        return None
    return await info.context.load(segments_by_id, root.segment_id)


async def role_conflicts(root: Parent, info: Info) -> list[Suppressed]:
    return await info.context.load(suppressed_on, root.id)


async def sources_of(
    db: AsyncSession, _: Context, keys: Sequence[tuple[int, int]]
) -> list[list[Source]]:
    view = coordinator_source
    rows = await db.execute(
        select(view.c.course_id, view.c.member_id, view.c.kind, view.c.segment_id, view.c.since)
        .where(
            view.c.course_id.in_({course_id for course_id, _ in keys}),
            view.c.member_id.in_({member_id for _, member_id in keys}),
        )
        .order_by(view.c.kind, view.c.segment_id)
    )
    found: dict[tuple[int, int], list[Source]] = {key: [] for key in keys}
    for course_id, member_id, kind, segment_id, since in rows:
        if (course_id, member_id) in found:
            found[course_id, member_id].append(Source(SourceKind(kind), segment_id, since))
    return [found[key] for key in keys]


async def suppressed_on(
    db: AsyncSession, _: Context, course_ids: Sequence[int]
) -> list[list[Suppressed]]:
    view = coordinator_source
    rows = await db.execute(
        select(view.c.course_id, Member, view.c.kind, view.c.segment_id, view.c.since)
        .join(Member, Member.id == view.c.member_id)
        .join(
            CourseRole,
            and_(
                CourseRole.course_id == view.c.course_id,
                CourseRole.member_id == view.c.member_id,
                CourseRole.role == CourseRoleKind.INSTRUCTOR,
            ),
        )
        .where(view.c.course_id.in_(course_ids))
        .order_by(view.c.course_id, func.lower(Member.display_name), Member.id, view.c.segment_id)
    )
    found: dict[int, dict[int, Suppressed]] = {id: {} for id in course_ids}
    for course_id, member, kind, segment_id, since in rows:
        row = found[course_id].setdefault(member.id, Suppressed(course_id, member, []))
        row.sources.append(Source(SourceKind(kind), segment_id, since))
    return [list(found[id].values()) for id in course_ids]


async def is_coordinator_of(
    db: AsyncSession, _: Context, keys: Sequence[tuple[int, int]]
) -> list[Coordinator | None]:
    """For each (course, person) the effective coordinator, or None."""
    view = course_coordinator
    rows = await db.execute(
        select(view.c.course_id, Member, view.c.is_direct, view.c.since)
        .join(Member, Member.id == view.c.member_id)
        .where(
            view.c.course_id.in_({course_id for course_id, _ in keys}),
            view.c.member_id.in_({member_id for _, member_id in keys}),
        )
    )
    found = {
        (course_id, member.id): Coordinator(course_id, member, is_direct, since)
        for course_id, member, is_direct, since in rows
    }
    return [found.get(key) for key in keys]
