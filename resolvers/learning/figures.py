"""The figures a dashboard shows of courses: three statements for all courses of a page (M33)."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from models.grading import Submission
from models.live_sessions import LiveSession, LiveSessionState
from models.people import Member
from operations.learning.listing import Owner, Tally
from operations.learning.listing_narrowing import Narrowing
from operations.learning.submissions import WAITS
from resolvers.context import Context
from resolvers.learning.learners import Whose, tallies

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

LEARNERS: Final = Narrowing()


async def learner_count(root: Parent, info: Info) -> int:
    return sum((await _tally(root, info)).values())


async def overdue_count(root: Parent, info: Info) -> int:
    tally = await _tally(root, info)
    return sum(count for (_, is_overdue), count in tally.items() if is_overdue)


async def to_grade_count(root: Parent, info: Info) -> int:
    return await info.context.load(to_grade_on, root.id)


async def next_live_session(root: Parent, info: Info) -> LiveSession | None:
    return await info.context.load(next_on, root.id)


async def _tally(root: Parent, info: Info) -> Tally:
    """Behind a guard that lets through only those who may list everybody."""
    return await info.context.load(tallies, Whose(Owner(root.id), is_whole=True, to=LEARNERS))


async def to_grade_on(db: AsyncSession, context: Context, course_ids: Sequence[int]) -> list[int]:
    """How many submissions of each course wait for somebody to grade them."""
    rows = await db.execute(
        select(Submission.course_id, func.count())
        .join(Member, Member.id == Submission.member_id)
        .where(
            Submission.workspace_id == context.signed_in.workspace_id,
            Submission.course_id.in_(course_ids),
            Member.deleted_at.is_(None),
            WAITS,
        )
        .group_by(Submission.course_id)
    )
    found = {row[0]: row[1] for row in rows}
    return [found.get(id, 0) for id in course_ids]


async def next_on(
    db: AsyncSession, context: Context, course_ids: Sequence[int]
) -> list[LiveSession | None]:
    """The next live session of each course that has not begun."""
    rows = await db.scalars(
        select(LiveSession)
        .where(
            LiveSession.workspace_id == context.signed_in.workspace_id,
            LiveSession.course_id.in_(course_ids),
            LiveSession.state == LiveSessionState.SCHEDULED,
            LiveSession.starts_at > func.now(),
        )
        .ext(distinct_on(LiveSession.course_id))
        .order_by(LiveSession.course_id, LiveSession.starts_at, LiveSession.id)
    )
    found = {row.course_id: row for row in rows}
    return [found.get(id) for id in course_ids]
