"""How quizzes are doing, for whoever asks."""

import datetime as dt
from typing import Any

import strawberry

from access.caller import Caller
from access.permissions import Scope
from operations.insights import quizzes
from operations.insights.cells import Narrow, Policy
from operations.insights.quizzes import QuizInsights
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.moments import exact
from resolvers.references import Reference, refer
from resolvers.seal import Cursor, Position

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


def _about(row: QuizInsights, _: Caller) -> Reference:
    return Reference(Scope.COURSE, row.course_id)


refer(QuizInsights, _about)


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
    to = Narrow(
        group_id=None if group_id is None else number_of(group_id, "LearnerGroup"),
        department=department,
        since=exact(since, "since"),
        until=exact(until, "until"),
        includes_staff=include_staff,
        policy=attempts,
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


def position(root: Parent, info: Info) -> Cursor:
    row: QuizInsights = root
    context = info.context
    place = Position(row.epoch, context.signed_in.workspace_id, row.seq)
    return Cursor(context.seal.position(place))
