"""How many people were active, month by month."""

import datetime as dt
from typing import Annotated

import strawberry

from access.permissions import Scope
from operations import activity
from operations.activity import Report
from resolvers.context import Context
from resolvers.references import Reference, refer

Info = strawberry.Info[Context, None]

refer(Report, lambda row, _: Reference(Scope.WORKSPACE, row.workspace_id))


async def view_active_members_report(
    info: Info,
    *,
    since: Annotated[dt.date | None, strawberry.argument(name="from")] = None,
    until: Annotated[dt.date | None, strawberry.argument(name="to")] = None,
) -> Report:
    async with info.context.read() as db:
        return await activity.by_month(
            db, by=info.context.signed_in, first=since, last=until, at=dt.datetime.now(dt.UTC)
        )
