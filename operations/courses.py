"""Courses: making them, editing what they say about themselves, and their segment limit."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Principal, Scope
from models.catalog import Course, CourseKind, CourseState, RetakePolicy, ScorePolicy
from models.journal import record
from models.segments import CourseSegment
from models.workspaces import Workspace
from operations import departments, invitees
from operations.grant_rows import Place, give_to_maker, insert_on_teams, lock_maker
from operations.refusals import Code, Refused, not_found
from operations.rights import Rights, require
from operations.wording import name_of, text_of
from operations.workspaces import below_use, check_segment_limit

SETTINGS: Final = (
    "retake_policy",
    "retake_limit",
    "score_policy",
    "due_at",
    "allows_self_enrolment",
    "attendance_completes",
    "certifies_completion",
    "certificate_days",
)
INFO: Final = ("title", "description", "kind", "state")
EDITABLE: Final = (*INFO, *SETTINGS)
RETAKES: Final = range(1, 1_001)
CERTIFICATE_DAYS: Final = range(1, 36_501)


async def lock(db: AsyncSession, *, by: Caller, course_id: int) -> Course:
    """The course, its row locked; NOT_FOUND alike when it is missing and when it is hidden.

    The lock orders everything that gives or takes roles by hand or segment places on a course.
    """
    course = await db.scalar(
        select(Course)
        .where(Course.workspace_id == by.workspace_id, Course.id == course_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return await _if_seen(db, by, course)


async def seen(db: AsyncSession, *, by: Caller, course_id: int) -> Course:
    """The course as it is now, not locked; NOT_FOUND as in `lock`."""
    course = await db.scalar(
        select(Course)
        .where(Course.workspace_id == by.workspace_id, Course.id == course_id)
        .execution_options(populate_existing=True)
    )
    return await _if_seen(db, by, course)


async def _if_seen(db: AsyncSession, by: Caller, course: Course | None) -> Course:
    if course is None:
        raise not_found("course")
    if not by.is_system:
        rights = Rights(by)
        await rights.prepare(db, courses=[course.id])
        if not rights.decide(Permission.VIEW_COURSE_INFO, Scope.COURSE, course.id).allowed:
            raise not_found("course")
    return course


async def create(
    db: AsyncSession,
    *,
    by: Caller,
    department_id: int,
    title: str,
    kind: CourseKind,
    description: str = "",
    state: CourseState = CourseState.DRAFT,
) -> Course:
    """A new course of a department. Its maker gets Course Edit on it, nothing more (C8), and is on
    the team of the department from then on, as whoever holds a right on a course is (C11)."""
    maker = await lock_maker(db, by)
    await departments.seen(db, by, department_id)
    await require(db, by, Permission.CREATE_COURSE, department_id=department_id)
    course = Course(
        workspace_id=by.workspace_id,
        department_id=department_id,
        title=name_of(title, "title"),
        description=text_of(description, "description"),
        kind=kind,
        state=state,
        created_by_id=by.member_id,
    )
    db.add(course)
    await db.flush()
    if maker is not None:
        place = Place(Scope.COURSE, course.id, department_id)
        await insert_on_teams(db, by=by, member_ids=[maker.id], department_ids=[department_id])
        await give_to_maker(db, by=by, maker=maker, principal=Principal.COURSE_EDIT, place=place)
    record(
        db,
        by=by,
        verb="course.created",
        course_id=course.id,
        after={"departmentId": department_id, **_said(course, INFO)},
    )
    return course


async def edit(
    db: AsyncSession, *, by: Caller, course_id: int, changes: Mapping[str, Any]
) -> Course:
    """Change title, description, kind, state or settings; keys left out stay as they are.

    What follows from a setting is done by `learning.course_settings`.
    """
    course = await lock(db, by=by, course_id=course_id)
    if changes.keys() != {"state"}:
        await require(db, by, Permission.EDIT_COURSE_INFO, course_id=course_id)
    if "state" in changes:
        await require(db, by, Permission.CHANGE_COURSE_STATE, course_id=course_id)
    before = _said(course, EDITABLE)
    _change(course, changes)
    after = _said(course, EDITABLE)
    different = [name for name in EDITABLE if before[name] != after[name]]
    if different:
        record(
            db,
            by=by,
            verb="course.edited",
            course_id=course_id,
            before={name: before[name] for name in different},
            after={name: after[name] for name in different},
        )
    if before["state"] == CourseState.ARCHIVED and "state" in different:
        await invitees.consider_course(db, workspace_id=by.workspace_id, course_id=course_id)
    return course


def _change(course: Course, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(course, name, _READ.get(name, _as_it_is)(value))
    _check_retakes(course, changes)


def _check_retakes(course: Course, changes: Mapping[str, Any]) -> None:
    """LIMITED has a number, and nothing else has; of another policy the former number goes."""
    is_limited = course.retake_policy is RetakePolicy.LIMITED
    if not is_limited and changes.get("retake_limit") is None:
        course.retake_limit = None
    if is_limited == (course.retake_limit is None):
        raise Refused(
            Code.BAD_USER_INPUT,
            "LIMITED needs a retakeLimit, how many further attempts are allowed; NONE and"
            " UNLIMITED have none.",
            {"argument": "retakeLimit", "policy": course.retake_policy},
        )


def _within(numbers: range, argument: str) -> Callable[[int | None], int | None]:
    def check(value: int | None) -> int | None:
        if value is not None and value not in numbers:
            raise Refused(
                Code.BAD_USER_INPUT,
                f"{argument} is {numbers[0]} to {numbers[-1]}; {value} is outside.",
                {"argument": argument, "limit": numbers[-1], "actual": value},
            )
        return value

    return check


def _as_it_is(value: Any) -> Any:
    return value


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "title": lambda value: name_of(value, "title"),
    "description": lambda value: text_of(value, "description"),
    "kind": CourseKind,
    "state": CourseState,
    "retake_policy": RetakePolicy,
    "score_policy": ScorePolicy,
    "retake_limit": _within(RETAKES, "retakeLimit"),
    "certificate_days": _within(CERTIFICATE_DAYS, "certificateDays"),
}
"""How values of some keys are read."""


async def set_segment_limit(
    db: AsyncSession, *, by: Caller, course_id: int, limit: int | None, force: bool = False
) -> Course:
    """How many segments this course may carry; None follows the workspace (M29)."""
    course = await lock(db, by=by, course_id=course_id)
    await require(db, by, Permission.CREATE_EDIT_SEGMENT)
    if limit is not None:
        check_segment_limit(limit)
    count = await attached_count(db, course_id)
    then = limit or await _limit_of_workspace(db, by.workspace_id)
    if count > then and not force:
        raise below_use(then, [(course.id, course.title, count)])
    before, course.segment_limit = course.segment_limit, limit
    record(
        db,
        by=by,
        verb="course.edited",
        course_id=course_id,
        before={"segmentLimit": before},
        after={"segmentLimit": limit},
    )
    return course


async def _limit_of_workspace(db: AsyncSession, workspace_id: int) -> int:
    """What a course without a limit of its own may carry, held until the end."""
    limit = await db.scalar(
        select(Workspace.segment_limit)
        .where(Workspace.id == workspace_id)
        .with_for_update(read=True)
    )
    return limit or 0


async def attached_count(db: AsyncSession, course_id: int) -> int:
    """How many segments the course carries now."""
    count = await db.scalar(
        select(func.count()).select_from(CourseSegment).where(CourseSegment.course_id == course_id)
    )
    return count or 0


def _said(course: Course, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(course, name) for name in names}
