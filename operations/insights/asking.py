"""Whether somebody may read figures of a course, and whether they see the people, too."""

from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from operations.rights import Rights, why_not


async def ask(
    db: AsyncSession, by: Caller, course_id: int, *, asked: Permission, sees: Permission
) -> bool:
    """Whether the caller, who may do what is `asked`, may also do what shows the people; one
    statement. Raises NOT_FOUND, Denied, COURSE_NOT_ACTIVE."""
    rights = Rights(by)
    await rights.prepare(db, courses=[course_id])
    decision = rights.decide(asked, Scope.COURSE, course_id)
    if decision.allowed:
        return rights.decide(sees, Scope.COURSE, course_id).allowed
    message = "Coordinators read how quizzes are doing while the course is ACTIVE."
    raise why_not(rights, asked, course_id, decision, while_active=message)
