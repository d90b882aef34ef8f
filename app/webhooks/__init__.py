"""Signed webhooks of identity providers: stored at once, applied by the workers."""

import datetime as dt

from app.webhooks.door import routes
from app.webhooks.generic import GENERIC
from operations import deliveries
from operations.edge import Edge

__all__ = ["apply_pending", "routes"]


async def apply_pending(edge: Edge, *, limit: int, at: dt.datetime) -> int:
    """Apply at most `limit` deliveries of the inbox, oldest first; how many it were.

    Fewer than `limit` means that nothing is left to do. `deliveries.PENDING` is the question
    whether there is anything, in SQL. Raises when the database is away.
    """
    return await deliveries.apply_pending(edge, read=GENERIC.read, limit=limit, at=at)
