"""Figures that were read, as pictures, and by mail."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.insights import mailing
from operations.insights.courses import CourseInsights
from operations.insights.pictures.drawing import Picture, PictureKind
from operations.insights.pictures.of_courses import course_pictures
from operations.insights.pictures.of_quizzes import quiz_pictures
from operations.insights.quizzes import QuizInsights
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


def of_course(root: Parent, *, kinds: list[PictureKind] | None = None) -> list[Picture]:
    row: CourseInsights = root
    return course_pictures(row, tuple(PictureKind) if kinds is None else kinds)


def of_quiz(root: Parent, *, kinds: list[PictureKind] | None = None) -> list[Picture]:
    row: QuizInsights = root
    return quiz_pictures(row, tuple(PictureKind) if kinds is None else kinds)


async def mail_course_insights(
    info: Info,
    *,
    course_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course = number_of(course_id, "Course")
        at = dt.datetime.now(dt.UTC)
        await mailing.mail_insights(db, by=caller, course_id=course, at=at)
        return {"course_id": course}

    return await answer(info, operation)
