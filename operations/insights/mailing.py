"""Figures of a course by mail, to oneself: asked for now, read when the mail goes out.

What waits in the outbox are no figures, only for whom and of what. So the mail says how things
stand when it is sent, and whoever may not see them any more by then gets none.
"""

import datetime as dt
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.journal import record
from models.mail import Mail, MailKind
from models.people import Member
from operations import mail
from operations.insights import courses
from operations.insights.asking import ask
from operations.insights.cells import Narrow
from operations.insights.courses import CourseInsights
from operations.jobs.rights import LIMITED_TO, limits_of, person
from operations.mail import Letter
from operations.refusals import Code, Denied, Refused

MOST_A_DAY: Final = 20
"""So many mails with figures one gets on a day (in UTC), of all courses together."""

COURSE_ID: Final = "course_id"


async def mail_insights(db: AsyncSession, *, by: Caller, course_id: int, at: dt.datetime) -> None:
    """Have the figures of a course mailed to the caller. Raises NOT_FOUND, Denied, NO_ADDRESS, and
    LIMIT_REACHED for who has asked for too many today."""
    if by.member_id is None:
        raise Refused(Code.BAD_USER_INPUT, "Mail is sent to people: sign in as one.")
    await ask(
        db, by, course_id, asked=Permission.VIEW_COURSE_INSIGHTS, sees=Permission.LIST_LEARNERS
    )
    told = await db.execute(
        select(Member.email, Member.display_name).where(
            Member.workspace_id == by.workspace_id, Member.id == by.member_id
        )
    )
    address, name = told.one()
    if address is None:
        raise Refused(Code.NO_ADDRESS, "No e-mail address of yours is known; add one first.")
    key = await _queued(
        db,
        by,
        keys=[f"course-insights:{by.member_id}:{at:%Y-%m-%d}:{n}" for n in range(MOST_A_DAY)],
        recipient=(by.member_id, address),
        parameters={COURSE_ID: course_id, "name": name, LIMITED_TO: limits_of(by)},
    )
    record(
        db,
        by=by,
        verb="insights.requested",
        course_id=course_id,
        detail={"kind": MailKind.COURSE_INSIGHTS, "key": key},
    )


async def figures_for(
    db: AsyncSession, *, letter: Letter, at: dt.datetime
) -> CourseInsights | None:
    """The figures a mail is about, as its reader may see them in this transaction; None for who
    may not any more, is not there, or has another address."""
    [member_id] = letter.member_ids
    by = await person(
        db,
        workspace_id=letter.workspace_id,
        member_id=member_id,
        limits=letter.parameters.get(LIMITED_TO),
    )
    if by is None or await _address(db, by) != letter.recipients[0]:
        return None
    try:
        return await courses.course_insights(
            db, by=by, course_id=letter.parameters[COURSE_ID], to=Narrow(), at=at
        )
    except (Denied, Refused):
        return None


async def _queued(
    db: AsyncSession,
    by: Caller,
    *,
    keys: list[str],
    recipient: tuple[int, str],
    parameters: dict[str, object],
) -> str:
    """Queue it under the first of these keys that is free, and say which. The keys are unique, so
    no two can take the same."""
    rows = await db.scalars(
        select(Mail.key).where(Mail.workspace_id == by.workspace_id, Mail.key.in_(keys))
    )
    taken = set(rows)
    for key in keys:
        if key not in taken and await mail.queue(
            db,
            workspace_id=by.workspace_id,
            key=key,
            kind=MailKind.COURSE_INSIGHTS,
            recipients=[recipient],
            parameters=parameters,
        ):
            return key
    raise Refused(
        Code.LIMIT_REACHED,
        f"You have asked for {len(keys)} mails with figures today, and more are not sent: look at "
        "them in the workspace, or ask again tomorrow.",
        {"limit": len(keys), "actual": len(keys)},
    )


async def _address(db: AsyncSession, by: Caller) -> str | None:
    return await db.scalar(
        select(Member.email).where(
            Member.workspace_id == by.workspace_id, Member.id == by.member_id
        )
    )
