"""What stands in somebody's calendar, and the secret its address holds.

Programs that show calendars sign in nowhere, so whoever has the address reads the calendar. The
secret is 256 random bits, of which only the SHA-256 is stored; a new one ends the one before. While
its person is deactivated an address opens nothing.

In a calendar stand the live sessions where its person has a seat, waits for one, or teaches, as
far as the person may see their courses now; those called off stand there as such. They stay until
`PAST` after their end, and where there are more than `MOST`, those that begin first are left out.
"""

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, and_, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, Origin
from access.permissions import Permission, Scope
from models.catalog import Course
from models.journal import record
from models.live_sessions import (
    CalendarFeed,
    LiveRegistration,
    LiveSession,
    LiveSessionStaff,
    LiveSessionState,
    RegistrationState,
)
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations.live_sessions.locking import LOOKS_AFTER, seen, seen_by
from operations.live_sessions.seats import SEATED
from operations.refusals import Code, Denied, Refused, not_found
from operations.rights import Rights

PAST: Final = dt.timedelta(days=90)
MOST: Final = 1_000
SECRET_BYTES: Final = 32

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_COMING: Final = (*SEATED, RegistrationState.CANCELLED_SESSION)


@dataclass(frozen=True, slots=True)
class Entry:
    """A live session as one person's calendar shows it. `link` is None for whoever may not join;
    `changed_at` is when anything of this last changed."""

    live_session: LiveSession
    course_title: str
    changed_at: dt.datetime
    is_waiting: bool
    is_teaching: bool
    link: str | None

    @property
    def is_canceled(self) -> bool:
        return self.live_session.state is LiveSessionState.CANCELLED


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that stands in the calendar of one person, by time."""

    workspace: str
    entries: tuple[Entry, ...]


async def renew(db: AsyncSession, *, by: Caller, at: dt.datetime) -> str:
    """A new secret for the address of one's own calendar, which is shown this once; the address
    before, if there was one, opens nothing any more."""
    member_id = _oneself(by)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = insert(CalendarFeed).values(
        member_id=member_id,
        workspace_id=by.workspace_id,
        secret_sha256=_digest(secret),
        created_at=at,
    )
    new = {"secret_sha256": made.excluded.secret_sha256, "created_at": made.excluded.created_at}
    await db.execute(made.on_conflict_do_update(index_elements=["member_id"], set_=new))
    record(db, by=by, verb="calendar_feed.renewed", member_id=member_id)
    return secret


async def end(db: AsyncSession, *, by: Caller) -> bool:
    """Let the address of one's own calendar open nothing any more; whether there was one."""
    member_id = _oneself(by)
    ended = await db.execute(
        delete(CalendarFeed)
        .where(CalendarFeed.workspace_id == by.workspace_id, CalendarFeed.member_id == member_id)
        .returning(CalendarFeed.member_id)
    )
    if ended.first() is None:
        return False
    record(db, by=by, verb="calendar_feed.ended", member_id=member_id)
    return True


async def since(db: AsyncSession, *, by: Caller) -> dt.datetime | None:
    """Since when one's own calendar has the address it has."""
    found: dt.datetime | None = await db.scalar(
        select(CalendarFeed.created_at).where(
            CalendarFeed.workspace_id == by.workspace_id, CalendarFeed.member_id == by.member_id
        )
    )
    return found


async def behind(db: AsyncSession, *, secret: str, at: dt.datetime) -> Calendar:
    """The calendar this secret opens. NOT_FOUND alike where it never was one, has ended, or its
    person is deactivated."""
    found = None
    if _SHAPE.fullmatch(secret):
        rows = await db.execute(_owner(secret))
        found = rows.one_or_none()
    if found is None:
        raise not_found("calendar")
    by = Caller(found.workspace_id, found.display_name, Origin.GRAPHQL, member_id=found.id)
    return Calendar(found.workspace, await of_person(db, by=by, at=at))


async def of_person(db: AsyncSession, *, by: Caller, at: dt.datetime) -> tuple[Entry, ...]:
    """What stands in one's own calendar, by time: one statement, however much."""
    waiting = and_(
        LiveRegistration.state == RegistrationState.WAITLISTED,
        LiveSession.waitlist_ended_at.is_(None),
        LiveSession.starts_at > at,
    )
    is_mine = or_(
        LiveRegistration.state.in_(_COMING), waiting, LiveSessionStaff.member_id.is_not(None)
    )
    rows = await db.execute(
        _with_oneself(seen_by(by), by)
        .where(LiveSession.ends_at > at - PAST, is_mine)
        .order_by(LiveSession.starts_at.desc(), LiveSession.id.desc())
        .limit(MOST)
    )
    entries = [_entry(row) for row in rows]
    return tuple(reversed(entries))


async def of_live_session(db: AsyncSession, *, by: Caller, live_session_id: int) -> Entry:
    """One live session, for whoever may see it. Raises NOT_FOUND."""
    found = await seen(db, by=by, live_session_id=live_session_id)
    rows = await db.execute(
        _with_oneself(select(LiveSession), by).where(
            LiveSession.workspace_id == by.workspace_id, LiveSession.id == found.id
        )
    )
    return _entry(rows.one(), looks_after=await _looks_after(db, by, found.course_id))


async def _looks_after(db: AsyncSession, by: Caller, course_id: int) -> bool:
    rights = Rights(by)
    await rights.prepare(db, courses=[course_id])
    return any(rights.decide(each, Scope.COURSE, course_id).allowed for each in LOOKS_AFTER)


def _with_oneself(rows: Select[Any], by: Caller) -> Select[Any]:
    """The live sessions, each with its course and what the caller has to do with it."""
    mine = and_(
        LiveRegistration.live_session_id == LiveSession.id,
        LiveRegistration.member_id == by.member_id,
    )
    teaching = and_(
        LiveSessionStaff.live_session_id == LiveSession.id,
        LiveSessionStaff.member_id == by.member_id,
    )
    return (
        rows.add_columns(
            Course.title.label("course_title"),
            LiveRegistration.state.label("part"),
            LiveRegistration.changed_at.label("part_changed_at"),
            LiveSessionStaff.since.label("teaching_since"),
        )
        .join(Course, Course.id == LiveSession.course_id)
        .outerjoin(LiveRegistration, mine)
        .outerjoin(LiveSessionStaff, teaching)
    )


def _entry(row: Row[Any], *, looks_after: bool = False) -> Entry:
    live_session: LiveSession = row.LiveSession
    is_teaching = row.teaching_since is not None
    changes = (live_session.changed_at, row.part_changed_at, row.teaching_since)
    may_join = looks_after or is_teaching or row.part in SEATED
    return Entry(
        live_session,
        row.course_title,
        changed_at=max(each for each in changes if each is not None),
        is_waiting=row.part is RegistrationState.WAITLISTED and not is_teaching,
        is_teaching=is_teaching,
        link=live_session.link if may_join else None,
    )


def _owner(secret: str) -> Select[int, int, str, str]:
    return (
        select(
            Member.workspace_id, Member.id, Member.display_name, Workspace.name.label("workspace")
        )
        .join(CalendarFeed, CalendarFeed.member_id == Member.id)
        .join(Workspace, Workspace.id == Member.workspace_id)
        .where(
            CalendarFeed.secret_sha256 == _digest(secret),
            Member.state == MemberState.ACTIVE,
            Member.deleted_at.is_(None),
        )
    )


def _oneself(by: Caller) -> int:
    """Whose calendar it is. A limited token makes no address, for it would show more than it."""
    if by.member_id is None:
        raise Denied(Permission.VIEW_COURSE_INFO, Scope.WORKSPACE)
    if by.limited_to is not None:
        raise Refused(
            Code.BAD_USER_INPUT,
            "The token used is limited to scopes, and the address of a calendar is not: sign in"
            " without limits to make or end one.",
        )
    return by.member_id


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
