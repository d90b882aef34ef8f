"""Segments on the numbered places of a course, and how they are followed."""

import datetime as dt
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import cause_of, record
from models.segments import AttachmentMode, CourseSegment, Segment
from models.workspaces import Workspace
from operations import courses, grace, invitees, visible
from operations.attachment_modes import told
from operations.constraints import refused_by
from operations.grace import Followed
from operations.holds.by_hand import refuse_unasked
from operations.preview.basis import Basis, refuse_outdated
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.refusals import Code, Refused, not_found
from operations.rights import require


async def attach(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    segment_id: int,
    mode: AttachmentMode | None = None,
    based_on: Basis | None = None,
) -> CourseSegment:
    """Put a segment on the lowest free place of a course. One row, however many people follow.

    The same segment twice is the same attachment, which another `mode` does not fit; no mode is
    SYNC, or the one it has. No free place is LIMIT_REACHED (M29). With `based_on` it is done only
    as it was previewed: PREVIEW_OUTDATED (S9).
    """
    course = await courses.lock(db, by=by, course_id=course_id)
    segment = await _usable_segment(db, by, course_id, segment_id)
    attachment = await _attach(db, by, course, segment, mode)
    await refuse_outdated(
        db,
        by=by,
        basis=based_on,
        change=SegmentChange(SegmentChangeKind.ATTACH, segment_id, course_id),
        segment=segment,
        course_ids=[course_id],
    )
    return attachment


async def _attach(
    db: AsyncSession, by: Caller, course: Course, segment: Segment, mode: AttachmentMode | None
) -> CourseSegment:
    course_id, segment_id = course.id, segment.id
    limit = await _limit_of(db, course)
    rows = await db.scalars(select(CourseSegment).where(CourseSegment.course_id == course_id))
    attached = {row.segment_id: row for row in rows}
    if segment_id in attached:
        return _unchanged(attached[segment_id], mode)
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
        mode=mode or AttachmentMode.SYNC,
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
        after={"name": segment.name}
        | _said(attachment.place, attachment.mode, attachment.mode_since),
    )
    await invitees.consider_segments(db, workspace_id=by.workspace_id, segment_ids=[segment_id])
    grace.given(db, by=by, course_id=course_id)
    return attachment


async def detach(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    segment_id: int,
    based_on: Basis | None = None,
    accept_losses: int | None = 0,
) -> bool:
    """Take a segment off a course; false when it was not attached.

    CONFIRMATION_REQUIRED where more people would lose the course than may unasked (S11), unless
    `based_on` a preview, or so many are accepted (None: however many).
    """
    await courses.lock(db, by=by, course_id=course_id)
    segment = await _usable_segment(db, by, course_id, segment_id)
    accepted = accept_losses if based_on is None else None
    await refuse_unasked(
        db, by=by, segment_id=segment_id, course_ids=[course_id], accepted=accepted
    )
    was_attached = await _detach(db, by, course_id, segment)
    await refuse_outdated(
        db,
        by=by,
        basis=based_on,
        change=SegmentChange(SegmentChangeKind.DETACH, segment_id, course_id),
        segment=segment,
        course_ids=[course_id],
    )
    return was_attached


async def _detach(db: AsyncSession, by: Caller, course_id: int, segment: Segment) -> bool:
    gone = (
        await db.execute(
            delete(CourseSegment)
            .where(CourseSegment.course_id == course_id, CourseSegment.segment_id == segment.id)
            .returning(CourseSegment.place, CourseSegment.mode, CourseSegment.mode_since)
        )
    ).one_or_none()
    if gone is None:
        return False
    place, mode, since = gone
    was = Followed(course_id, segment.id, mode, since, _taken_off(segment))
    _record_detached(db, by, was, place)
    return True


async def change_mode(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    segment_id: int,
    mode: AttachmentMode,
    based_on: Basis | None = None,
    accept_losses: int | None = 0,
) -> CourseSegment:
    """Let an attachment follow its segment otherwise from now on (S8).

    "Now" is the server's clock, which intervals of membership are measured with too. The mode it
    has already goes on from when it began. CONFIRMATION_REQUIRED where more people would lose the
    course than may unasked (S11), unless `based_on` a preview, or so many are accepted (None:
    however many).
    """
    await courses.lock(db, by=by, course_id=course_id)
    segment = await _usable_segment(db, by, course_id, segment_id)
    attachment = await db.get(CourseSegment, (course_id, segment_id), populate_existing=True)
    if attachment is None:
        raise not_found("attachment")
    if attachment.mode is not mode:
        accepted = accept_losses if based_on is None else None
        await refuse_unasked(
            db,
            by=by,
            segment_id=segment_id,
            course_ids=[course_id],
            accepted=accepted,
            keeps_members=True,
        )
        await _follow_otherwise(db, by, attachment, segment, mode)
    await refuse_outdated(
        db,
        by=by,
        basis=based_on,
        change=SegmentChange(SegmentChangeKind.CHANGE_MODE, segment_id, course_id, mode=mode),
        segment=segment,
        course_ids=[course_id],
    )
    return attachment


async def _follow_otherwise(
    db: AsyncSession, by: Caller, attachment: CourseSegment, segment: Segment, mode: AttachmentMode
) -> None:
    course_id, segment_id = attachment.course_id, segment.id
    before = _said(attachment.place, attachment.mode, attachment.mode_since)
    was = (attachment.mode, attachment.mode_since)
    reason = f"“{segment.name}” is followed otherwise."
    grace.taken(db, by=by, followed=Followed(course_id, segment_id, *was, reason))
    grace.given(db, by=by, course_id=course_id)
    attachment.mode = mode
    attachment.mode_since = (await db.execute(select(func.clock_timestamp()))).scalar_one()
    await db.flush()
    record(
        db,
        by=by,
        verb="segment.mode_changed",
        course_id=course_id,
        segment_id=segment_id,
        before=before,
        after=_said(attachment.place, attachment.mode, attachment.mode_since),
    )
    await invitees.consider_segments(db, workspace_id=by.workspace_id, segment_ids=[segment_id])


async def detach_from_all(db: AsyncSession, *, by: Caller, segment: Segment) -> None:
    """Take a segment, whose row is locked, off every course."""
    gone = await db.execute(
        delete(CourseSegment)
        .where(CourseSegment.segment_id == segment.id)
        .returning(
            CourseSegment.course_id,
            *(CourseSegment.place, CourseSegment.mode, CourseSegment.mode_since),
        )
    )
    for course_id, place, mode, since in sorted(gone):
        was = Followed(course_id, segment.id, mode, since, _taken_off(segment))
        _record_detached(db, by, was, place)


def _record_detached(db: AsyncSession, by: Caller, was: Followed, place: int) -> None:
    record(
        db,
        by=by,
        verb="segment.detached",
        course_id=was.course_id,
        segment_id=was.segment_id,
        before=_said(place, was.mode, was.since),
    )
    grace.taken(db, by=by, followed=was)


def _taken_off(segment: Segment) -> str:
    return f"“{segment.name}” was taken off the course."


def _unchanged(attachment: CourseSegment, mode: AttachmentMode | None) -> CourseSegment:
    if mode is None or mode is attachment.mode:
        return attachment
    raise Refused(
        Code.CONFLICT,
        f"The segment is on the course already, as {attachment.mode.value};"
        " use changeAttachmentMode.",
        {"mode": attachment.mode, "instead": ["changeAttachmentMode"]},
    )


def _said(place: int, mode: AttachmentMode, since: dt.datetime) -> dict[str, Any]:
    return {"place": place, **told(mode, since)}


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
