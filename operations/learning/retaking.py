"""Who may begin a course again (M18, M19).

Coordinators may without limit. Instructors complete a course once, and what they completed counts
for good: neither a reset nor the role under which it was reopens it. Learners follow the course's
policy, for every attempt after one that ended, passed or not: else failing would be a way around
the number of times a quiz may be submitted. What was reset or abandoned does not count.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Scope
from models.catalog import Course, RetakePolicy
from models.progress import RoleAtStart
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights

MADE: Final = text("""
SELECT count(*) FILTER (WHERE a.state IN ('COMPLETED', 'FAILED')
                          AND a.number > p.attempts_before) AS ended,
       coalesce(bool_or(a.state = 'COMPLETED'), false) AS has_ever_completed
  FROM attempt a JOIN progress p USING (course_id, member_id)
 WHERE a.course_id = :course_id AND a.member_id = :member_id
""")


@dataclass(frozen=True, slots=True)
class Retaking:
    """Whether the next attempt would be a further one, and whether the rules are open for it.

    `made` further attempts have been made so far; `limit` is None where there is none.
    """

    is_retake: bool
    is_open: bool
    made: int
    limit: int | None


async def retaking(
    db: AsyncSession, *, course: Course, member_id: int, role: RoleAtStart
) -> Retaking:
    """How things stand for somebody without an open attempt."""
    found = await db.execute(MADE, {"course_id": course.id, "member_id": member_id})
    ended, has_ever_completed = found.one()
    return judged(course, role, ended, has_ever_completed=has_ever_completed)


def judged(course: Course, role: RoleAtStart, ended: int, *, has_ever_completed: bool) -> Retaking:
    """The rules themselves; `ended` are the counting attempts that were passed or failed."""
    made = max(ended - 1, 0)
    match role:
        case RoleAtStart.INSTRUCTOR:
            return Retaking(has_ever_completed, is_open=not has_ever_completed, made=made, limit=0)
        case RoleAtStart.COORDINATOR:
            return Retaking(ended > 0, is_open=True, made=made, limit=None)
        case RoleAtStart.LEARNER:
            limit = _limit_of(course)
            return Retaking(ended > 0, limit is None or made < limit, made, limit)


def _limit_of(course: Course) -> int | None:
    match course.retake_policy:
        case RetakePolicy.NONE:
            return 0
        case RetakePolicy.LIMITED:
            return course.retake_limit
        case RetakePolicy.UNLIMITED:
            return None


def refuse(rights: Rights, course: Course, role: RoleAtStart, how: Retaking) -> None:
    """Raises RETAKE_NOT_ALLOWED, or Denied, where the next attempt may not begin."""
    if how.is_retake:
        require(rights, course, role, how)


def require(rights: Rights, course: Course, role: RoleAtStart, how: Retaking) -> None:
    """Ask for the right to begin again, whether or not that is what would happen."""
    asked = Permission.RETAKE_AFTER_COMPLETION
    is_open = how.is_open or not how.is_retake
    decision = rights.decide(asked, Scope.COURSE, course.id, is_self=True, retake_is_open=is_open)
    if decision.allowed:
        return
    if is_open:
        raise Denied(asked, Scope.COURSE, rights.held(Scope.COURSE, course.id), decision.reason)
    raise _refused(course, role, how)


def _refused(course: Course, role: RoleAtStart, how: Retaking) -> Refused:
    if role is RoleAtStart.INSTRUCTOR:
        said = "An instructor completes a course once, and never begins it again."
    else:
        said = (
            f"This course allows {how.limit} further attempts, and {how.made} were made;"
            " whoever looks after the course can reset the progress, or change the policy."
        )
    return Refused(
        Code.RETAKE_NOT_ALLOWED,
        said,
        {
            "policy": course.retake_policy,
            "limit": how.limit,
            "made": how.made,
            "role": role,
            "instead": [] if role is RoleAtStart.INSTRUCTOR else ["resetProgress"],
        },
    )
