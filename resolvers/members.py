"""People, as administrators and colleagues look them up."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import strawberry
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Permission, Principal, Scope
from models.catalog import Department
from models.markers import DirtyMember
from models.people import Member, MemberState
from operations import visible
from operations.refusals import not_found
from resolvers import positions
from resolvers.audit import aware
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.member_search import (
    ORDERS,
    InvitationState,
    MemberOrder,
    Narrowing,
    PartInCourse,
    called,
    narrowed,
)
from resolvers.permissions import refuse_unasked_of
from resolvers.seal import Cursor
from resolvers.search import begins

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

MOST_HITS: Final = 20

BY_NAME = (func.lower(Member.display_name), Member.id)


async def member(info: Info, id: strawberry.ID, at_least: Cursor | None = None) -> Member:
    await positions.at_least(info.context, at_least)
    number = number_of(id, "Member")
    async with info.context.read() as db:
        found: Member | None = await db.scalar(
            visible.members(info.context.signed_in).where(Member.id == number)
        )
    if found is None:
        raise not_found("member")
    return found


async def members(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    state: list[MemberState] | None = None,
    at_least: Cursor | None = None,
) -> Listing:
    await positions.at_least(info.context, at_least)
    statement = visible.members(info.context.signed_in)
    if search:
        statement = statement.where(called(search))
    if state is not None:
        statement = statement.where(Member.state.in_(state))
    return await listed(
        info.context, statement, order=BY_NAME, first=first, after=after, name="members"
    )


async def list_all_members(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    search: str | None = None,
    state: list[MemberState] | None = None,
    signed_in_before: dt.datetime | None = None,
    signed_in_since: dt.datetime | None = None,
    never_signed_in: bool | None = None,
    holding: list[Principal] | None = None,
    department_id: strawberry.ID | None = None,
    group: str | None = None,
    course_id: strawberry.ID | None = None,
    part_in_course: list[PartInCourse] | None = None,
    invitation: list[InvitationState] | None = None,
    order_by: MemberOrder = MemberOrder.NAME,
    at_least: Cursor | None = None,
) -> Listing:
    context = info.context
    await positions.at_least(context, at_least)
    by = Narrowing(
        search=search,
        state=state,
        signed_in_before=aware(signed_in_before),
        signed_in_since=aware(signed_in_since),
        never_signed_in=never_signed_in,
        holding=holding,
        department_id=department_id,
        group=group,
        course_id=course_id,
        part_in_course=part_in_course,
        invitation=invitation,
    )
    return await listed(
        context,
        await narrowed(context, visible.members(context.signed_in), by),
        order=ORDERS[order_by],
        first=first,
        after=after,
        name=f"listAllMembers.{order_by.value}",
    )


async def search_members_picker(info: Info, *, text: str | None = None) -> list[Member]:
    """Those whose name begins with the text come first."""
    piece = (text or "").strip()
    rows = visible.members(info.context.signed_in).where(
        Member.state.in_([MemberState.ACTIVE, MemberState.PENDING])
    )
    if piece:
        rows = rows.where(called(piece))
        rows = rows.order_by(begins(Member.display_name, piece).desc())
    async with info.context.read() as db:
        return list(await db.scalars(rows.order_by(*BY_NAME).limit(MOST_HITS)))


async def departments(
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    allowing: Permission | None = None,
) -> Listing:
    caller = info.context.signed_in
    rows = visible.departments(caller)
    if allowing is not None:
        refuse_unasked_of(allowing, Scope.DEPARTMENT)
        may = visible.departments_allowing(caller, allowing).with_only_columns(Department.id)
        rows = rows.where(Department.id.in_(may))
    return await listed(
        info.context,
        rows,
        order=(func.lower(Department.name), Department.id),
        first=first,
        after=after,
        name="departments",
    )


async def is_sync_pending(root: Parent, info: Info) -> bool:
    return await info.context.load(waiting, root.id)


async def waiting(db: AsyncSession, _: Context, member_ids: Sequence[int]) -> list[bool]:
    """Whether the engine still has to look at these people: exact, one primary key probe each."""
    marked = set(
        await db.scalars(select(DirtyMember.member_id).where(DirtyMember.member_id.in_(member_ids)))
    )
    return [id in marked for id in member_ids]
