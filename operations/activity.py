"""Who signed in during which calendar month, in the workspace's own time zone (C20)."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission
from models.people import SignInMonth
from models.workspaces import Workspace
from operations.refusals import Code, Refused, not_found
from operations.rights import require
from sync_engine.ticks import zone_named

MONTHS_A_REPORT: Final = 120


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month: its first day, and how many people signed in during it.

    `is_over`: the figure is final. That of the present month still grows.
    """

    month: dt.date
    active_members: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Months in their order, none left out, as the workspace's time zone counts them."""

    workspace_id: int
    time_zone: str
    months: tuple[Month, ...]


def month_of(at: dt.datetime, time_zone: str) -> dt.date:
    """The first day of the calendar month which this moment is in, there."""
    return at.astimezone(zone_named(time_zone)).date().replace(day=1)


async def present_month(db: AsyncSession, *, workspace_id: int, at: dt.datetime) -> dt.date:
    """The month it is in the workspace."""
    return month_of(at, await _zone(db, workspace_id))


async def note(db: AsyncSession, *, workspace_id: int, member_id: int, at: dt.datetime) -> None:
    """This person signed in. Once a month is enough; more often changes nothing."""
    await db.execute(
        insert(SignInMonth)
        .values(
            workspace_id=workspace_id,
            month=await present_month(db, workspace_id=workspace_id, at=at),
            member_id=member_id,
            first_at=at,
        )
        .on_conflict_do_nothing()
    )


async def active_members(db: AsyncSession, *, workspace_id: int, month: dt.date) -> int:
    """How many people signed in during the calendar month that begins on this day.

    People count who were deactivated or deleted since: the month is what it was.
    """
    counted = await db.scalar(
        select(func.count())
        .select_from(SignInMonth)
        .where(SignInMonth.workspace_id == workspace_id, SignInMonth.month == month)
    )
    return counted or 0


async def by_month(
    db: AsyncSession, *, by: Caller, first: dt.date | None, last: dt.date | None, at: dt.datetime
) -> Report:
    """The months from that of `first` to that of `last`, whichever of their days are given.

    Without `last` up to the present month, without `first` twelve months. Months that have not
    begun are left out. Raises Refused for a last month before the first, and for more than 120.
    """
    await require(db, by, Permission.VIEW_ACTIVE_MEMBERS_REPORT)
    zone = await _zone(db, by.workspace_id)
    present = month_of(at, zone)
    until = present if last is None else last.replace(day=1)
    since = _later(until, -11) if first is None else first.replace(day=1)
    _check(since, until)
    rows = await db.execute(
        select(SignInMonth.month, func.count())
        .where(SignInMonth.workspace_id == by.workspace_id, SignInMonth.month.between(since, until))
        .group_by(SignInMonth.month)
    )
    counted = dict(rows.all())
    months = [_later(since, n) for n in range(_distance(since, min(until, present)) + 1)]
    return Report(
        by.workspace_id,
        zone,
        tuple(Month(each, counted.get(each, 0), is_over=each < present) for each in months),
    )


async def _zone(db: AsyncSession, workspace_id: int) -> str:
    zone = await db.scalar(select(Workspace.time_zone).where(Workspace.id == workspace_id))
    if zone is None:
        raise not_found("workspace")
    return zone


def _check(since: dt.date, until: dt.date) -> None:
    if until < since:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"The report would begin in {since:%Y-%m} and end before, in {until:%Y-%m}.",
        )
    wanted = _distance(since, until) + 1
    if wanted > MONTHS_A_REPORT:
        raise Refused(
            Code.LIMIT_REACHED,
            f"One report has at most {MONTHS_A_REPORT} months; these are {wanted}.",
            {"limit": MONTHS_A_REPORT, "count": wanted},
        )


def _distance(since: dt.date, until: dt.date) -> int:
    """How many months later the second is."""
    return (until.year - since.year) * 12 + until.month - since.month


def _later(month: dt.date, by: int) -> dt.date:
    number = month.year * 12 + month.month - 1 + by
    if not dt.MINYEAR * 12 <= number < (dt.MAXYEAR + 1) * 12:
        raise Refused(Code.BAD_USER_INPUT, f"There is no month {by:+} from {month:%Y-%m}.")
    return month.replace(year=number // 12, month=number % 12 + 1)
