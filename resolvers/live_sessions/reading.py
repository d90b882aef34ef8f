"""Live sessions: found, listed under their courses and in one's own calendar, and what they say."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import strawberry
from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.permissions import Scope
from models.catalog import Course
from models.live_sessions import LiveRegistration, LiveSession, LiveSessionStaff, RegistrationState
from models.people import Member
from operations.live_sessions import seats
from operations.live_sessions.locking import LOOKS_AFTER, seen_by
from operations.live_sessions.seats import SEATED, Seats
from operations.live_sessions.times import local
from operations.refusals import not_found
from resolvers import positions
from resolvers.context import Context
from resolvers.ids import number_of
from resolvers.listing import Listing, listed
from resolvers.nested import Nested
from resolvers.pages import micros
from resolvers.references import Reference, refer
from resolvers.rows import visible_courses_by_id
from resolvers.seal import Cursor
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


class LiveSessionTime(StrEnum):
    """Which live sessions are meant: those that are not over, soonest first; or those that are,
    latest first."""

    UPCOMING = "UPCOMING"
    PAST = "PAST"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a list of live sessions is narrowed to."""

    when: LiveSessionTime | None = None
    search: str | None = None


refer(LiveSession, lambda row, _: Reference(Scope.COURSE, row.course_id))


SOONEST: Final = (LiveSession.starts_at, LiveSession.id)
LATEST: Final = (-micros(LiveSession.starts_at), LiveSession.id)


def _narrowed(rows: Select[Any], by: Narrowing) -> Select[Any]:
    if by.when is not None:
        is_over = LiveSession.ends_at <= func.now()
        rows = rows.where(is_over if by.when is LiveSessionTime.PAST else ~is_over)
    return rows if by.search is None else rows.where(contains(LiveSession.title, by.search))


def _of_course(context: Context, owner: Any, by: Any) -> Select[Any]:
    workspace_id = context.signed_in.workspace_id
    rows = select(LiveSession).where(
        LiveSession.workspace_id == workspace_id, LiveSession.course_id == owner
    )
    return _narrowed(rows, by)


FORWARD: Final = Nested("courseLiveSessions", LiveSession, SOONEST, _of_course)
BACKWARD: Final = Nested("courseLiveSessionsBack", LiveSession, LATEST, _of_course)


async def live_session(
    info: Info, id: strawberry.ID, at_least: Cursor | None = None
) -> LiveSession:
    await positions.at_least(info.context, at_least)
    found = await info.context.load(visible_by_id, number_of(id, "LiveSession"))
    if found is None:
        raise not_found("live session")
    return found


async def of_course(
    root: Parent,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    when: LiveSessionTime | None = None,
    search: str | None = None,
) -> Listing:
    kind = BACKWARD if when is LiveSessionTime.PAST else FORWARD
    return await kind.page(info.context, root.id, first, after, Narrowing(when, search or None))


async def of_viewer(
    root: Parent,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    when: LiveSessionTime | None = None,
) -> Listing:
    """One's calendar: where one has a seat, waits, or teaches, and what of it was called off."""
    coming = select(LiveRegistration.live_session_id).where(
        LiveRegistration.member_id == root.member_id,
        LiveRegistration.state != RegistrationState.CANCELLED_BY_USER,
    )
    teaching = select(LiveSessionStaff.live_session_id).where(
        LiveSessionStaff.member_id == root.member_id
    )
    mine = seen_by(root).where(or_(LiveSession.id.in_(coming), LiveSession.id.in_(teaching)))
    is_past = when is LiveSessionTime.PAST
    return await listed(
        info.context,
        _narrowed(mine, Narrowing(when)),
        order=LATEST if is_past else SOONEST,
        first=first,
        after=after,
        name="viewerLiveSessionsBack" if is_past else "viewerLiveSessions",
    )


async def course(root: Parent, info: Info) -> Course | None:
    return await info.context.load(visible_courses_by_id, root.course_id)


async def staff(root: Parent, info: Info) -> list[Member]:
    return await info.context.load(staff_of, root.id)


def starts_at_local(root: Parent) -> str:
    return local(root.starts_at, root.time_zone)


def ends_at_local(root: Parent) -> str:
    return local(root.ends_at, root.time_zone)


def is_over(root: Parent) -> bool:
    return bool(root.ends_at <= dt.datetime.now(dt.UTC))


def is_registration_open(root: Parent) -> bool:
    """Whether the cut-off is still to come; there may be no seat."""
    closes_at = root.registration_closes_at or root.starts_at
    now = dt.datetime.now(dt.UTC)
    return seats.is_ahead(root, now) and bool(now < closes_at)


async def booked_count(root: Parent, info: Info) -> int:
    return (await info.context.load(seats_of, root.id)).seated


async def waiting_count(root: Parent, info: Info) -> int:
    """Nobody waits any more once the waitlist has ended."""
    if root.waitlist_ended_at is not None:
        return 0
    return (await info.context.load(seats_of, root.id)).waiting


async def free_count(root: Parent, info: Info) -> int | None:
    taken = await info.context.load(seats_of, root.id)
    return Seats(root.capacity, taken.seated, taken.waiting).free


async def overbooked_count(root: Parent, info: Info) -> int:
    taken = await info.context.load(seats_of, root.id)
    return 0 if root.capacity is None else max(0, taken.seated - root.capacity)


async def link(root: Parent, info: Info) -> str | None:
    """For those who come, those who teach it, and those who look after it; null for all others."""
    address: str | None = root.link
    if address is None or await info.context.load(is_coming, root.id):
        return address
    about = Reference(Scope.COURSE, root.course_id)
    if not info.context.rights.is_prepared(about.scope, about.id):
        await info.context.prepare([about])
    rights = info.context.rights
    may = any(rights.decide(each, about.scope, about.id).allowed for each in LOOKS_AFTER)
    return address if may else None


async def visible_by_id(
    db: AsyncSession, context: Context, ids: Sequence[int]
) -> list[LiveSession | None]:
    rows = await db.scalars(seen_by(context.signed_in).where(LiveSession.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def staff_of(db: AsyncSession, context: Context, ids: Sequence[int]) -> list[list[Member]]:
    found: dict[int, list[Member]] = {id: [] for id in ids}
    rows = await db.execute(
        select(LiveSessionStaff.live_session_id, Member)
        .join(Member, Member.id == LiveSessionStaff.member_id)
        .where(
            LiveSessionStaff.live_session_id.in_(ids),
            LiveSessionStaff.workspace_id == context.signed_in.workspace_id,
            Member.deleted_at.is_(None),
        )
        .order_by(func.lower(Member.display_name), Member.id)
    )
    for live_session_id, member in rows:
        found[live_session_id].append(member)
    return [found[id] for id in ids]


async def seats_of(db: AsyncSession, context: Context, ids: Sequence[int]) -> list[Seats]:
    """How many have a seat and how many wait; the capacity stands with the live session."""
    state = LiveRegistration.state
    rows = await db.execute(
        select(
            LiveRegistration.live_session_id,
            func.count().filter(state.in_(SEATED)),
            func.count().filter(state == RegistrationState.WAITLISTED),
        )
        .where(
            LiveRegistration.live_session_id.in_(ids),
            LiveRegistration.workspace_id == context.signed_in.workspace_id,
        )
        .group_by(LiveRegistration.live_session_id)
    )
    found = {id: Seats(None, seated, waiting) for id, seated, waiting in rows}
    return [found.get(id, Seats(None, 0, 0)) for id in ids]


async def is_coming(db: AsyncSession, context: Context, ids: Sequence[int]) -> list[bool]:
    """Whether the caller has a seat, or teaches."""
    caller = context.signed_in
    seated = select(LiveRegistration.live_session_id).where(
        LiveRegistration.member_id == caller.member_id,
        LiveRegistration.live_session_id.in_(ids),
        LiveRegistration.state.in_(SEATED),
    )
    teaching = select(LiveSessionStaff.live_session_id).where(
        LiveSessionStaff.member_id == caller.member_id, LiveSessionStaff.live_session_id.in_(ids)
    )
    found = set(await db.scalars(seated.union(teaching)))
    return [id in found for id in ids]
