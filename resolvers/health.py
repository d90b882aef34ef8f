"""How the engine fares with the workspace, and with whom it fails (S13)."""

from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.markers import ParkedMember
from operations import health as engine
from operations.health import Health
from resolvers import positions
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.references import Reference, refer
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

refer(Health, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))
refer(ParkedMember, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))


async def health(info: Info, *, at_least: Cursor | None = None) -> Health:
    await positions.at_least(info.context, at_least)
    return await info.context.load(healths, info.context.signed_in.workspace_id)


async def parked_people(
    root: Parent,
    info: Info,
    *,
    is_given_up: bool | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Listing:
    context = info.context
    return await listed(
        context,
        engine.parked_people(context.signed_in, is_given_up=is_given_up),
        order=(ParkedMember.member_id,),
        first=first,
        after=after,
        name="health.parkedPeople",
    )


async def done(root: Parent, info: Info) -> Health | None:
    if root.workspace_id is None:
        return None
    return await info.context.load(healths, root.workspace_id)


async def retry_parked_people(
    info: Info,
    *,
    member_ids: list[strawberry.ID] | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        named = None if member_ids is None else [number_of(each, "Member") for each in member_ids]
        retried = await engine.retry(db, by=caller, member_ids=named)
        return {"workspace_id": caller.workspace_id, "people_count": len(retried)}

    return await answer(info, operation)


async def healths(db: AsyncSession, context: Context, _: Sequence[int]) -> list[Health]:
    """Of the caller's own workspace, which is the only one that is ever asked for."""
    return [await engine.of_workspace(db, by=context.signed_in)]
