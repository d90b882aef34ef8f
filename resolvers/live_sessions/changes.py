"""Mutations of live sessions, of who teaches them, and of who comes."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from operations.live_sessions import attendance, registering, roster, scheduling, staffing
from operations.live_sessions.attendance import Attendance, Mark
from operations.live_sessions.roster import RosterOutcome
from operations.refusals import Code, Refused
from resolvers.answers import Answer, Values, answer, given
from resolvers.context import Context
from resolvers.ids import number_of

Info = strawberry.Info[Context, None]
Ids = list[strawberry.ID]

NEVER_NULL = ("title", "description", "starts_at", "ends_at", "time_zone", "has_waitlist")


@dataclass
class AttendanceEntry:
    """What is said of one person."""

    member_id: strawberry.ID
    state: Attendance
    minutes: int | None = None

    def mark(self) -> Mark:
        """Raises Refused for what is no id of a member."""
        return Mark(number_of(self.member_id, "Member"), self.state, self.minutes)


async def create_live_session(
    info: Info,
    *,
    course_id: strawberry.ID,
    title: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    time_zone: str,
    description: str = "",
    place: str | None = None,
    link: str | None = None,
    capacity: int | None = None,
    has_waitlist: bool = True,
    registration_closes_at: dt.datetime | None = None,
    staff_ids: Ids | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    said = {
        "title": title,
        "description": description,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "time_zone": time_zone,
        "place": place,
        "link": link,
        "capacity": capacity,
        "has_waitlist": has_waitlist,
        "registration_closes_at": registration_closes_at,
    }

    async def operation(db: AsyncSession, caller: Caller) -> Values:
        made = await scheduling.create(
            db,
            by=caller,
            course_id=number_of(course_id, "Course"),
            said=said,
            staff_ids=_members(staff_ids),
            at=_now(),
        )
        return {"live_session_id": made.id}

    return await answer(info, operation)


async def edit_live_session(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    title: str | None = strawberry.UNSET,
    description: str | None = strawberry.UNSET,
    starts_at: dt.datetime | None = strawberry.UNSET,
    ends_at: dt.datetime | None = strawberry.UNSET,
    time_zone: str | None = strawberry.UNSET,
    place: str | None = strawberry.UNSET,
    link: str | None = strawberry.UNSET,
    capacity: int | None = strawberry.UNSET,
    has_waitlist: bool | None = strawberry.UNSET,
    registration_closes_at: dt.datetime | None = strawberry.UNSET,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        changes = given(
            title=title,
            description=description,
            starts_at=starts_at,
            ends_at=ends_at,
            time_zone=time_zone,
            place=place,
            link=link,
            capacity=capacity,
            has_waitlist=has_waitlist,
            registration_closes_at=registration_closes_at,
        )
        _refuse_null(changes)
        await scheduling.edit(db, by=caller, live_session_id=number, changes=changes, at=_now())
        return {"live_session_id": number}

    return await answer(info, operation)


async def cancel_live_session(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    reason: str,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        await scheduling.cancel(db, by=caller, live_session_id=number, reason=reason, at=_now())
        return {"live_session_id": number}

    return await answer(info, operation)


async def staff_live_session(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    add_member_ids: Ids | None = None,
    remove_member_ids: Ids | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        await staffing.staff(
            db,
            by=caller,
            live_session_id=number,
            add=_members(add_member_ids),
            remove=_members(remove_member_ids),
            at=_now(),
        )
        return {"live_session_id": number}

    return await answer(info, operation)


async def self_register_session(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        await registering.register(db, by=caller, live_session_id=number, at=_now())
        return {"live_session_id": number, "member_id": caller.member_id}

    return await answer(info, operation)


async def cancel_my_registration(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        await registering.cancel_own(db, by=caller, live_session_id=number, at=_now())
        return {"live_session_id": number, "member_id": caller.member_id}

    return await answer(info, operation)


async def place_learners(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    member_ids: Ids,
    overbook: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        outcomes = await roster.place(
            db,
            by=caller,
            live_session_id=number,
            member_ids=_members(member_ids),
            overbook=overbook,
            at=_now(),
        )
        return _told(number, outcomes)

    return await answer(info, operation)


async def remove_from_roster(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    member_ids: Ids,
    reason: str | None = None,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        outcomes = await roster.remove(
            db,
            by=caller,
            live_session_id=number,
            member_ids=_members(member_ids),
            reason=reason,
            at=_now(),
        )
        return _told(number, outcomes)

    return await answer(info, operation)


async def mark_attendance(
    info: Info,
    *,
    live_session_id: strawberry.ID,
    entries: list[AttendanceEntry],
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        number = number_of(live_session_id, "LiveSession")
        outcomes = await attendance.mark(
            db,
            by=caller,
            live_session_id=number,
            marks=[each.mark() for each in entries],
            at=_now(),
        )
        return _told(number, outcomes)

    return await answer(info, operation)


def _told(live_session_id: int, outcomes: Mapping[int, RosterOutcome]) -> Values:
    results = [{"member_id": id, "outcome": each.value} for id, each in outcomes.items()]
    return {"live_session_id": live_session_id, "results": results}


def _refuse_null(changes: Mapping[str, Any]) -> None:
    for name in NEVER_NULL:
        if name in changes and changes[name] is None:
            argument = scheduling.SAID[name]
            raise Refused(
                Code.BAD_USER_INPUT,
                f"{argument} cannot be null; leave it out to keep it.",
                {"argument": argument},
            )


def _members(ids: Ids | None) -> list[int]:
    return [number_of(id, "Member") for id in ids or ()]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
