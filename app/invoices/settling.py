"""Settling months: one transaction for each month of each workspace, so that whoever ends in the
middle has done the months before, and only those."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Final

from access.caller import Origin, system
from operations import invoices
from operations.edge import Edge
from operations.invoices import Settled

_log: Final = logging.getLogger(__name__)


def _say_nothing(_: Settled) -> None: ...


async def settle_due(
    edge: Edge,
    *,
    at: dt.datetime,
    limit: int,
    tell: Callable[[Settled], None] = _say_nothing,
) -> int:
    """Settle up to `limit` months that are over, oldest first; how many it were.

    `tell` hears of each after its commit. Months somebody else is at are left to them.
    """
    async with edge.read() as db:
        workspaces = await invoices.due(db, at=at, limit=limit)
    count = 0
    for workspace_id in workspaces:
        while count < limit and (settled := await settle_one(edge, workspace_id, at=at)):
            count += 1
            tell(settled)
    return count


async def settle_one(
    edge: Edge, workspace_id: int, *, at: dt.datetime, origin: Origin = Origin.ENGINE
) -> Settled | None:
    """Settle the oldest open month of one workspace, if it is over."""
    async with edge.transaction() as db:
        settled = await invoices.settle_month(db, by=system(workspace_id, origin), at=at)
    if settled is not None and settled.number is not None:
        _log.info("Workspace %s: invoice %s issued", workspace_id, settled.number)
    return settled
