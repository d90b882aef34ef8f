"""Mutations of those who take courses, and of those who complete and reset them for others."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.people import Member
from models.progress import Attempt, AttemptOrigin
from operations.learning import attempts, resetting, taking
from operations.learning.completing import Completion
from operations.learning.resetting import Reset
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of, numbers_of
from resolvers.learning.attempts import TakenModule, attempts_by_id, own_modules_of
from resolvers.rows import members_by_id

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]
Ids = list[strawberry.ID]


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of one person whose course was to be completed."""

    member_id: int
    outcome: Completion


@dataclass(frozen=True, slots=True)
class WasReset:
    """What became of one person whose progress was to be reset."""

    member_id: int
    outcome: Reset


async def take_course_tracked(
    info: Info,
    *,
    course_id: strawberry.ID,
    module_id: strawberry.ID | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number, at = number_of(course_id, "Course"), dt.datetime.now(dt.UTC)
        if module_id is None:
            return _said(await taking.start(db, by=caller, course_id=number, at=at))
        module = number_of(module_id, "Module")
        opened = await taking.open_module(db, by=caller, course_id=number, module_id=module, at=at)
        return {**_said(opened.attempt), "module_id": module}

    return await answer(info, operation)


async def retake_after_completion(
    info: Info,
    *,
    course_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number, at = number_of(course_id, "Course"), dt.datetime.now(dt.UTC)
        return _said(await taking.retake(db, by=caller, course_id=number, at=at))

    return await answer(info, operation)


async def complete_lesson(
    info: Info,
    *,
    course_id: strawberry.ID,
    module_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number, module = number_of(course_id, "Course"), number_of(module_id, "Module")
        at = dt.datetime.now(dt.UTC)
        done = await taking.complete_lesson(
            db, by=caller, course_id=number, module_id=module, at=at
        )
        return {**_said(done), "module_id": module}

    return await answer(info, operation)


async def submit_attempt(
    info: Info,
    *,
    course_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number, at = number_of(course_id, "Course"), dt.datetime.now(dt.UTC)
        return _said(await taking.submit(db, by=caller, course_id=number, at=at))

    return await answer(info, operation)


async def mark_complete(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await attempts.complete(
            db,
            by=caller,
            course_id=number,
            member_ids=numbers_of(member_ids, "Member"),
            origin=AttemptOrigin.MANUAL,
            at=dt.datetime.now(dt.UTC),
        )
        return {"course_id": number, "results": _kept(done)}

    return await answer(info, operation)


async def reset_progress(
    info: Info,
    *,
    course_id: strawberry.ID,
    member_ids: Ids,
    reason: str | None = None,
    remove_certificate: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(course_id, "Course")
        done = await resetting.reset(
            db,
            by=caller,
            course_id=number,
            member_ids=numbers_of(member_ids, "Member"),
            reason=reason,
            remove_certificate=remove_certificate,
            at=dt.datetime.now(dt.UTC),
        )
        return {"course_id": number, "results": _kept(done)}

    return await answer(info, operation)


def completed(root: Parent) -> list[Completed]:
    return [Completed(each["member_id"], Completion(each["outcome"])) for each in root.results]


def were_reset(root: Parent) -> list[WasReset]:
    return [WasReset(each["member_id"], Reset(each["outcome"])) for each in root.results]


async def person(root: Parent, info: Info) -> Member | None:
    return await info.context.load(members_by_id, root.member_id)


async def attempt(root: Parent, info: Info) -> Attempt | None:
    return (
        None
        if root.attempt_id is None
        else await info.context.load(attempts_by_id, root.attempt_id)
    )


async def module(root: Parent, info: Info) -> TakenModule | None:
    if root.attempt_id is None or root.module_id is None:
        return None
    return await info.context.load(own_modules_of, (root.attempt_id, root.module_id))


def _said(done: Attempt) -> Values:
    return {"course_id": done.course_id, "attempt_id": done.id}


def _kept(done: Mapping[int, StrEnum]) -> list[dict[str, Any]]:
    return [{"member_id": id, "outcome": outcome.value} for id, outcome in done.items()]
