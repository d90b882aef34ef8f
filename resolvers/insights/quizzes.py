"""How quizzes are doing, for whoever asks."""

import datetime as dt

import strawberry

from operations.insights import quizzes
from operations.insights.cells import Policy
from operations.insights.quizzes import QuizInsights
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.insights.asked import narrow, of_course
from resolvers.references import refer
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]


refer(QuizInsights, of_course)


async def view_quiz_insights(
    info: Info,
    *,
    course_id: strawberry.ID,
    module_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    department: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    include_staff: bool = False,
    attempts: Policy = Policy.FIRST,
    at_least: Cursor | None = None,
) -> QuizInsights:
    await positions.at_least(info.context, at_least)
    to = narrow(
        group_id=group_id,
        department=department,
        since=since,
        until=until,
        include_staff=include_staff,
        attempts=attempts,
    )
    async with info.context.read() as db:
        return await quizzes.quiz_insights(
            db,
            by=info.context.signed_in,
            course_id=number_of(course_id, "Course"),
            module_id=number_of(module_id, "Module"),
            to=to,
            at=dt.datetime.now(dt.UTC),
        )
