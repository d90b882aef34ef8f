"""Mutations of what is attached to courses."""

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.segments import AttachmentMode
from operations import attachments
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.preview import basis_in

Info = strawberry.Info[Context, None]


async def attach_segment(
    info: Info,
    *,
    course_id: strawberry.ID,
    segment_id: strawberry.ID,
    mode: AttachmentMode | None = None,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, segment = number_of(course_id, "Course"), number_of(segment_id, "Segment")
        await attachments.attach(
            db,
            by=caller,
            course_id=course,
            segment_id=segment,
            mode=mode,
            based_on=basis_in(info, based_on),
        )
        return {"course_id": course, "segment_id": segment}

    return await answer(info, operation)


async def change_attachment_mode(
    info: Info,
    *,
    course_id: strawberry.ID,
    segment_id: strawberry.ID,
    mode: AttachmentMode,
    based_on: str | None = None,
    accept_losses: int | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        about = {
            "course_id": number_of(course_id, "Course"),
            "segment_id": number_of(segment_id, "Segment"),
        }
        await attachments.change_mode(
            db,
            by=caller,
            **about,
            mode=mode,
            based_on=basis_in(info, based_on),
            accept_losses=accept_losses or 0,
        )
        return dict(about)

    return await answer(info, operation)


async def detach_segment(
    info: Info,
    *,
    course_id: strawberry.ID,
    segment_id: strawberry.ID,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, segment = number_of(course_id, "Course"), number_of(segment_id, "Segment")
        basis = basis_in(info, based_on)
        await attachments.detach(
            db, by=caller, course_id=course, segment_id=segment, based_on=basis
        )
        return {"course_id": course, "segment_id": segment}

    return await answer(info, operation)
