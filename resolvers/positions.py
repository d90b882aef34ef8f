"""Where in the journal an answer was read, and waiting until a place is reached (U2)."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from models import journal
from operations.freshness import has_reflected
from operations.refusals import Code, Refused
from resolvers.context import Context
from resolvers.seal import Position

LONGEST_WAIT: Final = 2.0
PAUSE: Final = 0.01

Head = tuple[uuid.UUID, int]
"""The epoch of a journal and its last number."""


async def here(context: Context) -> str:
    """The cursor of the state this operation reads: subscribe after it and nothing is missed."""
    workspace_id = context.signed_in.workspace_id
    epoch, seq = await context.load(heads, workspace_id)
    return context.seal.position(Position(epoch, workspace_id, seq))


async def heads(db: AsyncSession, _: Context, workspace_ids: Sequence[int]) -> list[Head]:
    """The ends of these journals as the operation sees them."""
    return [await journal.head(db, each) for each in workspace_ids]


async def at_least(context: Context, cursor: str | None) -> None:
    """Wait until everything up to `cursor` is read, what the engine derives from it included.

    Where the operation's view holds it already, that view stays. Raises Refused: UNAVAILABLE
    after two seconds (the engine is behind), CURSOR_EXPIRED for a place in a history that is not
    this database's any more, BAD_USER_INPUT for what was not issued here.
    """
    if cursor is None:
        return
    position = _own(context, cursor)
    if await _is_in_view(context, position):
        return
    await context.renew()
    give_up_at = time.monotonic() + LONGEST_WAIT
    while not await _is_reached(context, position):
        if time.monotonic() > give_up_at:
            raise Refused(
                Code.UNAVAILABLE,
                f"Event {position.seq} was not reflected within {LONGEST_WAIT:g} s; ask again.",
            )
        await asyncio.sleep(PAUSE)
    await context.renew()


async def _is_in_view(context: Context, position: Position) -> bool:
    async with context.read() as db:
        epoch, _ = await journal.head(db, position.workspace_id)
        return position.epoch == epoch and await has_reflected(
            db, position.workspace_id, position.seq
        )


async def _is_reached(context: Context, position: Position) -> bool:
    async with context.edge.read() as db:
        await _check(db, position)
        return await has_reflected(db, position.workspace_id, position.seq)


def _own(context: Context, cursor: str) -> Position:
    position = context.seal.read_position(cursor)
    if position.workspace_id != context.signed_in.workspace_id:
        raise Refused(Code.BAD_USER_INPUT, "This cursor belongs to another workspace.")
    return position


async def _check(db: AsyncSession, position: Position) -> None:
    epoch, seq = await journal.head(db, position.workspace_id)
    if position.epoch != epoch:
        raise Refused(
            Code.CURSOR_EXPIRED,
            "This cursor belongs to an earlier history of the workspace; read anew.",
        )
    if position.seq > seq:
        raise Refused(Code.BAD_USER_INPUT, "This cursor lies beyond the journal's end.")
