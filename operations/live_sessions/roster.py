"""Placing people into live sessions, and taking them off, by those who run them."""

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import record
from models.live_sessions import LiveSession
from models.mail import MailKind
from models.people import MemberState
from models.workspaces import Workspace
from operations import people
from operations.live_sessions import notices, seats
from operations.live_sessions.locking import lock, refuse_canceled
from operations.refusals import Code, Refused
from operations.rights import require
from operations.wording import reason_of

WHO: Final = text("""
SELECT m.id, m.state,
       EXISTS (SELECT FROM enrolment e WHERE e.member_id = m.id AND e.course_id = :course_id
                  AND e.ended_at IS NULL) AS learns
  FROM member m
 WHERE m.workspace_id = :workspace_id AND m.id = ANY (CAST(:ids AS bigint[]))
   AND m.deleted_at IS NULL
""")

TAKE_OFF: Final = text("""
WITH before AS MATERIALIZED (
    SELECT r.id, r.state, r.place FROM live_registration r
     WHERE r.live_session_id = :id AND r.member_id = ANY (CAST(:ids AS bigint[]))
), off AS (
    UPDATE live_registration r
       SET state = 'CANCELLED_BY_USER', place = NULL, is_overbooked = FALSE, changed_at = :at
      FROM before WHERE before.id = r.id AND before.state IN ('BOOKED', 'WAITLISTED')
)
SELECT r.member_id, before.state FROM before JOIN live_registration r ON r.id = before.id
""")


class RosterOutcome(StrEnum):
    """What became of one person of a call."""

    BOOKED = "BOOKED"
    WAITLISTED = "WAITLISTED"
    ALREADY_BOOKED = "ALREADY_BOOKED"
    ALREADY_WAITLISTED = "ALREADY_WAITLISTED"
    FULL = "FULL"
    REMOVED = "REMOVED"
    MARKED = "MARKED"
    UNCHANGED = "UNCHANGED"
    NOT_REGISTERED = "NOT_REGISTERED"
    HAS_ATTENDANCE = "HAS_ATTENDANCE"
    SELF_ACTION = "SELF_ACTION"
    NOT_FOUND = "NOT_FOUND"
    NOT_LEARNER = "NOT_LEARNER"
    DEACTIVATED = "DEACTIVATED"


Outcomes = dict[int, RosterOutcome]
"""By member id, in the order in which people were named."""


async def place(
    db: AsyncSession,
    *,
    by: Caller,
    live_session_id: int,
    member_ids: Sequence[int],
    overbook: bool = False,
    at: dt.datetime,
) -> Outcomes:
    """Seat learners, in this order; beyond the capacity only where `overbook` says so aloud.

    The cut-off does not bind those who run it. After the start nobody is put on the waitlist, and
    some days after the end, as the workspace says, nobody is placed any more (M36).
    """
    people.at_most(member_ids)
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    await require(db, by, Permission.MANAGE_SESSION_ROSTER, course_id=live_session.course_id)
    refuse_canceled(live_session)
    await _refuse_late(db, live_session, at)
    found = await _who(db, live_session, member_ids)
    placeable = [id for id, outcome in found.items() if outcome is None]
    admitted = await seats.admit(
        db, by=by, live_session=live_session, member_ids=placeable, overbook=overbook, at=at
    )
    return {
        id: RosterOutcome(admitted[id]) if outcome is None else outcome
        for id, outcome in found.items()
    }


async def remove(
    db: AsyncSession,
    *,
    by: Caller,
    live_session_id: int,
    member_ids: Sequence[int],
    reason: str | None = None,
    at: dt.datetime,
) -> Outcomes:
    """Take people off: their seats are free for those who wait. Whoever attended, or was marked
    absent, stays; attendance is corrected, not taken away."""
    people.at_most(member_ids)
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    await require(db, by, Permission.MANAGE_SESSION_ROSTER, course_id=live_session.course_id)
    refuse_canceled(live_session)
    said = None if reason is None else reason_of(reason)
    told = {"id": live_session.id, "ids": sorted(set(member_ids)), "at": at}
    before = {row.member_id: row.state for row in await db.execute(TAKE_OFF, told)}
    found = {id: _taken_off(before.get(id)) for id in member_ids}
    gone = [id for id, outcome in found.items() if outcome is RosterOutcome.REMOVED]
    for member_id in gone:
        record(
            db,
            by=by,
            verb="registration.removed",
            course_id=live_session.course_id,
            member_id=member_id,
            before={"state": before[member_id]},
            after={"state": "CANCELLED_BY_USER"},
            detail={"liveSessionId": live_session.id},
            reason=said,
        )
    await _tell_removed(db, live_session, gone, said, at)
    await seats.fill(db, by=by, live_session=live_session, at=at)
    return found


async def _tell_removed(
    db: AsyncSession,
    live_session: LiveSession,
    gone: Collection[int],
    reason: str | None,
    at: dt.datetime,
) -> None:
    """Whoever is taken off again later is told again, so each round has a number of its own."""
    if gone and live_session.ends_at > at:
        live_session.queue += 1
        await notices.tell(
            db,
            live_session=live_session,
            kind=MailKind.LIVE_SESSION_CANCELLED,
            people=dict.fromkeys(gone, f"off-{live_session.queue}"),
            reason=reason or "You were taken off its list.",
        )


def _taken_off(before: str | None) -> RosterOutcome:
    match before:
        case "BOOKED" | "WAITLISTED":
            return RosterOutcome.REMOVED
        case None | "CANCELLED_BY_USER" | "CANCELLED_SESSION":
            return RosterOutcome.NOT_REGISTERED
        case _:
            return RosterOutcome.HAS_ATTENDANCE


async def _refuse_late(db: AsyncSession, live_session: LiveSession, at: dt.datetime) -> None:
    """Raises TOO_LATE (M36)."""
    if live_session.ends_at > at:
        return
    limit = await db.scalar(
        select(Workspace.late_placement_days).where(Workspace.id == live_session.workspace_id)
    )
    days = math.ceil((at - live_session.ends_at) / dt.timedelta(days=1))
    if days > (limit or 0):
        raise Refused(
            Code.TOO_LATE,
            f"People are placed up to {limit} days after the end; this is day {days}.",
            {"limit": limit, "actual": days, "endedAt": live_session.ends_at.isoformat()},
        )


async def _who(
    db: AsyncSession, live_session: LiveSession, member_ids: Sequence[int]
) -> Mapping[int, RosterOutcome | None]:
    """Why somebody cannot be placed; None for whoever can."""
    asked = {
        "workspace_id": live_session.workspace_id,
        "course_id": live_session.course_id,
        "ids": sorted(set(member_ids)),
    }
    rows = {row.id: row for row in await db.execute(WHO, asked)}
    found: dict[int, RosterOutcome | None] = {}
    for id in member_ids:
        row = rows.get(id)
        if row is None:
            found[id] = RosterOutcome.NOT_FOUND
        elif row.state == MemberState.DEACTIVATED:
            found[id] = RosterOutcome.DEACTIVATED
        else:
            found[id] = None if row.learns else RosterOutcome.NOT_LEARNER
    return found
