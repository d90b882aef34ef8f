"""Mutations of courses, of the roles on them, and of what is attached to them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.catalog import CourseKind, CourseState, RetakePolicy, ScorePolicy
from models.coordinators import CourseRoleKind
from operations import attachments, coordinators, courses, overrides
from operations.coordinators import OnConflict
from operations.learning import course_settings
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer, given
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.moments import exact

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]


async def create_course(
    info: Info,
    *,
    department_id: strawberry.ID,
    title: str,
    kind: CourseKind,
    description: str = "",
    state: CourseState = CourseState.DRAFT,
    instructor_ids: Ids | None = None,
    coordinator_ids: Ids | None = None,
    segment_ids: Ids | None = None,
    on_conflict: OnConflict | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course = await courses.create(
            db,
            by=caller,
            department_id=number_of(department_id, "Department"),
            title=title,
            kind=kind,
            description=description,
            state=state,
        )
        done = await _staff(
            db, caller, course.id, instructor_ids, coordinator_ids, on_conflict=on_conflict
        )
        for segment_id in segment_ids or ():
            await attachments.attach(
                db, by=caller, course_id=course.id, segment_id=number_of(segment_id, "Segment")
            )
        return {"course_id": course.id, **done}

    return await answer(info, operation)


async def edit_course_info(
    info: Info,
    *,
    course_id: strawberry.ID,
    title: str | None = strawberry.UNSET,
    description: str | None = strawberry.UNSET,
    kind: CourseKind | None = strawberry.UNSET,
    retake_policy: RetakePolicy | None = strawberry.UNSET,
    retake_limit: int | None = strawberry.UNSET,
    score_policy: ScorePolicy | None = strawberry.UNSET,
    due_at: dt.datetime | None = strawberry.UNSET,
    allow_past: bool = False,
    reason: str | None = None,
    allows_self_enrolment: bool | None = strawberry.UNSET,
    attendance_completes: bool | None = strawberry.UNSET,
    certifies_completion: bool | None = strawberry.UNSET,
    certificate_days: int | None = strawberry.UNSET,
    add_instructor_ids: Ids | None = None,
    remove_instructor_ids: Ids | None = None,
    add_coordinator_ids: Ids | None = None,
    remove_coordinator_ids: Ids | None = None,
    attach_segment_ids: Ids | None = None,
    detach_segment_ids: Ids | None = None,
    on_conflict: OnConflict | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        changes = _never_null(
            given(
                title=title,
                description=description,
                kind=kind,
                retake_policy=retake_policy,
                score_policy=score_policy,
                allows_self_enrolment=allows_self_enrolment,
                attendance_completes=attendance_completes,
                certifies_completion=certifies_completion,
            )
        )
        changes |= given(
            retake_limit=retake_limit,
            certificate_days=certificate_days,
            due_at=due_at if due_at is strawberry.UNSET else exact(due_at, "dueAt"),
        )
        await course_settings.edit(
            db,
            by=caller,
            course_id=number,
            changes=changes,
            allow_past=allow_past,
            reason=reason,
            at=dt.datetime.now(dt.UTC),
        )
        for role, gone in (
            (CourseRoleKind.INSTRUCTOR, remove_instructor_ids),
            (CourseRoleKind.COORDINATOR, remove_coordinator_ids),
        ):
            if gone:
                await coordinators.remove(
                    db, by=caller, course_id=number, role=role, member_ids=_members(gone)
                )
        done = await _staff(
            db, caller, number, add_instructor_ids, add_coordinator_ids, on_conflict=on_conflict
        )
        for segment_id in detach_segment_ids or ():
            await attachments.detach(
                db, by=caller, course_id=number, segment_id=number_of(segment_id, "Segment")
            )
        for segment_id in attach_segment_ids or ():
            await attachments.attach(
                db, by=caller, course_id=number, segment_id=number_of(segment_id, "Segment")
            )
        return {"course_id": number, **done}

    return await answer(info, operation)


async def change_course_state(
    info: Info,
    *,
    course_id: strawberry.ID,
    state: CourseState,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        await courses.edit(db, by=caller, course_id=number, changes={"state": state})
        return {"course_id": number}

    return await answer(info, operation)


async def set_course_segment_limit(
    info: Info,
    *,
    course_id: strawberry.ID,
    limit: int | None = strawberry.UNSET,
    force: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        if limit is strawberry.UNSET:
            raise Refused(Code.BAD_USER_INPUT, "Say a limit; null follows the workspace.")
        await courses.set_segment_limit(db, by=caller, course_id=number, limit=limit, force=force)
        return {"course_id": number}

    return await answer(info, operation)


async def assign_instructor(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    on_conflict: OnConflict | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await _staff(db, caller, number, member_ids, None, on_conflict=on_conflict)
        return {"course_id": number, **done}

    return await answer(info, operation)


async def assign_direct_coordinator(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    on_conflict: OnConflict | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await _staff(db, caller, number, None, member_ids, on_conflict=on_conflict)
        return {"course_id": number, **done}

    return await answer(info, operation)


async def remove_instructor(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _removing(CourseRoleKind.INSTRUCTOR, course_id, member_ids)
    return await answer(info, operation)


async def remove_direct_coordinator(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _removing(CourseRoleKind.COORDINATOR, course_id, member_ids)
    return await answer(info, operation)


async def exclude_coordinator(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    reason: str,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _overriding(overrides.exclude, course_id, member_id, reason, expires_at)
    return await answer(info, operation)


async def keep_coordinator(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    reason: str,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _overriding(overrides.keep, course_id, member_id, reason, expires_at)
    return await answer(info, operation)


async def lift_override(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, member = number_of(course_id, "Course"), number_of(member_id, "Member")
        await overrides.lift(db, by=caller, course_id=course, member_id=member)
        return {"course_id": course, "member_id": member}

    return await answer(info, operation)


async def _staff(
    db: AsyncSession,
    caller: Caller,
    course_id: int,
    instructor_ids: Ids | None,
    coordinator_ids: Ids | None,
    *,
    on_conflict: OnConflict | None,
) -> Values:
    if instructor_ids is None and coordinator_ids is None:
        return {}
    done = await coordinators.assign(
        db,
        by=caller,
        course_id=course_id,
        instructors=_members(instructor_ids or ()),
        coordinators=_members(coordinator_ids or ()),
        on_conflict=on_conflict,
    )
    return {
        "assigned": list(done.assigned),
        "already": list(done.already),
        "kept": list(done.kept),
    }


def _removing(role: CourseRoleKind, course_id: strawberry.ID, member_ids: Ids) -> Any:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        removed = await coordinators.remove(
            db, by=caller, course_id=number, role=role, member_ids=_members(member_ids)
        )
        return {"course_id": number, "removed": list(removed)}

    return operation


def _overriding(
    verb: Any,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    reason: str,
    expires_at: dt.datetime | None,
) -> Any:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, member = number_of(course_id, "Course"), number_of(member_id, "Member")
        await verb(
            db,
            by=caller,
            course_id=course,
            member_id=member,
            reason=reason,
            expires_at=exact(expires_at, "expiresAt"),
            at=dt.datetime.now(dt.UTC),
        )
        return {"course_id": course, "member_id": member}

    return operation


def _members(ids: Sequence[strawberry.ID]) -> list[int]:
    return [number_of(id, "Member") for id in ids]


def _never_null(changes: Values) -> Values:
    empty = [name for name, value in changes.items() if value is None]
    if empty:
        raise Refused(Code.BAD_USER_INPUT, f"{', '.join(empty)} cannot be null; leave it out.")
    return changes
