"""The address of one's own calendar: since when there is one, a new one, none any more."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.live_sessions import calendars
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def since(info: Info) -> dt.datetime | None:
    async with info.context.read() as db:
        return await calendars.since(db, by=info.context.signed_in)


async def renew_calendar_feed(
    info: Info, *, client_mutation_id: str | None = None, idempotency_key: str | None = None
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        return {"secret": await calendars.renew(db, by=caller, at=dt.datetime.now(dt.UTC))}

    return await answer(info, operation)


async def end_calendar_feed(
    info: Info, *, client_mutation_id: str | None = None, idempotency_key: str | None = None
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        await calendars.end(db, by=caller)
        return {}

    return await answer(info, operation)


def path(root: Parent) -> str | None:
    """Where it is on the server that answers; a repeat of the mutation says it no more."""
    return None if root.secret is None else f"/calendar/{root.secret}.ics"
