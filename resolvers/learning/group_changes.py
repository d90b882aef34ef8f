"""Mutations of learner groups and of who looks after them."""

import datetime as dt

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.learning import facilitators, groups
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Operation, Values, answer, given
from resolvers.context import Context
from resolvers.ids import number_of, numbers_of
from resolvers.moments import exact

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]


async def create_group(
    info: Info,
    *,
    course_id: strawberry.ID,
    name: str,
    due_at: dt.datetime | None = None,
    allows_self_enrolment: bool = False,
    allow_past: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        made = await groups.create(
            db,
            by=caller,
            course_id=number,
            name=name,
            due_at=exact(due_at, "dueAt"),
            allows_self_enrolment=allows_self_enrolment,
            at=dt.datetime.now(dt.UTC),
            allow_past=allow_past,
        )
        return {"course_id": number, "group_id": made.id}

    return await answer(info, operation)


async def modify_own_group(
    info: Info,
    *,
    group_id: strawberry.ID,
    name: str | None = strawberry.UNSET,
    due_at: dt.datetime | None = strawberry.UNSET,
    allows_self_enrolment: bool | None = strawberry.UNSET,
    reason: str | None = None,
    allow_past: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    changes = given(name=name, due_at=due_at, allows_self_enrolment=allows_self_enrolment)
    return await answer(info, _modifying(group_id, changes, reason, allow_past, is_existing=False))


async def modify_existing_group(
    info: Info,
    *,
    group_id: strawberry.ID,
    name: str | None = strawberry.UNSET,
    due_at: dt.datetime | None = strawberry.UNSET,
    allows_self_enrolment: bool | None = strawberry.UNSET,
    reason: str | None = None,
    allow_past: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    changes = given(name=name, due_at=due_at, allows_self_enrolment=allows_self_enrolment)
    return await answer(info, _modifying(group_id, changes, reason, allow_past, is_existing=True))


async def remove_group(
    info: Info,
    *,
    group_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(group_id, "LearnerGroup")
        at = dt.datetime.now(dt.UTC)
        removed = await groups.remove(db, by=caller, group_id=number, at=at)
        return {"course_id": removed.course_id}

    return await answer(info, operation)


async def enroll_facilitator(
    info: Info,
    *,
    group_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(group_id, "LearnerGroup")
        people = numbers_of(member_ids, "Member")
        at = dt.datetime.now(dt.UTC)
        done = await facilitators.enroll(db, by=caller, group_id=number, member_ids=people, at=at)
        already = [each for each in dict.fromkeys(people) if each not in done]
        return {"group_id": number, "assigned": list(done), "already": already}

    return await answer(info, operation)


async def remove_facilitator(
    info: Info,
    *,
    group_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(group_id, "LearnerGroup")
        people = numbers_of(member_ids, "Member")
        done = await facilitators.remove(db, by=caller, group_id=number, member_ids=people)
        return {"group_id": number, "removed": list(done)}

    return await answer(info, operation)


def _modifying(
    group_id: strawberry.ID,
    changes: Values,
    reason: str | None,
    allow_past: bool,
    *,
    is_existing: bool,
) -> Operation:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        for argument in ("name", "allows_self_enrolment"):
            if argument in changes and changes[argument] is None:
                raise Refused(Code.BAD_USER_INPUT, f"{argument} cannot be null; leave it out.")
        if "due_at" in changes:
            changes["due_at"] = exact(changes["due_at"], "dueAt")
        group = await groups.modify(
            db,
            by=caller,
            group_id=number_of(group_id, "LearnerGroup"),
            changes=changes,
            is_existing=is_existing,
            reason=reason,
            at=dt.datetime.now(dt.UTC),
            allow_past=allow_past,
        )
        return {"course_id": group.course_id, "group_id": group.id}

    return operation
