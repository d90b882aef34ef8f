"""Asking for files, and calling them off."""

import datetime as dt

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from access.permissions import Permission, Principal
from models import journal
from models.jobs import FileFormat, JobKind
from models.people import MemberState
from operations import audit, visible
from operations.imports import asking as importing
from operations.insights.attempt_rows import about_quiz
from operations.insights.cells import Policy
from operations.jobs import asking
from operations.learning.listing_orders import LearnerOrder
from operations.rights import require
from resolvers.answers import Answer, Values, answer
from resolvers.audit import aware, filters_of
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.insights.asked import narrow
from resolvers.jobs.asked import AuditAsked, LearnersAsked, MembersAsked, QuizAsked, said
from resolvers.learning.learner_search import LearnerFilter
from resolvers.learning.learners import owner_of, whose_list
from resolvers.member_search import (
    InvitationState,
    MemberOrder,
    Narrowing,
    PartInCourse,
    narrowed,
)
from resolvers.search import checked

Info = strawberry.Info[Context, None]


async def export_learners(
    info: Info,
    *,
    course_id: strawberry.ID,
    format: FileFormat = FileFormat.XLSX,
    group_id: strawberry.ID | None = None,
    search: str | None = None,
    filter: LearnerFilter | None = None,
    order_by: LearnerOrder = LearnerOrder.NAME,
    descending: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    asked = LearnersAsked(course_id, group_id, search, filter, order_by, descending)

    async def operation(db: AsyncSession, caller: Caller) -> Values:
        owner = await owner_of(info.context, course_id, group_id)
        await whose_list(info.context, owner, search, filter)
        return await _requested(db, caller, (JobKind.LEARNERS, format), asked, owner.course_id)

    return await answer(info, operation)


async def export_quiz_insights(
    info: Info,
    *,
    course_id: strawberry.ID,
    module_id: strawberry.ID,
    format: FileFormat = FileFormat.XLSX,
    group_id: strawberry.ID | None = None,
    department: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    include_staff: bool = False,
    attempts: Policy = Policy.FIRST,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        course, module = number_of(course_id, "Course"), number_of(module_id, "Module")
        to = narrow(
            group_id=group_id,
            department=None if department is None else checked(department),
            since=since,
            until=until,
            include_staff=include_staff,
            attempts=attempts,
        )
        await about_quiz(db, by=caller, course_id=course, module_id=module, to=to)
        asked = QuizAsked(course, module, to)
        return await _requested(db, caller, (JobKind.QUIZ_INSIGHTS, format), asked, course)

    return await answer(info, operation)


async def export_members(
    info: Info,
    *,
    format: FileFormat = FileFormat.XLSX,
    search: str | None = None,
    state: list[MemberState] | None = None,
    signed_in_before: dt.datetime | None = None,
    signed_in_since: dt.datetime | None = None,
    never_signed_in: bool | None = None,
    holding: list[Principal] | None = None,
    department_id: strawberry.ID | None = None,
    group: str | None = None,
    course_id: strawberry.ID | None = None,
    part_in_course: list[PartInCourse] | None = None,
    invitation: list[InvitationState] | None = None,
    order_by: MemberOrder = MemberOrder.NAME,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    to = Narrowing(
        search=search,
        state=state,
        signed_in_before=aware(signed_in_before),
        signed_in_since=aware(signed_in_since),
        never_signed_in=never_signed_in,
        holding=holding,
        department_id=department_id,
        group=group,
        course_id=course_id,
        part_in_course=part_in_course,
        invitation=invitation,
    )

    async def operation(db: AsyncSession, caller: Caller) -> Values:
        await require(db, caller, Permission.LIST_ALL_MEMBERS)
        await narrowed(info.context, visible.members(caller), to)
        asked = MembersAsked(to, order_by)
        return await _requested(db, caller, (JobKind.MEMBERS, format), asked)

    return await answer(info, operation)


async def export_audit_log(
    info: Info,
    *,
    format: FileFormat = FileFormat.XLSX,
    verbs: list[str] | None = None,
    by_member_id: strawberry.ID | None = None,
    by_connection_id: strawberry.ID | None = None,
    by_system: bool | None = None,
    member_id: strawberry.ID | None = None,
    course_id: strawberry.ID | None = None,
    segment_id: strawberry.ID | None = None,
    department_id: strawberry.ID | None = None,
    origins: list[Origin] | None = None,
    cause: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    reason: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        filters = filters_of(
            verbs=verbs,
            by_member_id=by_member_id,
            by_connection_id=by_connection_id,
            by_system=by_system,
            member_id=member_id,
            course_id=course_id,
            segment_id=segment_id,
            department_id=department_id,
            origins=origins,
            cause=cause,
            since=since,
            until=until,
            reason=reason,
        )
        await audit.ask(db, by=caller, filters=filters)
        _, head = await journal.head(db, caller.workspace_id)
        asked = AuditAsked(filters, head)
        return await _requested(db, caller, (JobKind.AUDIT, format), asked)

    return await answer(info, operation)


async def cancel_job(
    info: Info,
    *,
    job_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(job_id, "Job")
        await asking.cancel(db, by=caller, job_id=number, at=_now())
        return {"job_id": number}

    return await answer(info, operation)


async def apply_import(
    info: Info,
    *,
    job_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(job_id, "Job")
        await importing.apply(db, by=caller, job_id=number, at=_now())
        return {"job_id": number}

    return await answer(info, operation)


async def _requested(
    db: AsyncSession,
    caller: Caller,
    what: tuple[JobKind, FileFormat],
    asked: object,
    course_id: int | None = None,
) -> Values:
    kind, format = what
    parameters = said(kind, asked)
    job = await asking.request(
        db,
        by=caller,
        kind=kind,
        format=format,
        course_id=course_id,
        parameters=parameters,
        at=_now(),
    )
    return {"job_id": job.id}


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
