"""Asking for long work, and calling it off.

A job belongs to whoever asked for it: nobody else sees it, nor what came of it.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Select, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from models.jobs import FileFormat, Job, JobKind, JobState
from models.journal import cause_of, record
from models.people import Member, MemberState
from operations.jobs.ending import ends_at, stays, tallied, verb_of
from operations.jobs.rights import ASKS, LIMITED_TO, ask, limits_of
from operations.refusals import Code, Refused, not_found

WAITING: Final = (JobState.QUEUED, JobState.RUNNING)
CALLED_OFF: Final = (*WAITING, JobState.CHECKED)
"""What can be."""

MOST_OF_ONE: Final = 10
MOST_OF_ALL: Final = 100
LONGEST_SAID: Final = 10_000

SAID: Final = "said"
"""Under which of a job's parameters stands what was asked for."""

_ONE_AT_A_TIME: Final = -7
"""First key of the advisory lock under which a workspace's jobs are counted; the second is the
workspace's id."""


async def request(
    db: AsyncSession,
    *,
    by: Caller,
    kind: JobKind,
    format: FileFormat,
    course_id: int | None,
    parameters: Mapping[str, Any],
    at: dt.datetime,
) -> Job:
    """Have a file made. Raises Denied, NOT_FOUND, COURSE_NOT_ACTIVE, and LIMIT_REACHED where as
    many files as may be are waited for."""
    refuse_nobody(by)
    await ask(db, by=by, kind=kind, course_id=course_id)
    refuse_long(parameters)
    await refuse_too_many(db, by)
    job = Job(kind=kind, format=format, course_id=course_id, created_at=at)
    return await put_in_line(db, by=by, job=job, asked=parameters)


async def put_in_line(db: AsyncSession, *, by: Caller, job: Job, asked: Mapping[str, Any]) -> Job:
    """Have this done, for whom it was found that they may ask for it."""
    job.workspace_id, job.requested_by_id = by.workspace_id, by.member_id or 0
    job.parameters = {SAID: dict(asked), LIMITED_TO: limits_of(by)}
    job.cause, job.done, job.runs = cause_of(db), 0, 0
    db.add(job)
    await db.flush()
    detail = {"job": job.id, "kind": job.kind, "format": job.format, "asked": dict(asked)}
    record(db, by=by, verb=verb_of(job, "requested"), course_id=job.course_id, detail=detail)
    return job


async def cancel(db: AsyncSession, *, by: Caller, job_id: int, at: dt.datetime) -> Job:
    """Have a file not made after all, or the rest of one not done. What is over cannot be called
    off: CONFLICT; what was called off stays so."""
    job = await db.scalar(seen_by(by).where(Job.id == job_id).with_for_update(of=Job))
    if job is None:
        raise not_found("job")
    if job.state is JobState.CANCELED:
        return job
    if job.state not in CALLED_OFF:
        raise Refused(
            Code.CONFLICT,
            f"This is {job.state.value} already: there is nothing to call off.",
            {"state": job.state.value},
        )
    job.message = (await stays(db, job)).strip() or None
    job.expires_at = await ends_at(db, job, at)
    job.state, job.finished_at, job.lease_until = JobState.CANCELED, at, None
    detail = {"job": job.id, "kind": job.kind, "causedBy": job.cause, **await tallied(db, job)}
    record(db, by=by, verb=verb_of(job, "canceled"), course_id=job.course_id, detail=detail)
    return job


def seen_by(by: Caller) -> Select[Job]:
    """The jobs somebody has asked for, as far as the token used reaches."""
    if by.member_id is None:
        return select(Job).where(false())
    reached = [
        kind
        for kind, asks in ASKS.items()
        if by.limited_to is None or asks.permission in by.limited_to
    ]
    is_active = (
        select(Member.id)
        .where(
            Member.workspace_id == by.workspace_id,
            Member.id == by.member_id,
            Member.state == MemberState.ACTIVE,
        )
        .exists()
    )
    return select(Job).where(
        Job.workspace_id == by.workspace_id,
        Job.requested_by_id == by.member_id,
        Job.kind.in_(reached),
        is_active,
    )


def refuse_nobody(by: Caller) -> None:
    """Raises BAD_USER_INPUT for who is no person."""
    if by.member_id is None:
        raise Refused(Code.BAD_USER_INPUT, "Files are for people: sign in as one.")


def refuse_long(parameters: Mapping[str, Any]) -> None:
    length = len(json.dumps(parameters))
    if length > LONGEST_SAID:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"What is asked for has at most {LONGEST_SAID} characters; this has {length}. "
            "Narrow by less.",
            {"limit": LONGEST_SAID, "actual": length},
        )


async def refuse_too_many(
    db: AsyncSession, by: Caller, states: Collection[JobState] = WAITING
) -> None:
    """Raises LIMIT_REACHED where as many jobs as may be are in these states."""
    await db.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME, by.workspace_id)))
    waiting = Job.workspace_id == by.workspace_id, Job.state.in_(states)
    is_own = Job.requested_by_id == by.member_id
    counted = select(func.count(), func.count().filter(is_own)).select_from(Job).where(*waiting)
    of_all, own = (await db.execute(counted)).one()
    for count, limit, whose in (
        (own, MOST_OF_ONE, "You wait"),
        (of_all, MOST_OF_ALL, "The people of this workspace wait"),
    ):
        if count >= limit:
            raise Refused(
                Code.LIMIT_REACHED,
                f"{whose} for {count} files already, and at most {limit} are worked on at a time: "
                "wait until one is done, or cancel one.",
                {"limit": limit, "actual": count},
            )
