"""Mutations of the workspace: what holds where a course does not say, and for everybody in it."""

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations import workspaces
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context

Info = strawberry.Info[Context, None]


async def set_workspace_segment_limit(
    info: Info,
    *,
    limit: int,
    force: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        await workspaces.set_segment_limit(db, by=caller, limit=limit, force=force)
        return {"workspace_id": caller.workspace_id}

    return await answer(info, operation)


async def edit_workspace_settings(
    info: Info,
    *,
    allows_self_action: bool | None = None,
    late_placement_days: int | None = None,
    smallest_group: int | None = None,
    kept_days: int | None = None,
    grace_days: int | None = None,
    hold_people: int | None = None,
    hold_percent: int | None = None,
    hold_minutes: int | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        await workspaces.edit_settings(
            db,
            by=caller,
            allows_self_action=allows_self_action,
            late_placement_days=late_placement_days,
            smallest_group=smallest_group,
            kept_days=kept_days,
            grace_days=grace_days,
            hold_people=hold_people,
            hold_percent=hold_percent,
            hold_minutes=hold_minutes,
        )
        return {"workspace_id": caller.workspace_id}

    return await answer(info, operation)
