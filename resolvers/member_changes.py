"""Mutations of people."""

import datetime as dt

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
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
    member_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(member_id, "Member")
        await members.deactivate(db, by=caller, member_id=number, at=dt.datetime.now(dt.UTC))
        return {"member_id": number}

    return await answer(info, operation)


async def reactivate_member(
    info: Info,
    *,
    member_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(member_id, "Member")
        await members.reactivate(db, by=caller, member_id=number, at=dt.datetime.now(dt.UTC))
        return {"member_id": number}

    return await answer(info, operation)
