"""Learner groups: made, changed and removed; who may see them.

The lock of the course orders everything that happens to its groups. Whoever joins one of their
own accord does not take it: they hold the group itself, so that it is neither removed nor gets
another due date before they are in it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.groups import LearnerGroup
from models.journal import record
from models.progress import DueDateOf
from operations import courses, visible
from operations.constraints import refused_by
from operations.learning import due_dates, enrolment_rows
from operations.refusals import Code, Denied, Refused, not_found
from operations.rights import require
from operations.wording import name_of

NOUN: Final = "group's name"
EDITABLE: Final = ("name", "due_at", "allows_self_enrolment")


def is_own(group: LearnerGroup, by: Caller) -> bool:
    """Whether the caller made the group."""
    return by.member_id is not None and group.created_by_id == by.member_id


def seen(by: Caller) -> Select[LearnerGroup]:
    """The groups of the courses the caller may see; who is in them is another question."""
    on = visible.courses(by).with_only_columns(Course.id)
    return select(LearnerGroup).where(
        LearnerGroup.workspace_id == by.workspace_id,
        LearnerGroup.removed_at.is_(None),
        LearnerGroup.course_id.in_(on),
    )


async def of_course(db: AsyncSession, *, by: Caller, course_id: int, group_id: int) -> LearnerGroup:
    """A group of this course; raises NOT_FOUND where it is none, or is removed."""
    group = await db.scalar(
        select(LearnerGroup)
        .where(
            LearnerGroup.workspace_id == by.workspace_id,
            LearnerGroup.course_id == course_id,
            LearnerGroup.id == group_id,
            LearnerGroup.removed_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    if group is None:
        raise not_found("group")
    return group


async def lock(db: AsyncSession, *, by: Caller, group_id: int) -> LearnerGroup:
    """The group, its course and then itself locked; NOT_FOUND alike when it is missing, removed
    and hidden."""
    course_id = await db.scalar(
        select(LearnerGroup.course_id).where(
            LearnerGroup.workspace_id == by.workspace_id, LearnerGroup.id == group_id
        )
    )
    try:
        await courses.lock(db, by=by, course_id=course_id or 0)
    except Refused:
        raise not_found("group") from None
    group = await db.scalar(
        select(LearnerGroup)
        .where(LearnerGroup.id == group_id, LearnerGroup.removed_at.is_(None))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if group is None:
        raise not_found("group")
    return group


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    name: str,
    due_at: dt.datetime | None = None,
    allows_self_enrolment: bool = False,
    at: dt.datetime,
    allow_past: bool = False,
) -> LearnerGroup:
    """A new group of a course, without learners so far."""
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.CREATE_GROUP, course_id=course_id)
    due_dates.refuse_past(due_at, at=at, allow_past=allow_past)
    group = LearnerGroup(
        workspace_id=by.workspace_id,
        course_id=course_id,
        name=name_of(name, NOUN),
        due_at=due_at,
        allows_self_enrolment=allows_self_enrolment,
        created_by_id=by.member_id,
        created_at=at,
    )
    async with refused_by(db, uq_learner_group_name=_taken(group.name)):
        db.add(group)
    record(
        db,
        by=by,
        verb="group.created",
        course_id=course_id,
        after={"id": group.id, **_said(group)},
    )
    if due_at is not None:
        await _note(db, by, group, due_dates.Move(None, due_at), at)
    return group


async def modify(
    db: AsyncSession,
    *,
    by: Caller,
    group_id: int,
    changes: Mapping[str, Any],
    is_existing: bool,
    reason: str | None = None,
    at: dt.datetime,
    allow_past: bool = False,
) -> LearnerGroup:
    """Change a group's name, due date or self-enrolment; keys that are left out stay as they are.

    `is_existing`: the right to groups whoever made them is asked for. Without, it must be one's
    own: those of others are EXISTING_GROUP (C13).
    """
    group = await lock(db, by=by, group_id=group_id)
    asked = Permission.MODIFY_EXISTING_GROUP if is_existing else Permission.MODIFY_OWN_GROUP
    await require(db, by, asked, course_id=group.course_id)
    if not is_existing and not is_own(group, by):
        raise _existing("modifyExistingGroup")
    if "due_at" in changes and changes["due_at"] != group.due_at:
        due_dates.refuse_past(changes["due_at"], at=at, allow_past=allow_past)
    before, due_before = _said(group), group.due_at
    await _change(db, group, changes)
    after = _said(group)
    different = [name for name in before if before[name] != after[name]]
    if different:
        record(
            db,
            by=by,
            verb="group.edited",
            course_id=group.course_id,
            before={"id": group.id} | {name: before[name] for name in different},
            after={"id": group.id} | {name: after[name] for name in different},
        )
    if group.due_at != due_before:
        move = due_dates.Move(due_before, group.due_at, reason)
        await _note(db, by, group, move, at)
        learners = await enrolment_rows.hold_group(db, course_id=group.course_id, group_id=group.id)
        await enrolment_rows.settle(db, course_id=group.course_id, member_ids=learners)
    return group


async def remove(db: AsyncSession, *, by: Caller, group_id: int, at: dt.datetime) -> LearnerGroup:
    """Remove a group. Its learners stop being ones for this reason in the same change; who has
    another reason stays (C21). The rows stay, and the name is free again."""
    group = await lock(db, by=by, group_id=group_id)
    await _require_modifying(db, by, group)
    group.removed_at = at
    await db.flush()
    learners = await enrolment_rows.hold_group(db, course_id=group.course_id, group_id=group.id)
    ended = await enrolment_rows.end(
        db,
        by=by,
        course_id=group.course_id,
        member_ids=learners,
        sources=enrolment_rows.sources_of(group.id),
        group_id=group.id,
        at=at,
    )
    record(
        db,
        by=by,
        verb="group.removed",
        course_id=group.course_id,
        before={"id": group.id, **_said(group)},
        detail={"learners": len(ended)},
    )
    enrolment_rows.record_ended(db, by=by, course_id=group.course_id, ended=ended)
    return group


async def _require_modifying(db: AsyncSession, by: Caller, group: LearnerGroup) -> None:
    """Whoever may change groups of anybody, or those of their own, if this is one."""
    own, existing = Permission.MODIFY_OWN_GROUP, Permission.MODIFY_EXISTING_GROUP
    if is_own(group, by):
        await require(db, by, own, course_id=group.course_id)
        return
    try:
        await require(db, by, existing, course_id=group.course_id)
    except Denied:
        await require(db, by, own, course_id=group.course_id)
        raise _existing(None) from None


async def _change(db: AsyncSession, group: LearnerGroup, changes: Mapping[str, Any]) -> None:
    if "due_at" in changes:
        group.due_at = changes["due_at"]
    if "allows_self_enrolment" in changes:
        group.allows_self_enrolment = changes["allows_self_enrolment"]
    if "name" in changes:
        name = name_of(changes["name"], NOUN)
        async with refused_by(db, uq_learner_group_name=_taken(name)):
            group.name = name
    await db.flush()


async def _note(
    db: AsyncSession, by: Caller, group: LearnerGroup, move: due_dates.Move, at: dt.datetime
) -> None:
    await due_dates.note(
        db,
        by=by,
        of=DueDateOf.GROUP,
        course_id=group.course_id,
        group_id=group.id,
        move=move,
        at=at,
    )


def _said(group: LearnerGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "dueAt": None if group.due_at is None else group.due_at.isoformat(),
        "allowsSelfEnrolment": group.allows_self_enrolment,
    }


def _taken(name: str) -> Refused:
    return Refused(Code.NAME_TAKEN, f"This course has a group “{name}” already.")


def _existing(instead: str | None) -> Refused:
    """C13: the group is somebody else's."""
    return Refused(
        Code.EXISTING_GROUP,
        "This group was made by somebody else; your right is for groups of your own"
        + (f", {instead} is for those of others." if instead else "."),
        {"instead": [instead]} if instead else None,
    )
