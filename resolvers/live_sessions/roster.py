"""Who comes to a live session: the roster, and the viewer's own registration."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from access.caller import Caller
from access.permissions import Scope
from models.live_sessions import LiveRegistration, LiveSession, RegistrationState
from models.people import Member
from operations.live_sessions.roster import RosterOutcome
from resolvers.context import Context
from resolvers.listing import Listing
from resolvers.live_sessions.reading import visible_by_id
from resolvers.nested import Nested
from resolvers.references import IS_SELF, NOTHING, Reference, refer
from resolvers.rows import members_by_id
from resolvers.search import contains

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]


@dataclass(frozen=True, slots=True)
class Registration:
    """One person's registration, as the schema shows it."""

    course_id: int
    live_session_id: int
    member_id: int
    registered_by_id: int | None
    state: RegistrationState
    waitlist_position: int | None
    is_overbooked: bool
    minutes_attended: int | None
    registered_at: dt.datetime
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class RosterResult:
    """What became of one person of a call."""

    live_session_id: int
    member_id: int
    outcome: RosterOutcome


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a roster is narrowed to."""

    state: tuple[RegistrationState, ...] | None
    search: str | None


def _about(row: Registration, caller: Caller) -> Reference:
    facts = IS_SELF if row.member_id == caller.member_id else NOTHING
    return Reference(Scope.COURSE, row.course_id, facts)


refer(Registration, _about)


def _position() -> ColumnElement[int | None]:
    """Counted: how many wait on the same waitlist up to this place; NULL once it has ended."""
    other = aliased(LiveRegistration)
    before = (
        select(func.count())
        .where(
            other.live_session_id == LiveRegistration.live_session_id,
            other.state == RegistrationState.WAITLISTED,
            other.place <= LiveRegistration.place,
        )
        .correlate(LiveRegistration)
        .scalar_subquery()
    )
    waits = and_(
        LiveRegistration.state == RegistrationState.WAITLISTED,
        LiveSession.waitlist_ended_at.is_(None),
    )
    return case((waits, before), else_=null())


def _registrations(workspace_id: int) -> Select[Any]:
    further: list[Any] = [LiveSession.course_id, _position().label("position")]
    rows = select(LiveRegistration, *further)
    return rows.join(LiveSession, LiveSession.id == LiveRegistration.live_session_id).where(
        LiveRegistration.workspace_id == workspace_id
    )


def _shown(row: Sequence[Any]) -> Registration:
    registration, course_id, position = row[:3]
    return Registration(
        course_id,
        registration.live_session_id,
        registration.member_id,
        registration.registered_by_id,
        registration.state,
        position,
        registration.is_overbooked,
        registration.minutes_attended,
        registration.registered_at,
        registration.changed_at,
    )


def _roster(context: Context, owner: Any, by: Any) -> Select[Any]:
    rows = (
        _registrations(context.signed_in.workspace_id)
        .join(Member, Member.id == LiveRegistration.member_id)
        .where(LiveRegistration.live_session_id == owner, Member.deleted_at.is_(None))
    )
    if by.state is not None:
        rows = rows.where(LiveRegistration.state.in_(by.state))
    if by.search is not None:
        columns = (Member.display_name, Member.user_name, Member.email)
        rows = rows.where(or_(*(contains(each, by.search) for each in columns)))
    return rows


IN_ORDER: Final = (
    func.coalesce(LiveRegistration.place, 0),
    func.lower(Member.display_name),
    LiveRegistration.id,
)
"""By name; after them those who wait, in their order."""

ROSTER: Final = Nested(
    "roster", LiveRegistration, IN_ORDER, _roster, show=lambda _, row: _shown(row)
)


async def registrations(
    root: Parent,
    info: Info,
    *,
    first: int | None = None,
    after: str | None = None,
    state: list[RegistrationState] | None = None,
    search: str | None = None,
) -> Listing:
    states = None if state is None else tuple(sorted(set(state)))
    by = Narrowing(states, search or None)
    return await ROSTER.page(info.context, root.id, first, after, by)


async def my_registration(root: Parent, info: Info) -> Registration | None:
    member_id = info.context.signed_in.member_id
    if member_id is None:
        return None
    return await info.context.load(registrations_of, (root.id, member_id))


async def registration(root: Parent, info: Info) -> Registration | None:
    """Of the person a row is about."""
    if root.live_session_id is None:
        return None
    return await info.context.load(registrations_of, (root.live_session_id, root.member_id))


async def live_session(root: Parent, info: Info) -> LiveSession | None:
    if root.live_session_id is None:
        return None
    return await info.context.load(visible_by_id, root.live_session_id)


async def registered_by(root: Parent, info: Info) -> Member | None:
    if root.registered_by_id is None:
        return None
    return await info.context.load(members_by_id, root.registered_by_id)


def results(root: Parent) -> Collection[RosterResult]:
    return [
        RosterResult(root.live_session_id, each["member_id"], RosterOutcome(each["outcome"]))
        for each in root.results
    ]


async def registrations_of(
    db: AsyncSession, context: Context, keys: Sequence[tuple[int, int]]
) -> list[Registration | None]:
    """By live session and person."""
    rows = await db.execute(
        _registrations(context.signed_in.workspace_id).where(
            LiveRegistration.live_session_id.in_({live_session_id for live_session_id, _ in keys}),
            LiveRegistration.member_id.in_({member_id for _, member_id in keys}),
        )
    )
    shown = [_shown(row) for row in rows]
    found = {(each.live_session_id, each.member_id): each for each in shown}
    return [found.get(key) for key in keys]
