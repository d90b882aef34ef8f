"""Where in the journal an answer was read, and waiting until a place is reached (U2)."""

import asyncio
import time
from typing import Final

from models import journal
from operations.freshness import has_reflected
from operations.refusals import Code, Refused
from resolvers.context import Context
from resolvers.seal import Position

LONGEST_WAIT: Final = 2.0
PAUSE: Final = 0.01


async def here(context: Context) -> str:
    """The cursor of the state this operation reads: subscribe after it and nothing is missed."""
    workspace_id = context.signed_in.workspace_id
    async with context.read() as db:
        epoch, seq = await journal.head(db, workspace_id)
    return context.seal.position(Position(epoch, workspace_id, seq))


async def read(context: Context, cursor: str) -> Position:
    """The place a cursor of this workspace speaks of.

    Raises Refused: BAD_USER_INPUT for one that was not issued here, CURSOR_EXPIRED for one of a
    history that is not this database's any more.
    """
    caller = context.signed_in
    position = context.seal.read_position(cursor)
    if position.workspace_id != caller.workspace_id:
        raise Refused(Code.BAD_USER_INPUT, "This cursor belongs to another workspace.")
    async with context.edge.read() as db:
        epoch, seq = await journal.head(db, caller.workspace_id)
    if position.epoch != epoch:
        raise Refused(
            Code.CURSOR_EXPIRED,
            "This cursor belongs to an earlier history of the workspace; read anew.",
        )
    if position.seq > seq:
        raise Refused(Code.BAD_USER_INPUT, "This cursor lies beyond the journal's end.")
    return position


async def at_least(context: Context, cursor: str | None) -> None:
    """Wait until everything up to `cursor` is read, what the engine derives from it included.

    After two seconds it gives up with UNAVAILABLE: the engine is behind, ask again.
    """
    if cursor is None:
        return
    position = await read(context, cursor)
    give_up_at = time.monotonic() + LONGEST_WAIT
    while not await _is_reached(context, position):
        if time.monotonic() > give_up_at:
            raise Refused(
                Code.UNAVAILABLE,
                f"Event {position.seq} was not reflected within {LONGEST_WAIT:g} s; ask again.",
            )
        await asyncio.sleep(PAUSE)
    await context.renew()


async def _is_reached(context: Context, position: Position) -> bool:
    async with context.edge.read() as db:
        return await has_reflected(db, position.workspace_id, position.seq)
