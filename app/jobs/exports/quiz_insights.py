"""How a quiz is doing as a workbook; as CSV, its attempts."""

import datetime as dt

from app.jobs.exports.export import Export
from app.workbooks.quiz_insights import quiz_workbook
from models.jobs import Job
from resolvers.context import Context
from resolvers.jobs.asked import QuizAsked, asked_in


async def quiz_insights(context: Context, job: Job, _: frozenset[str]) -> Export:
    """Raises NOT_FOUND, Denied, COURSE_NOT_ACTIVE like the figures themselves."""
    asked = asked_in(job, QuizAsked)
    book = await quiz_workbook(
        context.read,
        by=context.signed_in,
        course_id=asked.course_id,
        module_id=asked.module_id,
        to=asked.to,
        at=dt.datetime.now(dt.UTC),
    )
    return Export(book.title, book.sheets, book.zone, total=book.total, shows=book.needs)
