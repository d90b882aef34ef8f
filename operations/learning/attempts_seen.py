"""Whose attempts a caller may see: one's own, and those of the people one may list."""

from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.people import Member
from models.progress import Attempt, Progress
from operations import visible
from operations.learning.visible import learners
from operations.refusals import not_found

NOUN: Final = "attempt"


def seen_by(by: Caller) -> Select[Attempt]:
    """All attempts that ever were, whatever became of them and of the person on the course."""
    return select(Attempt).where(
        Attempt.workspace_id == by.workspace_id, or_(_of_oneself(by), _of_learners(by))
    )


async def seen(db: AsyncSession, by: Caller, attempt_id: int) -> Attempt:
    """The attempt; NOT_FOUND alike when it is missing and when it is hidden."""
    found: Attempt | None = await db.scalar(seen_by(by).where(Attempt.id == attempt_id))
    if found is None:
        raise not_found(NOUN)
    return found


def _of_oneself(by: Caller) -> ColumnElement[bool]:
    me = visible.members(by).where(Member.id == by.member_id).with_only_columns(Member.id)
    return Attempt.member_id.in_(me)


def _of_learners(by: Caller) -> ColumnElement[bool]:
    return (
        learners(by)
        .where(Progress.course_id == Attempt.course_id, Progress.member_id == Attempt.member_id)
        .with_only_columns(Progress.member_id)
        .correlate(Attempt)
        .exists()
    )
