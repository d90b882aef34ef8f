"""Mutations of people."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.people import Member
from operations import members
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]


async def change_member_attributes(
    info: Info,
    *,
    member_id: strawberry.ID,
    changes: strawberry.scalars.JSON,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        if not isinstance(changes, dict):
            raise Refused(
                Code.BAD_USER_INPUT, "changes is an object of attribute names and values."
            )
        number = number_of(member_id, "Member")
        await members.change_attributes(db, by=caller, member_id=number, changes=changes)
        return {"member_id": number}

    return await answer(info, operation)


async def deactivate_member(
    info: Info,
    *,
    member_id: strawberry.ID | None = None,
    member_ids: list[strawberry.ID] | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    return await _for_accounts(info, members.deactivate, member_id, member_ids)


async def reactivate_member(
    info: Info,
    *,
    member_id: strawberry.ID | None = None,
    member_ids: list[strawberry.ID] | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    return await _for_accounts(info, members.reactivate, member_id, member_ids)


Change = Callable[..., Awaitable[Sequence[Member]]]


async def _for_accounts(
    info: Info, change: Change, one: strawberry.ID | None, several: list[strawberry.ID] | None
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        if (one is None) == (several is None):
            raise Refused(Code.BAD_USER_INPUT, "Say either memberId or memberIds.")
        named = several if several is not None else [one or ""]
        numbers = [number_of(each, "Member") for each in named]
        changed = await change(db, by=caller, member_ids=numbers, at=dt.datetime.now(dt.UTC))
        return {
            "member_id": None if one is None else numbers[0],
            "changed": [each.id for each in changed],
        }

    return await answer(info, operation)
