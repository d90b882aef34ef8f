"""Mutations of segments."""

import datetime as dt
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.segments import Segment
from operations import segments
from operations.preview.basis import Basis
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.preview import basis_in

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]
Verb = Callable[..., Awaitable[Segment]]


async def create_segment(
    info: Info,
    *,
    name: str,
    description: str = "",
    rule_text: str | None = None,
    rule: strawberry.scalars.JSON | None = None,
    member_ids: Ids | None = None,
    is_draft: bool = False,
    is_usable_by_departments: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        said = _rule(rule_text, rule)
        if said is not None and member_ids:
            raise Refused(
                Code.BAD_USER_INPUT, "A segment follows a rule or names people, not both."
            )
        made = await segments.create(
            db,
            by=caller,
            name=name,
            description=description,
            rule=said,
            member_ids=_members(member_ids),
            is_draft=is_draft,
            is_usable_by_departments=is_usable_by_departments,
        )
        return {"segment_id": made.id}

    return await answer(info, operation)


async def edit_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    name: str | None = None,
    description: str | None = None,
    rule_text: str | None = None,
    rule: strawberry.scalars.JSON | None = None,
    is_usable_by_departments: bool | None = None,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(segment_id, "Segment")
        await segments.edit(
            db,
            by=caller,
            segment_id=number,
            name=name,
            description=description,
            rule=_rule(rule_text, rule),
            is_usable_by_departments=is_usable_by_departments,
            based_on=basis_in(info, based_on),
        )
        return {"segment_id": number}

    return await answer(info, operation)


async def pause_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(segments.pause, segment_id, basis=partial(basis_in, info, based_on))
    return await answer(info, operation)


async def resume_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(segments.resume, segment_id, basis=partial(basis_in, info, based_on))
    return await answer(info, operation)


async def recompute_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(segments.recompute, segment_id)
    return await answer(info, operation)


async def delete_segment(
    info: Info,
    *,
    segment_id: strawberry.ID,
    detach: bool = False,
    based_on: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(
        segments.remove,
        segment_id,
        at=dt.datetime.now(dt.UTC),
        detach=detach,
        basis=partial(basis_in, info, based_on),
    )
    return await answer(info, operation)


async def name_segment_people(
    info: Info,
    *,
    segment_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(segments.name_people, segment_id, people=member_ids)
    return await answer(info, operation)


async def unname_segment_people(
    info: Info,
    *,
    segment_id: strawberry.ID,
    member_ids: Ids,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    operation = _doing(segments.unname_people, segment_id, people=member_ids)
    return await answer(info, operation)


def _doing(
    verb: Verb,
    segment_id: strawberry.ID,
    *,
    people: Ids | None = None,
    basis: Callable[[], Basis | None] | None = None,
    **facts: Any,
) -> Any:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(segment_id, "Segment")
        named: dict[str, Any] = {} if people is None else {"member_ids": _members(people)}
        if basis is not None:
            named["based_on"] = basis()
        await verb(db, by=caller, segment_id=number, **named, **facts)
        return {"segment_id": number}

    return operation


def _rule(text: str | None, document: Any) -> Any:
    if text is not None and document is not None:
        raise Refused(Code.BAD_USER_INPUT, "Give the rule as ruleText or as rule, not both.")
    return document if text is None else text


def _members(ids: Ids | None) -> list[int]:
    return [number_of(id, "Member") for id in ids or ()]
