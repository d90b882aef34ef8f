"""What figures are asked of: a course, or a quiz it has; whether somebody may read them, and
whether they see the people, too."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from access.caller import Caller
from access.permissions import Permission, Scope
from models.catalog import Course, CourseModule, Module, ModuleKind
from operations.rights import Rights, why_not


def of_quiz(
    *columns: InstrumentedAttribute[Any], by: Caller, course_id: int, module_id: int
) -> Select[Any]:
    """These columns of a course and of a quiz it has; no row where it has no such quiz."""
    return (
        select(*columns)
        .select_from(Course)
        .join(CourseModule, CourseModule.course_id == Course.id)
        .join(Module, Module.id == CourseModule.module_id)
        .where(
            Course.workspace_id == by.workspace_id,
            Course.id == course_id,
            Module.id == module_id,
            Module.kind == ModuleKind.QUIZ,
        )
    )


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
