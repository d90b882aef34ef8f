"""Who teaches a live session: people who may mark attendance on its course."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope, holders_of
from models.catalog import Course
from models.journal import record
from models.live_sessions import LiveSession, LiveSessionStaff
from operations import holders
from operations.live_sessions.locking import (
    lock,
    refuse_canceled,
    refuse_over,
    refuse_self_paced,
)
from operations.refusals import Code, Refused, not_found
from operations.rights import require

MOST = 50


async def staff(
    db: AsyncSession,
    *,
    by: Caller,
    live_session_id: int,
    add: Collection[int] = (),
    remove: Collection[int] = (),
    at: dt.datetime,
) -> LiveSession:
    """Say who teaches it and who does no longer; whoever does already, or does not, is passed
    over. NOT_STAFF names everybody who may not mark attendance on the course; nothing is done."""
    live_session = await lock(db, by=by, live_session_id=live_session_id)
    await require(db, by, Permission.MANAGE_SESSIONS, course_id=live_session.course_id)
    refuse_self_paced(await db.get_one(Course, live_session.course_id))
    refuse_canceled(live_session)
    refuse_over(live_session, at)
    await put(db, by=by, live_session=live_session, add=add, remove=remove)
    return live_session


async def put(
    db: AsyncSession,
    *,
    by: Caller,
    live_session: LiveSession,
    add: Collection[int] = (),
    remove: Collection[int] = (),
) -> None:
    """The same for a live session that is locked, or new, and may be changed."""
    both = sorted(set(add) & set(remove))
    if both:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"{len(both)} of these people are to be added and removed at once.",
            {"memberIds": both},
        )
    rows = await db.scalars(
        select(LiveSessionStaff.member_id).where(
            LiveSessionStaff.live_session_id == live_session.id
        )
    )
    before = set(rows)
    new, gone = sorted(set(add) - before), sorted(set(remove) & before)
    await _refuse_others(db, live_session, new)
    _refuse_crowd(len(before) + len(new) - len(gone))
    if new:
        await db.execute(insert(LiveSessionStaff), [_row(by, live_session, id) for id in new])
    if gone:
        await db.execute(
            delete(LiveSessionStaff).where(
                LiveSessionStaff.live_session_id == live_session.id,
                LiveSessionStaff.member_id.in_(gone),
            )
        )
    for word, ids in (("staffed", new), ("unstaffed", gone)):
        for member_id in ids:
            record(
                db,
                by=by,
                verb=f"live_session.{word}",
                course_id=live_session.course_id,
                member_id=member_id,
                detail={"liveSessionId": live_session.id},
            )


def _row(by: Caller, live_session: LiveSession, member_id: int) -> dict[str, int | None]:
    return {
        "live_session_id": live_session.id,
        "member_id": member_id,
        "workspace_id": live_session.workspace_id,
        "added_by_id": by.member_id,
    }


async def _refuse_others(
    db: AsyncSession, live_session: LiveSession, member_ids: Collection[int]
) -> None:
    if not member_ids:
        return
    course = await holders.thing(
        db, live_session.workspace_id, Scope.COURSE, live_session.course_id
    )
    if course is None:
        raise not_found("course")
    principals = [who for who, bound in holders_of(Permission.MARK_ATTENDANCE) if bound is None]
    roles = await holders.roles_towards(db, live_session.workspace_id, course, principals)
    may = {each.member_id for each in roles if each.counts and each.is_here}
    others = sorted(set(member_ids) - may)
    if others:
        raise Refused(
            Code.NOT_STAFF,
            f"{len(others)} of these people neither manage nor teach this course: give them a"
            " role, or Teach, first.",
            {"memberIds": others},
        )


def _refuse_crowd(count: int) -> None:
    if count > MOST:
        raise Refused(
            Code.LIMIT_REACHED,
            f"At most {MOST} people teach one live session; these would be {count}.",
            {"limit": MOST, "count": count},
        )
