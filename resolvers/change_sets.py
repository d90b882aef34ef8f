"""What runs of the engine changed, taken back or not; and the pins that taking back leaves."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.holds import MembershipPin
from models.segments import ChangeSet, Membership, Segment
from operations import change_sets, pins, undo
from operations.change_sets import Wanted
from operations.rights import require
from operations.undo import Contradiction
from operations.why.answers import Cause
from resolvers import moments, positions
from resolvers.answers import Answer, Values, answer
from resolvers.context import Context
from resolvers.explaining import place_in
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested, unsearched
from resolvers.references import Reference, refer
from resolvers.seal import Cursor

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

NEWEST: Final = ((-ChangeSet.id).label("newest"),)

_OF_THE_WORKSPACE: Final[tuple[Any, ...]] = (ChangeSet, Membership, MembershipPin)
for _kind in _OF_THE_WORKSPACE:
    refer(_kind, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))


@dataclass(frozen=True, slots=True)
class ContradictedPair:
    """Somebody who cannot be put back, and why."""

    member_id: int
    segment_id: int
    why: Contradiction


def _joined(context: Context, owner: Any, _: None) -> Select[Any]:
    return change_sets.moved(context.signed_in.workspace_id, owner, joined=True)


def _left(context: Context, owner: Any, _: None) -> Select[Any]:
    return change_sets.moved(context.signed_in.workspace_id, owner, joined=False)


def _pins_of(context: Context, owner: Any, _: None) -> Select[Any]:
    return pins.seen_by(context.signed_in).where(MembershipPin.segment_id == owner)


_BY_PAIR: Final = (Membership.segment_id, Membership.member_id)
ADDITIONS: Final = Nested("changeSet.additions", Membership, _BY_PAIR, _joined)
REMOVALS: Final = Nested("changeSet.removals", Membership, _BY_PAIR, _left)
PINS: Final = Nested("segment.pins", MembershipPin, (MembershipPin.member_id,), _pins_of)


async def list_change_sets(
    info: Info,
    *,
    segment_id: strawberry.ID | None = None,
    member_id: strawberry.ID | None = None,
    cause_seq: str | None = None,
    is_undone: bool | None = None,
    first: int | None = None,
    after: str | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    wanted = Wanted(
        segment_id=None if segment_id is None else number_of(segment_id, "Segment"),
        member_id=None if member_id is None else number_of(member_id, "Member"),
        cause_seq=place_in(cause_seq, "causeSeq"),
        is_undone=is_undone,
    )
    caller = info.context.signed_in
    async with info.context.read() as db:
        await require(db, caller, Permission.CREATE_EDIT_SEGMENT)
        statement = await change_sets.listed(db, by=caller, wanted=wanted)
    return await listed(
        info.context, statement, order=NEWEST, first=first, after=after, name="changeSets"
    )


async def change_set(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> ChangeSet:
    await positions.at_least(info.context, at_least)
    number, caller = number_of(id, "ChangeSet"), info.context.signed_in
    async with info.context.read() as db:
        await require(db, caller, Permission.CREATE_EDIT_SEGMENT)
        return await change_sets.one(db, by=caller, id=number)


additions = unsearched(ADDITIONS)
removals = unsearched(REMOVALS)
segment_pins = unsearched(PINS)


async def causes(root: Parent, info: Info) -> Sequence[Cause]:
    return await info.context.load(causes_of_change_sets, root.id)


def cause_count(root: Parent) -> int:
    return change_sets.cause_count(root)


def is_undone(root: Parent) -> bool:
    return root.undone_at is not None


def watermark(root: Parent) -> str:
    return str(root.watermark)


async def segments(root: Parent, info: Info) -> list[Segment]:
    found = await info.context.load(segments_of_change_sets, root)
    return [each for each in found if each.deleted_at is None]


async def summary(root: Parent, info: Info) -> str:
    because = await info.context.load(causes_of_change_sets, root.id)
    found = await info.context.load(segments_of_change_sets, root)
    return change_sets.sentence(root, because, [each.name for each in found])


async def undone(root: Parent, info: Info) -> ChangeSet | None:
    if root.change_set_id is None:
        return None
    return await info.context.load(change_sets_by_id, root.change_set_id)


def contradicted(root: Parent) -> list[ContradictedPair]:
    return [
        ContradictedPair(each["memberId"], each["segmentId"], Contradiction(each["why"]))
        for each in root.details.get("pairs", ())
    ]


def contradicted_count(root: Parent) -> int:
    return int(root.details.get("count", 0))


async def undo_change_set(
    info: Info,
    *,
    id: strawberry.ID,
    reason: str,
    expires_at: dt.datetime | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(id, "ChangeSet")
        done = await undo.undo(
            db,
            by=caller,
            change_set_id=number,
            reason=reason,
            expires_at=moments.exact(expires_at, "expiresAt"),
            at=dt.datetime.now(dt.UTC),
        )
        return {
            "change_set_id": number,
            "pinned_in": done.pinned_in,
            "pinned_out": done.pinned_out,
        }

    return await answer(info, operation)


async def unpin(
    info: Info,
    *,
    segment_id: strawberry.ID,
    member_ids: list[strawberry.ID],
    reason: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(segment_id, "Segment")
        named = [number_of(each, "Member") for each in member_ids]
        gone = await pins.remove(db, by=caller, segment_id=number, member_ids=named, reason=reason)
        return {"segment_id": number, "changed": gone}

    return await answer(info, operation)


async def causes_of_change_sets(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[Sequence[Cause]]:
    found = await change_sets.causes_of(db, context.signed_in.workspace_id, ids)
    return [found[id] for id in ids]


async def segments_of_change_sets(
    db: AsyncSession, context: Context, sets: Sequence[ChangeSet]
) -> list[list[Segment]]:
    """The segments each change set changed, the deleted too, in the order of their ids."""
    found = await change_sets.segments_of(db, context.signed_in.workspace_id, sets)
    return [[found[id] for id in each.segment_ids if id in found] for each in sets]


async def change_sets_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[ChangeSet | None]:
    rows = await db.scalars(
        select(ChangeSet).where(
            ChangeSet.workspace_id == context.signed_in.workspace_id, ChangeSet.id.in_(ids)
        )
    )
    found = {each.id: each for each in rows}
    return [found.get(id) for id in ids]
