"""Mutations of certificates and their templates."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.certificates import Certificate
from operations.certificates import issuing, templates
from operations.certificates.templates import Orientation
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer
from resolvers.certificates.drafts import SignatureToPrint, changes_given
from resolvers.certificates.reading import Template, templates_by_course, visible_by_id
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def generate_certificate(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        made = await issuing.generate(
            db,
            by=caller,
            course_id=number_of(course_id, "Course"),
            member_id=number_of(member_id, "Member"),
            at=dt.datetime.now(dt.UTC),
        )
        return {"certificate_id": made.id}

    return await answer(info, operation)


async def remove_certificate(
    info: Info,
    *,
    reason: str,
    certificate_id: strawberry.ID | None = None,
    course_id: strawberry.ID | None = None,
    member_id: strawberry.ID | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        at = dt.datetime.now(dt.UTC)
        match certificate_id, course_id, member_id:
            case str(), None, None:
                number = number_of(certificate_id, "Certificate")
                removed = await issuing.remove(
                    db, by=caller, certificate_id=number, reason=reason, at=at
                )
            case None, str(), str():
                removed = await issuing.remove_of(
                    db,
                    by=caller,
                    course_id=number_of(course_id, "Course"),
                    member_id=number_of(member_id, "Member"),
                    reason=reason,
                    at=at,
                )
            case _:
                raise Refused(
                    Code.BAD_USER_INPUT,
                    "Name the certificate by certificateId, or by courseId and memberId.",
                )
        return {"certificate_id": removed.id}

    return await answer(info, operation)


async def edit_certificate_template(
    info: Info,
    *,
    course_id: strawberry.ID,
    heading: str | None = None,
    text: str | None = None,
    signatures: list[SignatureToPrint] | None = None,
    accent: str | None = None,
    orientation: Orientation | None = None,
    language: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    changes = changes_given(
        heading=heading,
        text=text,
        signatures=signatures,
        accent=accent,
        orientation=orientation,
        language=language,
    )

    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        await templates.edit(db, by=caller, course_id=number, changes=changes)
        return {"course_id": number}

    return await answer(info, operation)


async def touched_certificate(root: Parent, info: Info) -> Certificate | None:
    if root.certificate_id is None:
        return None
    return await info.context.load(visible_by_id, root.certificate_id)


async def touched_template(root: Parent, info: Info) -> Template | None:
    if root.course_id is None:
        return None
    return await info.context.load(templates_by_course, root.course_id)
