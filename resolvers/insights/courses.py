"""How courses are doing, for whoever asks, and for whoever follows them."""

import datetime as dt
from typing import Any, Final

import strawberry

from models.groups import LearnerGroup
from models.insights import Facet
from operations.insights import courses
from operations.insights.cells import Narrow
from operations.insights.courses import CourseInsights, Part
from operations.insights.trends import Bucket, Every
from resolvers import positions
from resolvers.context import Context
from resolvers.foresight import selected
from resolvers.ids import number_of
from resolvers.insights.asked import narrow, of_course
from resolvers.learning.groups import visible_groups_by_id
from resolvers.references import refer
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

EVERYBODY: Final = Narrow()
NEEDED: Final = {
    "attendance": (Facet.ATTENDED,),
    "certificates": (Facet.CERTIFIED,),
    "medianMinutesToComplete": (Facet.TAKEN,),
    "overdue": (Facet.DUE,),
    "pictures": (Facet.DUE, Facet.STARTED, Facet.FINISHED),
    "trend": (Facet.STARTED, Facet.FINISHED),
}
"""What is counted for a field, wherever it is selected, beside where people stand."""


refer(CourseInsights, of_course)


async def view_course_insights(
    info: Info,
    *,
    course_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    department: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    include_staff: bool = False,
    at_least: Cursor | None = None,
) -> CourseInsights:
    await positions.at_least(info.context, at_least)
    to = narrow(
        group_id=group_id,
        department=department,
        since=since,
        until=until,
        include_staff=include_staff,
    )
    return await insights_of(info, number_of(course_id, "Course"), to)


async def insights_of(info: Info, course_id: int, to: Narrow = EVERYBODY) -> CourseInsights:
    """In the operation's one view of the database, and with the rights of that view; only what is
    selected is read."""
    names = set(selected(info.selected_fields))
    facets = {Facet.STANDING, *(each for name in names for each in NEEDED.get(name, ()))}
    async with info.context.read() as db:
        return await courses.course_insights(
            db,
            by=info.context.signed_in,
            course_id=course_id,
            to=to,
            at=dt.datetime.now(dt.UTC),
            facets=facets,
        )


def trend(
    root: Parent,
    *,
    every: Every = Every.WEEK,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> list[Bucket] | None:
    row: CourseInsights = root
    return row.trend(every, since, until)


async def group(root: Parent, info: Info) -> LearnerGroup | None:
    row: Part = root
    return (
        None
        if row.group_id is None
        else await info.context.load(visible_groups_by_id, row.group_id)
    )
