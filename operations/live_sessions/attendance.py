"""Who was there: marked after the start, corrected whenever it turns out otherwise."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.journal import record
from models.live_sessions import LiveRegistration, LiveSession
from models.progress import AttemptOrigin
from operations import people
from operations.learning import attempts, progress, self_action
from operations.live_sessions.locking import lock, refuse_canceled, seen
from operations.live_sessions.roster import Outcomes, RosterOutcome
from operations.live_sessions.seats import SEATED
from operations.refusals import Code, Refused
from operations.rights import require

MOST_MINUTES: Final = 31 * 24 * 60

WRITE: Final = text("""
UPDATE live_registration r
   SET state = given.state, minutes_attended = given.minutes, changed_at = :at
  FROM unnest(CAST(:members AS bigint[]), CAST(:states AS text[]), CAST(:minutes AS integer[]))
       AS given(member_id, state, minutes)
 WHERE r.live_session_id = :id AND r.member_id = given.member_id
""")


class Attendance(StrEnum):
    """Whether somebody was there."""

    ATTENDED = "ATTENDED"
    PARTIAL = "PARTIAL"
    NO_SHOW = "NO_SHOW"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said of one person: attended, partly, or not; and for how many minutes."""

    member_id: int
    state: Attendance
    minutes: int | None = None


async def mark(
    db: AsyncSession,
    *,
    by: Caller,
    live_session_id: int,
    marks: Sequence[Mark],
    at: dt.datetime,
) -> Outcomes:
    """Say who of those with a seat was there; saying it again corrects it, and the journal keeps
    what was said before.

    Where the course says so, attending completes it. What was completed stays so when attendance
    is corrected: it is reset as any other. Nobody completes a course for themself like this,
    unless the workspace lets them (M38).
    """
    _refuse_unclear(marks)
    live_session = await seen(db, by=by, live_session_id=live_session_id)
    await require(db, by, Permission.MARK_ATTENDANCE, course_id=live_session.course_id)
    course = await db.get_one(Course, live_session.course_id)
    wanted = {each.member_id: each for each in marks}
    if course.attendance_completes:
        await _lock_progress(db, live_session, wanted)
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    refuse_canceled(live_session)
    _refuse_early(live_session, at)
    before = await _before(db, live_session, wanted)
    by_oneself = await _refused_to_oneself(db, by, course, wanted)
    found = {
        id: RosterOutcome.SELF_ACTION if id == by_oneself else _outcome(each, before.get(id))
        for id, each in wanted.items()
    }
    marked = [wanted[id] for id, each in found.items() if each is RosterOutcome.MARKED]
    await _write(db, live_session, marked, at)
    _tell(db, by, live_session, marked, before)
    attended = [each.member_id for each in marked if each.state is Attendance.ATTENDED]
    if course.attendance_completes and attended:
        await attempts.complete(
            db,
            by=by,
            course_id=course.id,
            member_ids=attended,
            origin=AttemptOrigin.ATTENDANCE,
            at=at,
        )
    return found


async def _lock_progress(
    db: AsyncSession, live_session: LiveSession, member_ids: Collection[int]
) -> None:
    """Progress comes before the live session in the order of locks. Those on the roster only: who
    is put on it meanwhile is told to be marked again."""
    rows = await db.scalars(
        select(LiveRegistration.member_id).where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.member_id.in_(member_ids),
            LiveRegistration.state.in_(SEATED),
        )
    )
    on_it = rows.all()
    if on_it:
        await progress.lock_existing(
            db,
            workspace_id=live_session.workspace_id,
            course_id=live_session.course_id,
            member_ids=on_it,
        )


async def _before(
    db: AsyncSession, live_session: LiveSession, member_ids: Collection[int]
) -> Mapping[int, Any]:
    rows = await db.execute(
        select(
            LiveRegistration.member_id, LiveRegistration.state, LiveRegistration.minutes_attended
        ).where(
            LiveRegistration.live_session_id == live_session.id,
            LiveRegistration.member_id.in_(member_ids),
        )
    )
    return {row.member_id: row for row in rows}


async def _refused_to_oneself(
    db: AsyncSession, by: Caller, course: Course, wanted: Mapping[int, Mark]
) -> int | None:
    """The caller, where marking themself would complete the course for them."""
    mine = wanted.get(by.member_id or 0)
    is_completing = mine is not None and mine.state is Attendance.ATTENDED
    if not is_completing or not course.attendance_completes:
        return None
    is_refused = await self_action.concerns(db, by=by, member_ids=list(wanted))
    return by.member_id if is_refused else None


def _outcome(wanted: Mark, before: Any) -> RosterOutcome:
    if before is None or before.state not in SEATED:
        return RosterOutcome.NOT_REGISTERED
    if (before.state.value, before.minutes_attended) == (wanted.state.value, wanted.minutes):
        return RosterOutcome.UNCHANGED
    return RosterOutcome.MARKED


async def _write(
    db: AsyncSession, live_session: LiveSession, marked: Sequence[Mark], at: dt.datetime
) -> None:
    if marked:
        told = {
            "id": live_session.id,
            "at": at,
            "members": [each.member_id for each in marked],
            "states": [each.state.value for each in marked],
            "minutes": [each.minutes for each in marked],
        }
        await db.execute(WRITE, told)


def _tell(
    db: AsyncSession,
    by: Caller,
    live_session: LiveSession,
    marked: Sequence[Mark],
    before: Mapping[int, Any],
) -> None:
    for each in marked:
        former = before[each.member_id]
        record(
            db,
            by=by,
            verb="registration.marked",
            course_id=live_session.course_id,
            member_id=each.member_id,
            before={"state": former.state, "minutes": former.minutes_attended},
            after={"state": each.state, "minutes": each.minutes},
            detail={"liveSessionId": live_session.id},
        )


def _refuse_unclear(marks: Sequence[Mark]) -> None:
    people.at_most(marks)
    if len({each.member_id for each in marks}) < len(marks):
        raise _bad("Somebody is marked twice in one call.")
    for each in marks:
        if each.minutes is not None and not 0 <= each.minutes <= MOST_MINUTES:
            raise _bad(f"Minutes attended are 0 to {MOST_MINUTES}, not {each.minutes}.")
        if each.state is Attendance.NO_SHOW and each.minutes:
            raise _bad("Whoever did not show up attended for no minutes.")


def _refuse_early(live_session: LiveSession, at: dt.datetime) -> None:
    if at < live_session.starts_at:
        raise Refused(
            Code.TOO_SOON,
            f"Attendance is marked once it has begun, from {live_session.starts_at.isoformat()}.",
            {"startsAt": live_session.starts_at.isoformat()},
        )


def _bad(message: str) -> Refused:
    return Refused(Code.BAD_USER_INPUT, message, {"argument": "entries"})
