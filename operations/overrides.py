"""What is said beside the rules: this person not, although; that person yes, although not."""

import datetime as dt
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.coordinators import CoordinatorOverride, CourseRole, CourseRoleKind, OverrideKind
from models.journal import cause_of, record
from models.people import MemberState
from operations import courses, grace, invitees, people
from operations.learning import abandoning
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import reason_of

VERB = {
    OverrideKind.EXCLUDE: "coordinator.excluded",
    OverrideKind.KEEP: "coordinator.kept",
}


async def exclude(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_id: int,
    reason: str,
    expires_at: dt.datetime | None,
    at: dt.datetime,
) -> CoordinatorOverride:
    """Someone is not a coordinator of this course, whatever its segments say (M37)."""
    return await _put(
        db,
        by,
        OverrideKind.EXCLUDE,
        course_id=course_id,
        member_id=member_id,
        reason=reason,
        expires_at=expires_at,
        at=at,
    )


async def keep(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_id: int,
    reason: str,
    expires_at: dt.datetime | None,
    at: dt.datetime,
) -> CoordinatorOverride:
    """Someone is a coordinator of this course, beside its segments (M37).

    Kept people count like derived ones: an instructor of the course cannot be kept.
    """
    return await _put(
        db,
        by,
        OverrideKind.KEEP,
        course_id=course_id,
        member_id=member_id,
        reason=reason,
        expires_at=expires_at,
        at=at,
    )


async def lift(db: AsyncSession, *, by: Caller, course_id: int, member_id: int) -> bool:
    """Let the rules alone decide about this person again; false when they did already."""
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.EXCLUDE_DERIVED_COORDINATOR, course_id=course_id)
    await grace.guard(db, workspace_id=by.workspace_id)
    gone = (
        await db.execute(
            delete(CoordinatorOverride)
            .where(
                CoordinatorOverride.course_id == course_id,
                CoordinatorOverride.member_id == member_id,
            )
            .returning(CoordinatorOverride.kind, CoordinatorOverride.reason)
        )
    ).one_or_none()
    if gone is None:
        return False
    record(
        db,
        by=by,
        verb="override.lifted",
        course_id=course_id,
        member_id=member_id,
        before={"kind": gone.kind, "reason": gone.reason},
    )
    await abandoning.where_roles_ended(db, by=by, course_id=course_id, member_ids=[member_id])
    if gone.kind is OverrideKind.EXCLUDE:
        await invitees.consider(db, workspace_id=by.workspace_id, member_ids=[member_id])
    return True


async def _put(
    db: AsyncSession,
    by: Caller,
    kind: OverrideKind,
    *,
    course_id: int,
    member_id: int,
    reason: str,
    expires_at: dt.datetime | None,
    at: dt.datetime,
) -> CoordinatorOverride:
    await courses.lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.EXCLUDE_DERIVED_COORDINATOR, course_id=course_id)
    reason = reason_of(reason)
    if expires_at is not None and expires_at <= at:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"It would expire at {expires_at.isoformat()}, which has passed; name a later time.",
        )
    member = await people.lock_one(db, by.workspace_id, member_id)
    if kind is OverrideKind.KEEP and await _is_instructor(db, course_id, member_id):
        raise Refused(
            Code.ROLE_CONFLICT,
            "This person is an instructor of the course; end that role first.",
            {
                "conflicts": [
                    {"memberId": member_id, "held": "INSTRUCTOR", "wanted": "COORDINATOR"}
                ],
                "choices": [],
            },
        )
    await grace.guard(db, workspace_id=by.workspace_id)
    before = await _said(db, course_id, member_id)
    values = {
        "kind": kind,
        "reason": reason,
        "expires_at": expires_at,
        "created_by_id": by.member_id,
        "created_at": at,
        "cause": cause_of(db),
        "told_at": None,
    }
    override = await db.scalar(
        insert(CoordinatorOverride)
        .values(course_id=course_id, member_id=member_id, workspace_id=by.workspace_id, **values)
        .on_conflict_do_update(
            index_elements=[CoordinatorOverride.course_id, CoordinatorOverride.member_id],
            set_=values,
        )
        .returning(CoordinatorOverride)
        .execution_options(populate_existing=True)
    )
    if override is None:
        raise not_found("course")
    record(
        db,
        by=by,
        verb=VERB[kind],
        course_id=course_id,
        member_id=member_id,
        before=before,
        after={"kind": kind, "expiresAt": expires_at},
        reason=reason,
    )
    await abandoning.where_roles_ended(db, by=by, course_id=course_id, member_ids=[member_id])
    if kind is OverrideKind.KEEP and member.state is MemberState.PENDING:
        await invitees.consider(db, workspace_id=by.workspace_id, member_ids=[member_id])
    return override


async def _said(db: AsyncSession, course_id: int, member_id: int) -> dict[str, Any] | None:
    """What is said about this person so far, held so that it does not expire meanwhile."""
    row = (
        await db.execute(
            select(CoordinatorOverride.kind, CoordinatorOverride.reason)
            .where(
                CoordinatorOverride.course_id == course_id,
                CoordinatorOverride.member_id == member_id,
            )
            .with_for_update()
        )
    ).one_or_none()
    return None if row is None else {"kind": row.kind, "reason": row.reason}


async def _is_instructor(db: AsyncSession, course_id: int, member_id: int) -> bool:
    role = await db.scalar(
        select(CourseRole.role).where(
            CourseRole.course_id == course_id, CourseRole.member_id == member_id
        )
    )
    return role is CourseRoleKind.INSTRUCTOR
