"""Seats: how many are free, who gets them, and who gets those that become free.

All of it under the row lock of the live session. Nobody waits while a seat is free: whatever
frees one calls `fill`, which gives the free seats to those who wait, first come, first served.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.journal import record
from models.live_sessions import LiveRegistration, LiveSession, LiveSessionState, RegistrationState
from models.mail import MailKind
from operations.live_sessions import notices

SEATED: Final = frozenset(
    {
        RegistrationState.BOOKED,
        RegistrationState.ATTENDED,
        RegistrationState.PARTIAL,
        RegistrationState.NO_SHOW,
    }
)
"""Who has, or had, a seat."""

BELONGS: Final = """
(EXISTS (SELECT FROM member m WHERE m.id = r.member_id AND m.deleted_at IS NULL
            AND m.state <> 'DEACTIVATED')
 AND (EXISTS (SELECT FROM enrolment e WHERE e.member_id = r.member_id
                 AND e.course_id = s.course_id AND e.ended_at IS NULL)
      OR EXISTS (SELECT FROM course_role o WHERE o.course_id = s.course_id
                    AND o.member_id = r.member_id)
      OR EXISTS (SELECT FROM course_coordinator c WHERE c.course_id = s.course_id
                    AND c.member_id = r.member_id)))
"""
"""SQL: whether the person of registration `r` is still a learner or staff of the course of live
session `s`. Whoever is not gets no seat, and keeps none (`closing`)."""

_PROMOTE: Final = """
UPDATE live_registration SET state = 'BOOKED', place = NULL, changed_at = :at
  FROM (SELECT r.id AS next_id, r.place AS next_place
          FROM live_registration r JOIN live_session s ON s.id = r.live_session_id
         WHERE r.live_session_id = :id AND r.state = 'WAITLISTED' AND {belongs}
         ORDER BY r.place LIMIT CAST(:free AS bigint)) AS next
 WHERE live_registration.id = next_id
RETURNING live_registration.member_id, next_place
"""
PROMOTE: Final = text(_PROMOTE.format(belongs=BELONGS))

ENTER: Final = text("""
INSERT INTO live_registration (workspace_id, live_session_id, member_id, state, place,
                               is_overbooked, registered_at, registered_by_id, changed_at)
SELECT :workspace_id, :id, given.member_id, given.state, given.place, given.is_overbooked, :at,
       CAST(:by_id AS bigint), :at
  FROM unnest(CAST(:members AS bigint[]), CAST(:states AS text[]), CAST(:places AS bigint[]),
              CAST(:overbooked AS boolean[])) AS given(member_id, state, place, is_overbooked)
ON CONFLICT (live_session_id, member_id) DO UPDATE
   SET state = excluded.state, place = excluded.place, is_overbooked = excluded.is_overbooked,
       minutes_attended = NULL, registered_at = excluded.registered_at,
       registered_by_id = excluded.registered_by_id, changed_at = excluded.changed_at
""")


class Admission(StrEnum):
    """What became of somebody who wanted a seat."""

    BOOKED = "BOOKED"
    WAITLISTED = "WAITLISTED"
    ALREADY_BOOKED = "ALREADY_BOOKED"
    ALREADY_WAITLISTED = "ALREADY_WAITLISTED"
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class Seats:
    """How the seats of a live session stand."""

    capacity: int | None
    seated: int
    waiting: int

    @property
    def free(self) -> int | None:
        """How many are free; None: as many as come."""
        return None if self.capacity is None else max(0, self.capacity - self.seated)

    @property
    def has_room(self) -> bool:
        return self.free is None or self.free > 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One registration as it is to be: `number` is the person's place in the order of coming."""

    number: int
    state: RegistrationState
    is_overbooked: bool

    @property
    def place(self) -> int | None:
        return self.number if self.state is RegistrationState.WAITLISTED else None


def is_ahead(live_session: LiveSession, at: dt.datetime) -> bool:
    """Whether it is still to come: only then does anybody wait, or is anybody promoted."""
    return live_session.state is LiveSessionState.SCHEDULED and at < live_session.starts_at


async def count(db: AsyncSession, live_session: LiveSession) -> Seats:
    """How the seats stand now."""
    state = LiveRegistration.state
    row = await db.execute(
        select(
            func.count().filter(state.in_(SEATED)),
            func.count().filter(state == RegistrationState.WAITLISTED),
        ).where(LiveRegistration.live_session_id == live_session.id)
    )
    seated, waiting = row.one()
    return Seats(live_session.capacity, seated, waiting)


async def fill(
    db: AsyncSession, *, by: Caller, live_session: LiveSession, at: dt.datetime
) -> tuple[int, ...]:
    """Give the free seats to those who wait; who got one, in their order."""
    if not is_ahead(live_session, at):
        return ()
    seats = await count(db, live_session)
    if not seats.waiting or not seats.has_room:
        return ()
    told = {"id": live_session.id, "free": seats.free, "at": at}
    rows = sorted(await db.execute(PROMOTE, told), key=lambda row: row.next_place)
    for row in rows:
        record(
            db,
            by=by,
            verb="registration.promoted",
            course_id=live_session.course_id,
            member_id=row.member_id,
            before={"state": RegistrationState.WAITLISTED},
            after={"state": RegistrationState.BOOKED},
            detail={"liveSessionId": live_session.id},
        )
    await notices.tell(
        db,
        live_session=live_session,
        kind=MailKind.LIVE_SESSION_PROMOTED,
        people={row.member_id: row.next_place for row in rows},
        with_link=True,
    )
    return tuple(row.member_id for row in rows)


async def admit(
    db: AsyncSession,
    *,
    by: Caller,
    live_session: LiveSession,
    member_ids: Sequence[int],
    overbook: bool = False,
    at: dt.datetime,
) -> dict[int, Admission]:
    """Seat these people, in this order: on free seats; beyond them where `overbook` says so; else
    they wait, if there is a waitlist and the start is still to come."""
    await fill(db, by=by, live_session=live_session, at=at)
    seats = await count(db, live_session)
    before = await _states(db, live_session, member_ids)
    found: dict[int, Admission] = {}
    entries: dict[int, _Entry] = {}
    free, queue = seats.free, live_session.queue
    may_wait = is_ahead(live_session, at)
    for member_id in member_ids:
        admission = _admission(free, overbook, may_wait and live_session.has_waitlist)
        found[member_id] = _known(before.get(member_id), admission, may_wait=may_wait) or admission
        if found[member_id] in (Admission.BOOKED, Admission.WAITLISTED):
            queue += 1
            state = RegistrationState(found[member_id])
            is_booked = state is RegistrationState.BOOKED
            entries[member_id] = _Entry(queue, state, is_booked and free == 0)
            free = free - 1 if is_booked and free else free
    live_session.queue = queue
    await _enter(db, by, live_session, entries, at)
    return found


def _admission(free: int | None, overbook: bool, may_wait: bool) -> Admission:
    if free is None or free > 0 or overbook:
        return Admission.BOOKED
    return Admission.WAITLISTED if may_wait else Admission.FULL


def _known(
    before: RegistrationState | None, admission: Admission, *, may_wait: bool
) -> Admission | None:
    """What somebody is already; whoever waits keeps their place until there is a seat."""
    if before in SEATED:
        return Admission.ALREADY_BOOKED
    is_waiting = before is RegistrationState.WAITLISTED and may_wait
    if is_waiting and admission is not Admission.BOOKED:
        return Admission.ALREADY_WAITLISTED
    return None


async def _states(
    db: AsyncSession, live_session: LiveSession, member_ids: Sequence[int]
) -> Mapping[int, RegistrationState]:
    rows = await db.execute(
        select(LiveRegistration.member_id, LiveRegistration.state).where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.member_id.in_(member_ids),
        )
    )
    return {row.member_id: row.state for row in rows}


async def _enter(
    db: AsyncSession,
    by: Caller,
    live_session: LiveSession,
    entries: Mapping[int, _Entry],
    at: dt.datetime,
) -> None:
    if not entries:
        return
    told = {
        "workspace_id": live_session.workspace_id,
        "id": live_session.id,
        "by_id": by.member_id,
        "at": at,
        "members": list(entries),
        "states": [each.state.value for each in entries.values()],
        "places": [each.place for each in entries.values()],
        "overbooked": [each.is_overbooked for each in entries.values()],
    }
    await db.execute(ENTER, told)
    for member_id, each in entries.items():
        record(
            db,
            by=by,
            verb=f"registration.{each.state.lower()}",
            course_id=live_session.course_id,
            member_id=member_id,
            after={"state": each.state, "isOverbooked": each.is_overbooked},
            detail={"liveSessionId": live_session.id},
        )
    if live_session.ends_at > at:
        await _tell(db, live_session, entries)


async def _tell(db: AsyncSession, live_session: LiveSession, entries: Mapping[int, _Entry]) -> None:
    for state, kind in (
        (RegistrationState.BOOKED, MailKind.LIVE_SESSION_BOOKED),
        (RegistrationState.WAITLISTED, MailKind.LIVE_SESSION_WAITLISTED),
    ):
        people = {id: each.number for id, each in entries.items() if each.state is state}
        is_booked = state is RegistrationState.BOOKED
        await notices.tell(
            db, live_session=live_session, kind=kind, people=people, with_link=is_booked
        )
