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
from resolvers.listing import Count, Listing, kind_of, listing_of
from resolvers.pages import Asked, asked, read_pages
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import segments_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

NAME: Final = "coordinators"


class SourceKind(StrEnum):
    """Why someone is coordinator: by hand, through a segment, or kept in beside the segments."""

    DIRECT = "DIRECT"
    SEGMENT = "SEGMENT"
    KEEP = "KEEP"


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


PageKey = tuple[int, Asked]
"""One page of one course's coordinators."""


def _about(row: Coordinator | Suppressed, caller: Caller) -> Reference:
    facts = IS_SELF if row.member.id == caller.member_id else NOTHING
    return Reference(Scope.COURSE, row.course_id, facts)


refer(Coordinator, _about)
refer(Suppressed, _about)


async def coordinators(
    root: Parent, info: Info, first: int | None = None, after: str | None = None
) -> Listing:
    context = info.context
    wanted = asked(context.seal, kind_of(context, NAME), first, after)
    return await context.load(pages_of, (root.id, wanted))


async def sources(root: Parent, info: Info) -> list[Source]:
    return await info.context.load(sources_of, (root.course_id, root.member.id))


async def source_segment(root: Parent, info: Info) -> Segment | None:
    if root.segment_id is None:
        return None
    return await info.context.load(segments_by_id, root.segment_id)


async def role_conflicts(root: Parent, info: Info) -> list[Suppressed]:
    return await info.context.load(suppressed_on, root.id)


async def pages_of(db: AsyncSession, context: Context, keys: Sequence[PageKey]) -> list[Listing]:
    """One statement for all courses that want the same page, which the courses of a list do."""
    wanted: dict[Asked, list[int]] = {}
    for course_id, page in keys:
        wanted.setdefault(page, []).append(course_id)
    found: dict[PageKey, Listing] = {}
    for page, course_ids in wanted.items():
        for course_id, listing in (await _pages(db, context, course_ids, page)).items():
            found[course_id, page] = listing
    return [found[key] for key in keys]


async def _pages(
    db: AsyncSession, context: Context, course_ids: Sequence[int], wanted: Asked
) -> dict[int, Listing]:
    view = course_coordinator

    def rows_of(course_id: Any) -> Select[Any]:
        return (
            select(Member, view.c.is_direct, view.c.since)
            .join(view, view.c.member_id == Member.id)
            .where(view.c.course_id == course_id)
        )

    pages = await read_pages(
        db,
        course_ids,
        rows_of,
        Member,
        order=(func.lower(Member.display_name), Member.id),
        wanted=wanted,
        seal=context.seal,
        kind=kind_of(context, NAME),
    )
    return {
        course_id: listing_of(
            page,
            [Coordinator(course_id, *row[:3]) for row in page.rows],
            _counting(course_id),
        )
        for course_id, page in pages.items()
    }


def _counting(course_id: int) -> Count:
    return lambda context: context.load(counts_of, course_id)


async def counts_of(db: AsyncSession, _: Context, course_ids: Sequence[int]) -> list[int]:
    view = course_coordinator
    rows = await db.execute(
        select(view.c.course_id, func.count())
        .where(view.c.course_id.in_(course_ids))
        .group_by(view.c.course_id)
    )
    counted = {row[0]: row[1] for row in rows}
    return [counted.get(id, 0) for id in course_ids]


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
