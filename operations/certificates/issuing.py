"""The life of a certificate: ISSUED → SUPERSEDED | REVOKED | EXPIRED (M6, M7, M38, H4).

Whoever changes certificates of a person and course holds the row of progress, so at most one is
ISSUED. Numbers are taken under the row lock of the workspace's register, after all others but the
journal's. No row is ever removed.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller, system
from access.permissions import Permission
from models.catalog import Course
from models.certificates import Certificate, CertificateState
from models.journal import cause_of, record
from models.mail import MailKind
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations import courses, mail
from operations.certificates import printing, reading, templates
from operations.certificates.codes import new_code
from operations.certificates.days import Days
from operations.certificates.statements import (
    COMPLETED,
    EXPIRE,
    GIVE_WAY,
    ISSUE,
    JUST_COMPLETED,
    NUMBER,
    REVOKE,
)
from operations.learning import progress, self_action
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from operations.wording import reason_of


async def generate(
    db: AsyncSession, *, by: Caller, course_id: int, member_id: int, at: dt.datetime
) -> Certificate:
    """A certificate of what somebody has completed; a former one is SUPERSEDED (M6).

    Raises NOT_COMPLETED, and SELF_ACTION where it would be one's own (M38).
    """
    course = await courses.seen(db, by=by, course_id=course_id)
    await progress.lock_existing(
        db, workspace_id=by.workspace_id, course_id=course_id, member_ids=[member_id]
    )
    await require(db, by, Permission.GENERATE_CERTIFICATE, course_id=course_id)
    await _refuse_strangers(db, by, member_id)
    await self_action.refuse(db, by=by, member_ids=[member_id])
    told = {"workspace_id": by.workspace_id, "course_id": course_id, "members": [member_id]}
    completed = (await db.execute(COMPLETED, told)).all()
    if not completed:
        raise Refused(
            Code.NOT_COMPLETED,
            "The course is not completed; a certificate can be made once it is.",
            {"memberId": member_id},
        )
    [made] = await _issue(db, by=by, course=course, completed=completed, at=at)
    return made


async def issue_on_completion(
    db: AsyncSession, *, by: Caller, course_id: int, member_ids: Collection[int], at: dt.datetime
) -> tuple[int, ...]:
    """Give a certificate to those of these people, whose progress is locked, who have just
    completed the course, if it certifies completion; who got one. It may be called again.

    A completion that was certified once, by whomever, is not certified again by itself: what was
    revoked stays so.
    """
    await db.flush()
    course = await db.scalar(
        select(Course).where(
            Course.workspace_id == by.workspace_id,
            Course.id == course_id,
            Course.certifies_completion,
        )
    )
    if course is None or not member_ids:
        return ()
    told = {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "members": sorted(member_ids),
        "renews": course.certificate_days is not None,
        "at": at,
    }
    completed = (await db.execute(JUST_COMPLETED, told)).all()
    if not completed:
        return ()
    made = await _issue(db, by=by, course=course, completed=completed, at=at, is_automatic=True)
    return tuple(sorted(each.member_id for each in made))


async def remove(
    db: AsyncSession, *, by: Caller, certificate_id: int, reason: str, at: dt.datetime
) -> Certificate:
    """Revoke a certificate, for a reason (M7). The row stays, and strangers are told.

    Raises CERTIFICATE_ENDED where it does not hold any more, and SELF_ACTION for one's own (M38).
    """
    found = await reading.seen(db, by, certificate_id)
    return await _remove(db, by=by, found=found, reason=reason, at=at)


async def remove_of(
    db: AsyncSession, *, by: Caller, course_id: int, member_id: int, reason: str, at: dt.datetime
) -> Certificate:
    """The same for the newest certificate somebody has of a course; raises NOT_FOUND too."""
    found = await db.scalar(
        reading.seen_by(by)
        .where(Certificate.course_id == course_id, Certificate.member_id == member_id)
        .order_by(Certificate.id.desc())
        .limit(1)
    )
    if found is None:
        raise not_found(reading.NOUN)
    return await _remove(db, by=by, found=found, reason=reason, at=at)


async def revoke(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_ids: Collection[int],
    reason: str,
    at: dt.datetime,
) -> tuple[int, ...]:
    """Revoke what holds of these people, whose progress is locked; of whom there was one."""
    await require(db, by, Permission.REMOVE_CERTIFICATE, course_id=course_id)
    told = {
        "workspace_id": by.workspace_id,
        "course_id": course_id,
        "members": sorted(member_ids),
        "by_id": by.member_id,
        "reason": reason_of(reason),
        "at": at,
    }
    revoked = await _changed(db, REVOKE, told)
    for each in revoked:
        _tell(db, by, each, reason=each.reason)
    return tuple(sorted(each.member_id for each in revoked))


async def expire(db: AsyncSession, *, at: dt.datetime, limit: int) -> int:
    """Write down, for all workspaces, that the time of up to `limit` certificates is over."""
    expired = await _changed(db, EXPIRE, {"at": at, "limit": limit})
    for each in sorted(expired, key=lambda each: each.id):
        _tell(db, system(each.workspace_id), each)
    return len(expired)


async def _remove(
    db: AsyncSession, *, by: Caller, found: Certificate, reason: str, at: dt.datetime
) -> Certificate:
    course_id, member_id = found.course_id, found.member_id
    await progress.lock_existing(
        db, workspace_id=by.workspace_id, course_id=course_id, member_ids=[member_id]
    )
    await require(db, by, Permission.REMOVE_CERTIFICATE, course_id=course_id)
    await self_action.refuse(db, by=by, member_ids=[member_id])
    reason = reason_of(reason)
    await db.refresh(found, with_for_update={"key_share": True})
    state = reading.state_at(found, at)
    if state is not CertificateState.ISSUED:
        raise Refused(
            Code.CERTIFICATE_ENDED,
            f"{found.printed['serial']} is {state} already; only what holds can be removed.",
            {"state": state},
        )
    await revoke(db, by=by, course_id=course_id, member_ids=[member_id], reason=reason, at=at)
    return found


async def _refuse_strangers(db: AsyncSession, by: Caller, member_id: int) -> None:
    is_there = await db.scalar(
        select(Member.id).where(
            Member.workspace_id == by.workspace_id,
            Member.id == member_id,
            Member.deleted_at.is_(None),
        )
    )
    if is_there is None:
        raise not_found("member")


async def _issue(
    db: AsyncSession,
    *,
    by: Caller,
    course: Course,
    completed: Sequence[Row[Any]],
    at: dt.datetime,
    is_automatic: bool = False,
) -> Sequence[Certificate]:
    """The certificates of these completions, in the order of their numbers."""
    workspace = await db.get_one(Workspace, by.workspace_id)
    version, content = await templates.newest(db, workspace_id=by.workspace_id, course_id=course.id)
    by_id = None if is_automatic else by.member_id
    members = [row.member_id for row in completed]
    told = {**_of(workspace), "course_id": course.id, "members": members, "at": at, "by_id": by_id}
    for former in sorted(await _changed(db, GIVE_WAY, told), key=lambda each: each.id):
        _tell(db, by, former)
    days = Days(workspace, course, at)
    head: int = (await db.execute(NUMBER, {**_of(workspace), "count": len(members)})).scalar_one()
    rows = [
        {
            "member_id": row.member_id,
            "attempt_id": row.attempt_id,
            "serial": serial,
            "code": new_code(),
            "printed": printing.printed(
                content, days.facts_of(row.display_name, row.completed_at, row.percent, serial)
            ),
        }
        for serial, row in enumerate(completed, start=head - len(members) + 1)
    ]
    made = await _changed(
        db,
        ISSUE,
        told
        | {
            "rows": json.dumps(rows),
            "version": version,
            "expires_at": days.expires_at,
            "cause": cause_of(db),
        },
    )
    for each in made:
        _tell(db, by, each)
    await _write_to(db, completed, made)
    return made


async def _changed(
    db: AsyncSession, statement: Any, told: Mapping[str, Any]
) -> Sequence[Certificate]:
    """The certificates a statement returns, as they are after it."""
    found = await db.scalars(
        select(Certificate).from_statement(statement),
        told,
        execution_options={"populate_existing": True},
    )
    return found.all()


async def _write_to(
    db: AsyncSession, completed: Sequence[Row[Any]], made: Sequence[Certificate]
) -> None:
    """Tell the people who have an account, with the code to check it by."""
    people = [row.member_id for row in completed if row.state == MemberState.ACTIVE]
    theirs = {each.member_id: each for each in made if each.member_id in people}
    await mail.queue_each(
        db,
        workspace_id=made[0].workspace_id,
        kind=MailKind.CERTIFICATE_ISSUED,
        keys={id: f"certificate:{each.id}" for id, each in theirs.items()},
        parameters={"course": made[0].printed["courseTitle"]},
        own={
            id: {
                "learner": each.printed["learnerName"],
                "serial": each.printed["serial"],
                "issued_on": each.printed["issuedDate"],
                "expires_on": each.printed["expiresDate"],
                "code": each.code,
            }
            for id, each in theirs.items()
        },
    )


def _of(workspace: Workspace) -> dict[str, int]:
    return {"workspace_id": workspace.id}


def _tell(
    db: AsyncSession, by: Caller, certificate: Certificate, reason: str | None = None
) -> None:
    """One entry about what has just become of it. The code is not in it: it opens the page."""
    said = {"certificateId": certificate.id, "serial": certificate.printed["serial"]}
    record(
        db,
        by=by,
        verb=f"certificate.{certificate.state.lower()}",
        course_id=certificate.course_id,
        member_id=certificate.member_id,
        after=said,
        reason=reason,
    )
