"""Settling months: one transaction for each month of each workspace, so that whoever ends in the
middle has done the months before, and only those."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from typing import Final

from access.caller import Origin, system
from operations import invoices
from operations.edge import Edge
from operations.invoices import Settled
from sync_engine.duties import is_away

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

    `tell` hears of each after its commit. Months somebody else is at are left to them. What goes
    wrong in one workspace does not stop the others; it is raised after them.
    """
    async with edge.read() as db:
        workspaces = await invoices.due(db, at=at, limit=limit)
    count, failed = 0, []
    for workspace_id in workspaces:
        while count < limit:
            [settled] = await asyncio.gather(
                _settle_one(edge, workspace_id, at=at), return_exceptions=True
            )
            if isinstance(settled, BaseException):
                _refuse_to_go_on(settled)
                failed.append(settled)
            if not isinstance(settled, Settled):
                break
            count += 1
            tell(settled)
    if failed:
        raise failed[0]
    return count


async def _settle_one(edge: Edge, workspace_id: int, *, at: dt.datetime) -> Settled | None:
    """Settle the oldest open month of one workspace, if it is over."""
    async with edge.transaction() as db:
        settled = await invoices.settle_month(db, by=system(workspace_id, Origin.ENGINE), at=at)
    if settled is not None and settled.number is not None:
        _log.info("Workspace %s: invoice %s issued", workspace_id, settled.number)
    return settled


def _refuse_to_go_on(problem: BaseException) -> None:
    """Raise what would meet the next workspace too: an end, or a database that is away."""
    if not isinstance(problem, Exception) or is_away(problem):
        raise problem
