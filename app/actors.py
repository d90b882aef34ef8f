"""Operations that workers run when a message or the sweeper says so.

They are declared here because the sync engine may not know operations. Each gets the edge of the
process, opens its own transactions with it, and returns whether more is left.
"""

import datetime as dt
from typing import Final

from app import webhooks
from operations import deliveries
from operations.edge import Edge
from sync_engine.bell import APPLY_INBOX
from sync_engine.duties import Actor, actor

_DELIVERIES_A_TURN: Final = 200


@actor(APPLY_INBOX, pending=deliveries.PENDING)
async def apply_inbox(edge: Edge) -> bool:
    """What identity providers delivered is applied, parked or quarantined, or more is left."""
    applied = await webhooks.apply_pending(
        edge, limit=_DELIVERIES_A_TURN, at=dt.datetime.now(dt.UTC)
    )
    return applied == _DELIVERIES_A_TURN


OPERATIONS: Final[tuple[Actor[Edge], ...]] = (apply_inbox,)
