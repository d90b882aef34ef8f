"""Mutations that make people learners of courses, and make them none."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.learning import enrolments, self_enrolment
from operations.learning.enrolment_rows import Reason
from operations.learning.enrolments import Unassignment
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of, numbers_of

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]


async def assign_learner(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    group_id: strawberry.ID | None = None,
    dry_run: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await enrolments.assign(
            db,
            by=caller,
            course_id=number,
            member_ids=numbers_of(member_ids, "Member"),
            group_id=_group(group_id),
            at=dt.datetime.now(dt.UTC),
            dry_run=dry_run,
        )
        results = [{"member_id": each.member_id, "outcome": each.outcome.value} for each in done]
        return {"course_id": number, "results": results}

    return await answer(info, operation)


async def unassign_learner(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    group_id: strawberry.ID | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await enrolments.unassign(
            db,
            by=caller,
            course_id=number,
            member_ids=numbers_of(member_ids, "Member"),
            group_id=_group(group_id),
            at=dt.datetime.now(dt.UTC),
        )
        return {"course_id": number, "results": [_kept(each) for each in done]}

    return await answer(info, operation)


async def enrol_myself(
    info: Info,
    *,
    course_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        at = dt.datetime.now(dt.UTC)
        await self_enrolment.enrol(
            db, by=caller, course_id=number, group_id=_group(group_id), at=at
        )
        return {"course_id": number}

    return await answer(info, operation)


async def leave_course(
    info: Info,
    *,
    course_id: strawberry.ID,
    group_id: strawberry.ID | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        at = dt.datetime.now(dt.UTC)
        done = await self_enrolment.leave(
            db, by=caller, course_id=number, group_id=_group(group_id), at=at
        )
        return {"course_id": number, "results": [_kept(done)]}

    return await answer(info, operation)


def _group(id: strawberry.ID | None) -> int | None:
    return None if id is None else number_of(id, "LearnerGroup")


def _kept(done: Unassignment) -> dict[str, Any]:
    return {
        "member_id": done.member_id,
        "outcome": done.outcome.value,
        "ended": _reasons(done.ended),
        "remaining": _reasons(done.remaining),
    }


def _reasons(reasons: Sequence[Reason]) -> list[tuple[str, int | None]]:
    return [(each.source.value, each.group_id) for each in reasons]
