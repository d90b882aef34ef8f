"""User segments: rules and lists of people, their life, and their end."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.base import Json
from models.catalog import Course
from models.journal import cause_of, record
from models.segments import (
    CourseSegment,
    Segment,
    SegmentKind,
    SegmentPerson,
    SegmentState,
    VersionOrigin,
)
from operations import attachments, beside, people
from operations.constraints import refused_by
from operations.holds import deciding
from operations.holds.by_hand import refuse_unasked
from operations.preview.basis import Basis, refuse_outdated
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.refusals import Code, Refused, not_found
from operations.relations import hold_rules, mentioned_in, refuse_if_built_on
from operations.rights import require
from operations.segment_rules import rule_of, version_of
from operations.segment_words import name_taken, said, wrong_state
from operations.wording import name_of, text_of
from sync_engine.markers import mark_members, mark_segment, raise_epoch
from sync_engine.rules import to_document


async def lock(db: AsyncSession, *, by: Caller, segment_id: int, permission: Permission) -> Segment:
    """The segment, its row locked, for somebody who holds `permission` in the workspace."""
    await require(db, by, permission)
    segment = await db.scalar(
        select(Segment)
        .where(
            Segment.workspace_id == by.workspace_id,
            Segment.id == segment_id,
            Segment.deleted_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if segment is None:
        raise not_found("segment")
    return segment


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    name: str,
    description: str = "",
    rule: str | Json | None = None,
    member_ids: Collection[int] = (),
    is_draft: bool = False,
    is_usable_by_departments: bool = False,
) -> Segment:
    """A new segment: with `rule` (text or document) it follows the rule, else it names people."""
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    document = None if rule is None else await _document(db, by.workspace_id, rule)
    segment = Segment(
        workspace_id=by.workspace_id,
        name=name_of(name, "segment's name"),
        description=text_of(description, "description"),
        kind=SegmentKind.STATIC if document is None else SegmentKind.RULE,
        state=SegmentState.DRAFT if is_draft else SegmentState.ACTIVE,
        rule=document,
        is_usable_by_departments=is_usable_by_departments,
        epoch=0,
    )
    async with refused_by(db, uq_segment_name=name_taken(segment.name)):
        db.add(segment)
    if document is not None:
        db.add(version_of(db, by, segment, VersionOrigin.CREATED))
    if member_ids:
        await _name(db, by, segment, member_ids)
    await _reconsider(db, segment)
    record(
        db,
        by=by,
        verb="segment.created",
        segment_id=segment.id,
        after={
            "name": segment.name,
            "kind": segment.kind,
            "state": segment.state,
            "rule": document,
        },
    )
    return segment


async def edit(
    db: AsyncSession,
    *,
    by: Caller,
    segment_id: int,
    name: str | None = None,
    description: str | None = None,
    rule: str | Json | None = None,
    is_usable_by_departments: bool | None = None,
    based_on: Basis | None = None,
) -> Segment:
    """Change what is given. A new rule is a new version, applied as a difference (S6).

    A valid rule mends a BROKEN segment. A PAUSED or DRAFT one keeps what it gives, or nothing.
    With `based_on` it is done only as it was previewed: PREVIEW_OUTDATED (S9).
    """
    segment = await lock(
        db, by=by, segment_id=segment_id, permission=Permission.CREATE_EDIT_SEGMENT
    )
    before = said(segment)
    if name is not None:
        segment.name = name_of(name, "segment's name")
    if description is not None:
        segment.description = text_of(description, "description")
    if is_usable_by_departments is not None:
        segment.is_usable_by_departments = is_usable_by_departments
    if rule is not None:
        await set_rule(db, by, segment, rule)
    async with refused_by(db, uq_segment_name=name_taken(segment.name)):
        await db.flush()
    after = said(segment)
    different = [key for key in after if before[key] != after[key]]
    if different:
        record(
            db,
            by=by,
            verb="segment.edited",
            segment_id=segment.id,
            before={key: before[key] for key in different},
            after={key: after[key] for key in different},
        )
    asked = SegmentChange(
        SegmentChangeKind.EDIT_RULE, segment_id, rule=None if rule is None else segment.rule
    )
    await refuse_outdated(db, by=by, basis=based_on, change=asked, segment=segment)
    return segment


async def pause(
    db: AsyncSession, *, by: Caller, segment_id: int, based_on: Basis | None = None
) -> Segment:
    """Freeze what the segment gives; it is not emptied (S5)."""
    segment = await lock(db, by=by, segment_id=segment_id, permission=Permission.PAUSE_RESUME_SYNC)
    if segment.state is not SegmentState.PAUSED:
        await _pause(db, by, segment)
    change = SegmentChange(SegmentChangeKind.PAUSE, segment_id)
    await refuse_outdated(db, by=by, basis=based_on, change=change, segment=segment)
    return segment


async def _pause(db: AsyncSession, by: Caller, segment: Segment) -> None:
    if segment.state is not SegmentState.ACTIVE:
        raise wrong_state(segment, "paused")
    segment.state = SegmentState.PAUSED
    await _reconsider(db, segment)
    record(
        db,
        by=by,
        verb="segment.paused",
        segment_id=segment.id,
        before={"state": SegmentState.ACTIVE},
        after={"state": SegmentState.PAUSED},
    )


async def resume(
    db: AsyncSession, *, by: Caller, segment_id: int, based_on: Basis | None = None
) -> Segment:
    """Let the segment follow its rule: from PAUSED again, from DRAFT for the first time."""
    segment = await lock(db, by=by, segment_id=segment_id, permission=Permission.PAUSE_RESUME_SYNC)
    if segment.state is not SegmentState.ACTIVE:
        await _resume(db, by, segment)
    change = SegmentChange(SegmentChangeKind.RESUME, segment_id)
    await refuse_outdated(db, by=by, basis=based_on, change=change, segment=segment)
    return segment


async def _resume(db: AsyncSession, by: Caller, segment: Segment) -> None:
    if segment.state is SegmentState.BROKEN:
        raise wrong_state(segment, "resumed; edit its rule")
    before, segment.state = segment.state, SegmentState.ACTIVE
    await _reconsider(db, segment)
    record(
        db,
        by=by,
        verb="segment.resumed",
        segment_id=segment.id,
        before={"state": before},
        after={"state": SegmentState.ACTIVE},
    )


async def recompute(db: AsyncSession, *, by: Caller, segment_id: int) -> Segment:
    """Have every membership of the segment looked at again (S13)."""
    segment = await lock(db, by=by, segment_id=segment_id, permission=Permission.PAUSE_RESUME_SYNC)
    await mark_segment(db, by.workspace_id, segment.id, cause=cause_of(db))
    record(db, by=by, verb="segment.recomputed", segment_id=segment.id)
    return segment


async def remove(
    db: AsyncSession,
    *,
    by: Caller,
    segment_id: int,
    at: dt.datetime,
    detach: bool = False,
    based_on: Basis | None = None,
) -> Segment:
    """Delete a segment. In use, it is refused with the courses, unless `detach` (S7); and where
    more people would lose a course than may unasked, unless `based_on` a preview (S11).

    What it gave ends in this same transaction, because coordinators are read through the
    attachments; the engine then closes its memberships.
    """
    segment = await lock(
        db, by=by, segment_id=segment_id, permission=Permission.CREATE_EDIT_SEGMENT
    )
    used_by = (
        await db.execute(
            select(Course.id, Course.title)
            .join(CourseSegment, CourseSegment.course_id == Course.id)
            .where(CourseSegment.segment_id == segment_id)
            .order_by(Course.id)
        )
    ).all()
    if used_by and not detach:
        raise Refused(
            Code.SEGMENT_IN_USE,
            f"{len(used_by)} course(s) follow “{segment.name}”; detach it, or say detach: true.",
            {"courses": [{"id": id, "title": title} for id, title in used_by]},
        )
    await refuse_unasked(
        db,
        by=by,
        segment_id=segment_id,
        course_ids=[id for id, _ in used_by],
        accepted=0 if based_on is None else None,
    )
    await attachments.detach_from_all(db, by=by, segment=segment)
    await refuse_if_built_on(db, segment)
    segment.deleted_at = at
    await _reconsider(db, segment)
    await beside.end_of_segment(db, workspace_id=by.workspace_id, segment_id=segment_id)
    await deciding.end_of_segment(db, by=by, segment_id=segment_id)
    record(db, by=by, verb="segment.deleted", segment_id=segment_id, before=said(segment))
    await refuse_outdated(
        db,
        by=by,
        basis=based_on,
        change=SegmentChange(SegmentChangeKind.DELETE, segment_id),
        segment=segment,
        course_ids=[id for id, _ in used_by],
    )
    return segment


async def name_people(
    db: AsyncSession, *, by: Caller, segment_id: int, member_ids: Collection[int]
) -> Segment:
    """Name more people in a STATIC segment; those named already stay so."""
    segment = await _static(db, by, segment_id)
    await _name(db, by, segment, member_ids)
    return segment


async def unname_people(
    db: AsyncSession, *, by: Caller, segment_id: int, member_ids: Collection[int]
) -> Segment:
    """Take people out of a STATIC segment; those not in it are passed over."""
    people.at_most(member_ids)
    segment = await _static(db, by, segment_id)
    gone = sorted(
        await db.scalars(
            delete(SegmentPerson)
            .where(SegmentPerson.segment_id == segment_id, SegmentPerson.member_id.in_(member_ids))
            .returning(SegmentPerson.member_id)
        )
    )
    if gone:
        await mark_members(db, by.workspace_id, gone, cause=cause_of(db))
        record(
            db,
            by=by,
            verb="segment.people_unnamed",
            segment_id=segment_id,
            before={"memberIds": gone},
        )
    return segment


async def _document(
    db: AsyncSession, workspace_id: int, rule: str | Json, segment_id: int | None = None
) -> Json:
    if mentioned_in(rule):
        await hold_rules(db, workspace_id)
    understood = await rule_of(db, workspace_id=workspace_id, rule=rule, segment_id=segment_id)
    return to_document(understood)


async def set_rule(
    db: AsyncSession,
    by: Caller,
    segment: Segment,
    rule: str | Json,
    *,
    restores: int | None = None,
) -> None:
    """Let a locked segment follow another rule: a new version, unless it is the same rule."""
    if segment.kind is not SegmentKind.RULE:
        raise Refused(Code.SEGMENT_STATE, f"“{segment.name}” names people; it has no rule to edit.")
    document = await _document(db, segment.workspace_id, rule, segment.id)
    is_mended = segment.state is SegmentState.BROKEN
    if document == segment.rule and not is_mended:
        return
    segment.rule = document
    segment.version += 1
    if is_mended:
        segment.state, segment.broken_reason = SegmentState.ACTIVE, None
    origin = VersionOrigin.EDITED if restores is None else VersionOrigin.ROLLED_BACK
    db.add(version_of(db, by, segment, origin, restores))
    await _reconsider(db, segment)


async def _reconsider(db: AsyncSession, segment: Segment) -> None:
    """Give the segment the next epoch and have every block looked at."""
    segment.epoch = await raise_epoch(db, segment.workspace_id)
    await db.flush()
    await mark_segment(db, segment.workspace_id, segment.id, cause=cause_of(db))


async def _static(db: AsyncSession, by: Caller, segment_id: int) -> Segment:
    segment = await lock(
        db, by=by, segment_id=segment_id, permission=Permission.CREATE_EDIT_SEGMENT
    )
    if segment.kind is not SegmentKind.STATIC:
        raise Refused(
            Code.SEGMENT_STATE, f"“{segment.name}” follows a rule; edit the rule to change it."
        )
    return segment


async def _name(
    db: AsyncSession, by: Caller, segment: Segment, member_ids: Collection[int]
) -> None:
    wanted = sorted(set(member_ids))
    people.at_most(wanted)
    found = {member.id for member in await people.lock(db, by.workspace_id, wanted)}
    unknown = sorted(set(wanted) - found)
    if unknown:
        raise Refused(
            Code.NOT_FOUND, f"{len(unknown)} of these members do not exist.", {"memberIds": unknown}
        )
    if not wanted:
        return
    rows = [
        {"segment_id": segment.id, "member_id": id, "workspace_id": by.workspace_id}
        for id in wanted
    ]
    named = sorted(
        await db.scalars(
            insert(SegmentPerson).on_conflict_do_nothing().returning(SegmentPerson.member_id), rows
        )
    )
    if named:
        await mark_members(db, by.workspace_id, named, cause=cause_of(db))
        record(
            db,
            by=by,
            verb="segment.people_named",
            segment_id=segment.id,
            after={"memberIds": named},
        )
