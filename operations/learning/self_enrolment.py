"""Who learns in a course of their own accord: joining what is open, and leaving it again.

Whoever opens a course or a group for self-enrolment shows its title and description to the
workspace: `open_courses` is how people find it. A learner's own actions do not lock the course,
because hundreds take them at once; they hold the group they join, and their own row of progress.
"""

import datetime as dt

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.catalog import Course, CourseState
from models.coordinators import CourseRole, CourseRoleKind
from models.enrolments import EnrolmentSource
from models.groups import LearnerGroup
from models.people import Member, MemberState
from operations import visible
from operations.learning import enrolment_rows
from operations.learning.enrolment_rows import Reason
from operations.learning.enrolments import Unassignment, unassignment
from operations.refusals import Code, Denied, Refused, not_found


def open_courses(by: Caller) -> Select[Course]:
    """The courses every active member may join: ACTIVE ones which allow it, or a group of which
    does."""
    is_active = exists().where(
        Member.workspace_id == by.workspace_id,
        Member.id == by.member_id,
        Member.state == MemberState.ACTIVE,
    )
    return select(Course).where(
        Course.workspace_id == by.workspace_id,
        Course.state == CourseState.ACTIVE,
        or_(Course.allows_self_enrolment, exists().where(_open_group(), _on_course())),
        is_active.correlate(None),
    )


def open_groups(by: Caller) -> Select[LearnerGroup]:
    """The groups of such courses which people may join by themselves."""
    on = open_courses(by).with_only_columns(Course.id)
    return select(LearnerGroup).where(
        LearnerGroup.workspace_id == by.workspace_id, _open_group(), LearnerGroup.course_id.in_(on)
    )


async def enrol(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    group_id: int | None = None,
    at: dt.datetime,
) -> bool:
    """Become a learner of a course, or in one of its groups, that is open to everybody; false for
    whoever has done so before."""
    member_id = _myself(by)
    group = None if group_id is None else await _hold_group(db, by, course_id, group_id)
    course = await _joinable(db, by, course_id)
    if group_id is not None and group is None:
        raise not_found("group")
    if not (course.allows_self_enrolment if group is None else group.allows_self_enrolment):
        raise _closed(group)
    await _refuse_instructor(db, by, course_id)
    reason = Reason(EnrolmentSource.SELF, group_id)
    begun = await enrolment_rows.begin(
        db, by=by, course_id=course_id, member_ids=[member_id], reason=reason, at=at
    )
    if begun:
        enrolment_rows.record_begun(db, by=by, course_id=course_id, member_ids=begun, reason=reason)
    return bool(begun)


async def leave(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    group_id: int | None = None,
    at: dt.datetime,
) -> Unassignment:
    """End what one joined of one's own accord: all of it in this course, or in one group. What
    others have given stays, and is said."""
    member_id = _myself(by)
    if await db.scalar(visible.courses(by).where(Course.id == course_id)) is None:
        raise not_found("course")
    held = await enrolment_rows.hold(db, course_id=course_id, member_ids=[member_id])
    ended = await enrolment_rows.end(
        db,
        by=by,
        course_id=course_id,
        member_ids=held,
        sources=[EnrolmentSource.SELF],
        group_id=group_id,
        any_group=group_id is None,
        at=at,
    )
    enrolment_rows.record_ended(db, by=by, course_id=course_id, ended=ended)
    remaining = await enrolment_rows.live(db, by=by, course_id=course_id, member_ids=held)
    mine = ended.get(member_id, ()), remaining.get(member_id, ())
    return unassignment(member_id, *mine, is_known=True)


def _open_group() -> ColumnElement[bool]:
    return and_(LearnerGroup.removed_at.is_(None), LearnerGroup.allows_self_enrolment)


def _on_course() -> ColumnElement[bool]:
    return LearnerGroup.course_id == Course.id


def _myself(by: Caller) -> int:
    """Whoever acts on their own behalf. Joining and leaving is part of taking a course, so a token
    that is limited to other things does neither."""
    taking = Permission.TAKE_COURSE_TRACKED
    is_beyond = by.limited_to is not None and taking not in by.limited_to
    if by.member_id is None or is_beyond:
        raise Denied(
            taking, Scope.COURSE, reason="Only people enrol themselves, with a whole token."
        )
    return by.member_id


async def _hold_group(
    db: AsyncSession, by: Caller, course_id: int, group_id: int
) -> LearnerGroup | None:
    """The group, held so that it is neither removed nor re-dated before one is in it."""
    group: LearnerGroup | None = await db.scalar(
        select(LearnerGroup)
        .where(
            LearnerGroup.workspace_id == by.workspace_id,
            LearnerGroup.course_id == course_id,
            LearnerGroup.id == group_id,
            LearnerGroup.removed_at.is_(None),
        )
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return group


async def _joinable(db: AsyncSession, by: Caller, course_id: int) -> Course:
    """The course, if anybody may join it or some group of it; raises NOT_FOUND for what the caller
    would otherwise not see, and says of what they do see why not."""
    course: Course | None = await db.scalar(open_courses(by).where(Course.id == course_id))
    if course is not None:
        return course
    course = await db.scalar(visible.courses(by).where(Course.id == course_id))
    if course is None:
        raise not_found("course")
    if course.state != CourseState.ACTIVE:
        raise Refused(
            Code.COURSE_NOT_ACTIVE,
            f"“{course.title}” is {course.state.lower()}; one can join only active courses.",
            {"state": course.state.value},
        )
    raise _closed(None)


async def _refuse_instructor(db: AsyncSession, by: Caller, course_id: int) -> None:
    instructs = select(CourseRole.course_id).where(
        CourseRole.workspace_id == by.workspace_id,
        CourseRole.course_id == course_id,
        CourseRole.member_id == by.member_id,
        CourseRole.role == CourseRoleKind.INSTRUCTOR,
    )
    if await db.scalar(instructs) is not None:
        raise Refused(
            Code.CONFLICT, "You instruct this course; instructors take it without enrolling."
        )


def _closed(group: LearnerGroup | None) -> Refused:
    what = "This course" if group is None else f"The group “{group.name}”"
    instead = " Some of its groups may be: see openCourses." if group is None else ""
    return Refused(
        Code.SELF_ENROLMENT_CLOSED, f"{what} is not open to people who enrol themselves.{instead}"
    )
