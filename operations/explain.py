"""Why someone is, was, or is not coordinator of a course: every source, clause, value and cause."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.catalog import Course
from models.people import Member
from operations import freshness, visible
from operations.refusals import not_found
from operations.rights import require
from operations.why import causes, history, wording
from operations.why.answers import Cause, SegmentReason, Standing, WhyCoordinator, holds
from operations.why.entries import OF_LIVES, Track
from operations.why.places import Place, place_of
from operations.why.reasons import reasons_at
from operations.why.timeline import Turn, Turned, steps_of, told

__all__ = [
    "Cause",
    "SegmentReason",
    "Standing",
    "Timeline",
    "Turn",
    "Turned",
    "WhyCoordinator",
    "asked_about",
    "membership",
    "timeline",
]


async def membership(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_id: int,
    at: dt.datetime | None = None,
    seq: int | None = None,
) -> WhyCoordinator:
    """Explain the present, a moment or a place in the journal (S10).

    About oneself it is open to whoever sees the course. About a time in which somebody was not
    deleted yet, it is answered of the deleted too.
    """
    course, member = await asked_about(db, by=by, course_id=course_id, member_id=member_id)
    place = await place_of(db, by.workspace_id, at=at, seq=seq)
    past = await history.read(db, course, member)
    if member.deleted_at is not None and not past.exists(place.seq, place.at):
        raise not_found("member")
    standing = past.standing(place.seq, place.at)
    is_there = standing is not Standing.NOT_THERE
    reasons, unknown = await reasons_at(db, past, place) if is_there else ((), frozenset[str]())
    role, override = past.role(place.seq), past.override(place.seq)
    account = past.account(place.seq)
    if account is None:
        unknown |= {"account"}
    return WhyCoordinator(
        course_id=course_id,
        member_id=member_id,
        seq=place.seq,
        at=place.at,
        is_past=place.is_past,
        standing=standing,
        is_coordinator=holds(standing),
        summary=wording.summary(
            wording.Told(
                who=member.display_name,
                what=f"“{course.title}”",
                place=place,
                standing=standing,
                account=account,
                role=role,
                override=override,
                reasons=reasons,
            )
        ),
        account=account,
        account_cause=_told(past.lives, place),
        role=role,
        role_cause=_told(past.roles, place) if role else None,
        override=override,
        override_cause=_told(past.overrides, place) if override else None,
        segments=reasons,
        unknown=tuple(sorted(unknown)),
        freshness=await _freshness(db, course) if not place.is_past else None,
    )


async def asked_about(
    db: AsyncSession, *, by: Caller, course_id: int, member_id: int
) -> tuple[Course, Member]:
    """The course and the person, for whoever may have them explained; tombstones too."""
    course = await db.scalar(visible.courses(by).where(Course.id == course_id))
    if course is None:
        raise not_found("course")
    is_self = by.member_id == member_id
    await require(db, by, Permission.EXPLAIN_MEMBERSHIP, course_id=course_id, is_self=is_self)
    member = await db.scalar(
        select(Member).where(Member.workspace_id == by.workspace_id, Member.id == member_id)
    )
    if member is None:
        raise not_found("member")
    return course, member


async def _freshness(db: AsyncSession, course: Course) -> freshness.Freshness:
    return (await freshness.of_courses(db, course.workspace_id, [course.id]))[course.id]


def _told(track: Track, place: Place) -> Cause | None:
    last = track.last(place.seq)
    if last is None:
        return None
    cause = last.as_cause()
    return causes.about(cause, (), 0) if last.verb in OF_LIVES else cause


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of changes of standing, newest first, and how many there are in all."""

    turns: list[Turned]
    count: int


async def timeline(
    db: AsyncSession,
    *,
    by: Caller,
    course_id: int,
    member_id: int,
    before_seq: int | None = None,
    limit: int,
) -> Timeline:
    """Every change of a person's standing on a course, for whoever may have it explained."""
    course, member = await asked_about(db, by=by, course_id=course_id, member_id=member_id)
    past = await history.read(db, course, member)
    steps = steps_of(past)
    page = [each for each in steps if before_seq is None or each.happened.seq < before_seq]
    return Timeline(await told(db, past, member.display_name, page[:limit]), len(steps))
