"""The people on courses a caller may see, as statements the database filters by itself."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from access.caller import Caller
from access.permissions import Condition, Permission
from models.catalog import Course
from models.enrolments import Enrolment
from models.groups import LearnerGroup
from models.progress import Progress
from operations import visible

Where = ColumnElement[bool]


def learners(by: Caller, permission: Permission = Permission.LIST_LEARNERS) -> Select[Progress]:
    """Everybody's progress on courses towards whom the caller holds a permission asked of courses:
    those who learn there, who once did, and the staff that took the course.

    The same answer as `Rights.decide` for each of them, told whether it is oneself and whether one
    of the groups the person learns in was made by the caller. Other conditions that are not about
    the course itself count as unmet.
    """
    return select(Progress).where(Progress.workspace_id == by.workspace_id, is_seen(by, permission))


def is_seen(by: Caller, permission: Permission = Permission.LIST_LEARNERS) -> Where:
    """The same, of rows of Progress in the caller's workspace."""
    arms: list[Where] = [Progress.course_id.in_(_ids(visible.courses(by, permission)))]
    if by.member_id is not None:
        told: tuple[tuple[Condition, Where], ...] = (
            (Condition.OWN_GROUPS, is_in_group_of(by)),
            (Condition.SELF_ONLY, Progress.member_id == by.member_id),
        )
        arms += [
            and_(where, Progress.course_id.in_(_ids(visible.courses(by, permission, given=each))))
            for each, where in told
        ]
    return or_(*arms)


def is_in_group_of(by: Caller) -> Where:
    """Whether the person of the row learns in a group of the course that the caller has made."""
    return (
        select(LearnerGroup.id)
        .join(Enrolment, Enrolment.group_id == LearnerGroup.id)
        .where(
            LearnerGroup.workspace_id == by.workspace_id,
            LearnerGroup.created_by_id == by.member_id,
            LearnerGroup.course_id == Progress.course_id,
            LearnerGroup.removed_at.is_(None),
            Enrolment.course_id == Progress.course_id,
            Enrolment.member_id == Progress.member_id,
            Enrolment.ended_at.is_(None),
        )
        .correlate(Progress)
        .exists()
    )


def _ids(rows: Select[Any]) -> Select[Any]:
    return rows.with_only_columns(Course.id)
