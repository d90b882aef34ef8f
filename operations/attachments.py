"""Segments on the numbered places of a course."""

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import cause_of, record
from models.segments import CourseSegment, Segment
from models.workspaces import Workspace
from operations import courses, invitees, visible
from operations.constraints import refused_by
from operations.refusals import Code, Refused, not_found
from operations.rights import require


async def attach(db: AsyncSession, *, by: Caller, course_id: int, segment_id: int) -> CourseSegment:
    """Put a segment on the lowest free place of a course. One row, however many people follow.

    The same segment twice is the same attachment; no free place is LIMIT_REACHED (M29).
    """
    course = await courses.lock(db, by=by, course_id=course_id)
    segment = await _usable_segment(db, by, course_id, segment_id)
    limit = await _limit_of(db, course)
    rows = await db.scalars(select(CourseSegment).where(CourseSegment.course_id == course_id))
    attached = {row.segment_id: row for row in rows}
    if segment_id in attached:
        return attached[segment_id]
    taken = {row.place for row in attached.values()}
    free = next((place for place in range(1, limit + 1) if place not in taken), None)
    if free is None or len(attached) >= limit:
        raise Refused(
            Code.LIMIT_REACHED,
            f"The course carries {len(attached)} segments and may carry {limit};"
            " detach one, or ask a workspace manager for a higher limit.",
            {"limit": limit, "count": len(attached)},
        )
    attachment = CourseSegment(
        course_id=course_id,
        segment_id=segment_id,
        workspace_id=by.workspace_id,
        place=free,
        attached_by_id=by.member_id,
        cause=cause_of(db),
    )
    lowered = Refused(
        Code.CONFLICT, "The limit of segments was lowered just now; look again, then repeat."
    )
    async with refused_by(db, course_segment_within_limit=lowered):
        db.add(attachment)
    record(
        db,
        by=by,
        verb="segment.attached",
        course_id=course_id,
        segment_id=segment_id,
        after={"place": free, "name": segment.name},
    )
    await invitees.consider_segments(db, workspace_id=by.workspace_id, segment_ids=[segment_id])
    return attachment


async def detach(db: AsyncSession, *, by: Caller, course_id: int, segment_id: int) -> bool:
    """Take a segment off a course; false when it was not attached."""
    await courses.lock(db, by=by, course_id=course_id)
    await _usable_segment(db, by, course_id, segment_id)
    place = await db.scalar(
        delete(CourseSegment)
        .where(CourseSegment.course_id == course_id, CourseSegment.segment_id == segment_id)
        .returning(CourseSegment.place)
    )
    if place is None:
        return False
    record(
        db,
        by=by,
        verb="segment.detached",
        course_id=course_id,
        segment_id=segment_id,
        before={"place": place},
    )
    return True


async def _usable_segment(db: AsyncSession, by: Caller, course_id: int, segment_id: int) -> Segment:
    """The segment, held so that it is not deleted meanwhile.

    Whoever may attach none at all hears so; to others hidden ones do not exist, unless they are
    on the course already.
    """
    attach = Permission.ATTACH_SEGMENT
    await require(db, by, attach, course_id=course_id, segment_is_usable=True)
    attached = select(CourseSegment.segment_id).where(CourseSegment.course_id == course_id)
    segment = await db.scalar(
        select(Segment)
        .where(
            Segment.workspace_id == by.workspace_id,
            Segment.id == segment_id,
            Segment.deleted_at.is_(None),
            or_(
                Segment.id.in_(visible.segments(by).with_only_columns(Segment.id)),
                Segment.id.in_(attached),
            ),
        )
        .with_for_update(read=True, key_share=True)
    )
    if segment is None:
        raise not_found("segment")
    await require(db, by, attach, course_id=course_id, segment_id=segment_id)
    return segment


async def _limit_of(db: AsyncSession, course: Course) -> int:
    if course.segment_limit is not None:
        return course.segment_limit
    limit = await db.scalar(
        select(Workspace.segment_limit).where(Workspace.id == course.workspace_id)
    )
    return limit or 0
