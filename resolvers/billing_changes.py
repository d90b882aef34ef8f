"""Mutations of how a workspace pays."""

import datetime as dt
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.billing import BillingAccount
from operations import billing
from resolvers.answers import Answer, Values, answer
from resolvers.billing import accounts_by_workspace
from resolvers.context import Context

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def update_payment_method(
    info: Info,
    *,
    provider: str,
    reference: str,
    brand: str,
    last_four: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        await billing.update_payment_method(
            db,
            by=caller,
            provider=provider,
            reference=reference,
            brand=brand,
            last_four=last_four,
            at=dt.datetime.now(dt.UTC),
        )
        return {"workspace_id": caller.workspace_id}

    return await answer(info, operation)


async def touched_billing(root: Parent, info: Info) -> BillingAccount | None:
    if root.workspace_id is None:
        return None
    return await info.context.load(accounts_by_workspace, root.workspace_id)
