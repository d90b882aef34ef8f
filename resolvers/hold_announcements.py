"""Holds, told as they open, grow, are decided and released (S11)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from access.permissions import Permission, Scope
from operations.refusals import Denied
from resolvers.announcements import Event, Stream, start_at
from resolvers.concerned import Burst, EventKind, Told
from resolvers.context import Context
from resolvers.foresight import Foresight
from resolvers.references import Reference, refer
from resolvers.seal import Cursor
from sync_engine.entries import Entry, Interest, Key

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

HEARS: Final = Permission.CREATE_EDIT_SEGMENT


@dataclass(frozen=True, slots=True)
class HoldEvent(Event):
    """One message about a hold."""


refer(HoldEvent, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))


class OfHolds:
    """The holds of the workspace, for one listener."""

    name: Final = "holds"

    def __init__(self, listener_id: int | None) -> None:
        listener = frozenset(() if listener_id is None else (listener_id,))
        self.watched: frozenset[Key] = frozenset(("member", id) for id in listener)
        self.interest = Interest(members=listener, holds=True)

    async def take(self, entry: Entry) -> Sequence[Told]:
        if not entry.verb.startswith("hold."):
            return ()
        hold_id = (entry.detail or {}).get("holdId")
        return [Told(EventKind.CHANGED, None, segment_id=entry.segment_id, hold_id=hold_id)]

    def burst(self, _: Entry) -> Burst | None:
        """Each is told: the engine says of one that grows only when it has doubled."""
        return None


async def holds_changed(info: Info, *, after: Cursor | None = None) -> AsyncGenerator[Event, None]:
    """What waits to be approved, as it changes."""
    context = info.context

    async def may_listen() -> bool:
        workspace_id = context.signed_in.workspace_id
        await context.prepare([Reference(Scope.WORKSPACE, workspace_id)])
        return context.rights.decide(HEARS, Scope.WORKSPACE, workspace_id).allowed

    if not await may_listen():
        workspace_id = context.signed_in.workspace_id
        held = context.rights.held(Scope.WORKSPACE, workspace_id)
        raise Denied(HEARS, Scope.WORKSPACE, held)
    start = await start_at(context, after)
    concerned = OfHolds(context.signed_in.member_id)
    return Stream(context, concerned, may_listen, Foresight.of(info), HoldEvent).events(start)
