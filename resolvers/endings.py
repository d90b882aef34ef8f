"""When coordinator roles end that nothing gives any more (M40)."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.coordinators import CoordinatorOverride, OverrideKind
from resolvers.context import Context

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


async def of_coordinator(root: Parent, info: Info) -> dt.datetime | None:
    return await info.context.load(ends_of, (root.course_id, root.member.id))


async def of_caller(root: Parent, info: Info) -> dt.datetime | None:
    member_id = info.context.signed_in.member_id
    return None if member_id is None else await info.context.load(ends_of, (root.id, member_id))


async def ends_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[dt.datetime | None]:
    """For each (course, person) when the role ends; None where it goes on, or there is none."""
    said = CoordinatorOverride
    rows = await db.execute(
        select(said.course_id, said.member_id, said.expires_at).where(
            said.workspace_id == context.signed_in.workspace_id,
            said.course_id.in_({course_id for course_id, _ in keys}),
            said.member_id.in_({member_id for _, member_id in keys}),
            said.kind == OverrideKind.ENDING,
        )
    )
    found = {(course_id, member_id): at for course_id, member_id, at in rows}
    return [found.get(key) for key in keys]
