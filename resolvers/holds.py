"""Removals that wait to be approved, and what is decided of them."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import Select, case, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.holds import HeldRemoval, Hold, HoldState
from models.people import Member
from operations.holds import deciding, reading
from operations.rights import require
from resolvers import moments, positions
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested, paged
from resolvers.references import Reference, refer
from resolvers.seal import Cursor
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

OPEN_FIRST: Final = (
    case((Hold.state == HoldState.OPEN, 0), else_=1).label("is_over"),
    (-Hold.id).label("newest"),
)

_OF_THE_WORKSPACE: Final[tuple[Any, ...]] = (Hold, HeldRemoval)
for _kind in _OF_THE_WORKSPACE:
    refer(_kind, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))


def _people_of(context: Context, owner: Any, search: str | None) -> Select[Any]:
    rows = reading.waiting_in(context.signed_in).where(HeldRemoval.hold_id == owner)
    if search:
        named = select(Member.id).where(
            Member.id == HeldRemoval.member_id, contains(Member.display_name, search)
        )
        rows = rows.where(named.exists())
    return rows


PEOPLE: Final = Nested(
    "hold.people", HeldRemoval, (HeldRemoval.segment_id, HeldRemoval.member_id), _people_of
)


async def holds(
    info: Info,
    *,
    state: list[HoldState] | None = None,
    segment_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    context = info.context
    await positions.at_least(context, at_least)
    async with context.read() as db:
        await require(db, context.signed_in, Permission.CREATE_EDIT_SEGMENT)
    statement = reading.seen_by(context.signed_in)
    if state is not None:
        statement = statement.where(Hold.state.in_(state))
    if segment_id is not None:
        statement = statement.where(Hold.segment_id == number_of(segment_id, "Segment"))
    return await listed(
        context, statement, order=OPEN_FIRST, first=first, after=after, name="holds"
    )


async def hold(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Hold:
    context = info.context
    await positions.at_least(context, at_least)
    number = number_of(id, "Hold")
    async with context.read() as db:
        await require(db, context.signed_in, Permission.CREATE_EDIT_SEGMENT)
        return await reading.one(db, by=context.signed_in, id=number)


people = paged(PEOPLE)


async def waiting(root: Parent, info: Info) -> int:
    return await info.context.load(waiting_in_holds, root.id)


async def open_hold(root: Parent, info: Info) -> Hold | None:
    return await info.context.load(open_holds_of_segments, root.id)


async def done(root: Parent, info: Info) -> Hold | None:
    if root.hold_id is None:
        return None
    return await info.context.load(holds_by_id, root.hold_id)


async def approve_hold(
    info: Info,
    *,
    id: strawberry.ID,
    reason: str,
    member_ids: list[strawberry.ID] | None = None,
    segment_ids: list[strawberry.ID] | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(id, "Hold")
        await deciding.approve(
            db,
            by=caller,
            hold_id=number,
            reason=reason,
            member_ids=_numbers(member_ids, "Member"),
            segment_ids=_numbers(segment_ids, "Segment"),
        )
        return {"hold_id": number}

    return await answer(info, operation)


async def discard_hold(
    info: Info,
    *,
    id: strawberry.ID,
    reason: str,
    member_ids: list[strawberry.ID] | None = None,
    segment_ids: list[strawberry.ID] | None = None,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(id, "Hold")
        await deciding.discard(
            db,
            by=caller,
            hold_id=number,
            reason=reason,
            at=dt.datetime.now(dt.UTC),
            member_ids=_numbers(member_ids, "Member"),
            segment_ids=_numbers(segment_ids, "Segment"),
            expires_at=moments.exact(expires_at, "expiresAt"),
        )
        return {"hold_id": number}

    return await answer(info, operation)


def _numbers(ids: Sequence[strawberry.ID] | None, noun: str) -> list[int] | None:
    return None if ids is None else [number_of(each, noun) for each in ids]


async def waiting_in_holds(db: AsyncSession, context: Context, ids: Sequence[int]) -> list[int]:
    found = await reading.counts(db, context.signed_in.workspace_id, ids)
    return [found[id] for id in ids]


async def open_holds_of_segments(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Hold | None]:
    rows = reading.seen_by(context.signed_in).where(
        Hold.state == HoldState.OPEN, Hold.segment_id.in_(ids)
    )
    return _in_order(await db.scalars(rows), ids, lambda each: each.segment_id)


async def holds_by_id(db: AsyncSession, context: Context, ids: Sequence[int]) -> list[Hold | None]:
    rows = await db.scalars(reading.seen_by(context.signed_in).where(Hold.id.in_(ids)))
    return _in_order(rows, ids, lambda each: each.id)


def _in_order(
    rows: Any, ids: Sequence[int], number: Callable[[Hold], int | None]
) -> list[Hold | None]:
    found = {number(each): each for each in rows}
    return [found.get(id) for id in ids]
