"""The active-members report: who signed in during a calendar month of the workspace (C20)."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin
from access.permissions import Permission, Principal
from models.people import MemberState
from operations import activity, members, sign_in
from operations.refusals import Code, Denied, Refused
from tests.world import MONDAY, World

UTC = dt.UTC
MARCH, APRIL, MAY = dt.date(2026, 3, 1), dt.date(2026, 4, 1), dt.date(2026, 5, 1)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    return dt.datetime(year, month, day, hour, minute, tzinfo=UTC)


async def arrive(world: World, name: str, at: dt.datetime) -> None:
    """What a sign-in does: nothing where nothing is due."""
    member_id = world.members[name]
    async with world.edge.transaction() as db:
        found = await sign_in.find(db, workspace_id=world.workspace_id, member_id=member_id)
        assert found is not None
        if sign_in.is_due(found.last_sign_in_at, found.state, found.time_zone, at=at):
            await sign_in.note(db, by=world.caller(name), member_id=member_id, at=at)


async def counted(world: World, *months: dt.date) -> list[int]:
    async with world.edge.read() as db:
        return [
            await activity.active_members(db, workspace_id=world.workspace_id, month=each)
            for each in months
        ]


async def report(
    world: World,
    by: Caller,
    first: dt.date | None = None,
    last: dt.date | None = None,
    at: dt.datetime = MONDAY,
) -> list[tuple[str, int, bool]]:
    async with world.edge.read() as db:
        made = await activity.by_month(db, by=by, first=first, last=last, at=at)
    return [(f"{each.month:%Y-%m}", each.active_members, each.is_over) for each in made.months]


@pytest.mark.parametrize(
    ("zone", "in_march", "in_april"),
    [
        # Summer time began on March 29: the month ends at 22:00 UTC.
        ("Europe/Stockholm", utc(2026, 3, 31, 21, 59), utc(2026, 3, 31, 22, 0)),
        # Summer time ends on April 5: the month ends at 11:00 UTC the day before.
        ("Pacific/Auckland", utc(2026, 3, 31, 10, 59), utc(2026, 3, 31, 11, 0)),
        ("America/Los_Angeles", utc(2026, 4, 1, 6, 59), utc(2026, 4, 1, 7, 0)),
        ("Asia/Kathmandu", utc(2026, 3, 31, 18, 14), utc(2026, 3, 31, 18, 15)),
        ("UTC", utc(2026, 3, 31, 23, 59), utc(2026, 4, 1)),
    ],
)
async def test_c20_a_month_begins_and_ends_at_midnight_in_the_workspace(
    sessions: async_sessionmaker[AsyncSession],
    zone: str,
    in_march: dt.datetime,
    in_april: dt.datetime,
) -> None:
    world = await World.new(sessions, time_zone=zone)
    await world.member("Ada")
    await world.member("Bo")

    await arrive(world, "Ada", in_march)
    await arrive(world, "Bo", in_april)

    assert await counted(world, MARCH, APRIL) == [1, 1]


async def test_c20_winter_s_month_ends_an_hour_later_than_summer_s(world: World) -> None:
    """Stockholm: October 2026 is left at 23:00 UTC, because summer time ended on the 25th."""
    await world.member("Ada")

    await arrive(world, "Ada", utc(2026, 10, 31, 22, 59))

    assert await counted(world, dt.date(2026, 10, 1), dt.date(2026, 11, 1)) == [1, 0]


async def test_c20_the_first_minutes_of_a_month_count_though_the_last_note_is_fresh(
    world: World,
) -> None:
    await world.member("Ada")

    await arrive(world, "Ada", utc(2026, 3, 31, 21, 55))
    await arrive(world, "Ada", utc(2026, 3, 31, 22, 5))

    assert await counted(world, MARCH, APRIL) == [1, 1]


async def test_c20_who_signs_in_often_counts_once_and_in_every_month(world: World) -> None:
    await world.member("Ada")

    for at in (utc(2026, 3, 2, 8), utc(2026, 3, 2, 17), utc(2026, 3, 30, 8), utc(2026, 5, 4, 8)):
        await arrive(world, "Ada", at)

    assert await counted(world, MARCH, APRIL, MAY) == [1, 0, 1]


async def test_c20_a_sign_in_minutes_after_the_last_costs_nothing(
    world: World, statements: list[str]
) -> None:
    await world.member("Ada")
    await arrive(world, "Ada", MONDAY)
    statements.clear()

    await arrive(world, "Ada", MONDAY + dt.timedelta(minutes=14))

    assert len(statements) == 1


async def test_c20_whoever_leaves_later_was_active_then(world: World) -> None:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name in ("Ada", "Bo"):
        await world.member(name)
        await arrive(world, name, MONDAY)

    async with world.edge.transaction() as db:
        await members.deactivate(
            db, by=world.caller("Mona"), member_ids=[world.members["Ada"]], at=MONDAY
        )
        await db.execute(
            text("UPDATE member SET state = 'DEACTIVATED', deleted_at = now() WHERE id = :id"),
            {"id": world.members["Bo"]},
        )

    assert await counted(world, MARCH) == [2]


async def test_c20_members_who_did_not_sign_in_are_not_active(world: World) -> None:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.member("Pia", state=MemberState.PENDING)
    await world.member("Dan", state=MemberState.DEACTIVATED)

    await arrive(world, "Dan", MONDAY)

    assert await report(world, world.caller("Mona"), MARCH, MARCH) == [("2026-03", 0, False)]


async def test_c20_months_stay_as_they_were_when_the_workspace_moves(world: World) -> None:
    """Ada came late on March 31 in Stockholm. In Auckland it was April by then."""
    await world.member("Ada")
    await arrive(world, "Ada", utc(2026, 3, 31, 15))

    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE workspace SET time_zone = 'Pacific/Auckland'"))
    before = await counted(world, MARCH, APRIL)
    await arrive(world, "Ada", utc(2026, 3, 31, 16))

    assert before == [1, 0]
    assert await counted(world, MARCH, APRIL) == [1, 1]


async def test_c20_the_report_has_every_month_zeros_and_the_present_one_included(
    world: World,
) -> None:
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name in ("Ada", "Bo"):
        await world.member(name)
        await arrive(world, name, utc(2025, 12, 10))
    await arrive(world, "Ada", MONDAY)

    months = await report(world, world.caller("Mona"), dt.date(2025, 11, 30), dt.date(2026, 9, 9))

    assert months == [
        ("2025-11", 0, True),
        ("2025-12", 2, True),
        ("2026-01", 0, True),
        ("2026-02", 0, True),
        ("2026-03", 1, False),
    ]


async def test_c20_without_dates_it_is_the_last_twelve_months(world: World) -> None:
    months = await report(world, world.system)

    assert [months[0][0], months[-1][0], len(months)] == ["2025-04", "2026-03", 12]


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (APRIL, MARCH, Code.BAD_USER_INPUT),
        (dt.date(2016, 3, 1), MARCH, Code.LIMIT_REACHED),
        (dt.date.min, dt.date.max, Code.LIMIT_REACHED),
        (None, dt.date.min, Code.BAD_USER_INPUT),
    ],
)
async def test_c20_a_report_of_no_or_of_too_many_months_is_refused(
    world: World, first: dt.date | None, last: dt.date, code: Code
) -> None:
    with pytest.raises(Refused) as refused:
        await report(world, world.system, first, last)

    assert refused.value.code is code


async def test_c20_months_that_have_not_begun_are_left_out(world: World) -> None:
    assert await report(world, world.system, APRIL, dt.date.max.replace(year=2030)) == []


async def test_c20_only_managers_of_the_workspace_and_of_its_money_read_it(world: World) -> None:
    for name, principal in (
        ("Mona", Principal.WORKSPACE_MANAGER),
        ("Finn", Principal.FINANCE_MANAGER),
        ("Ivo", Principal.INVITE),
    ):
        await world.member(name)
        await world.grant(name, principal)

    assert await report(world, world.caller("Mona")) == await report(world, world.caller("Finn"))
    with pytest.raises(Denied) as denied:
        await report(world, world.caller("Ivo"))
    assert denied.value.permission is Permission.VIEW_ACTIVE_MEMBERS_REPORT


async def test_c20_each_tenant_counts_its_own_people(
    world: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    await world.member("Ada")
    await other.member("Eve")
    await arrive(world, "Ada", MONDAY)

    assert await counted(other, MARCH) == [0]
    assert (await report(other, other.system, MARCH, MARCH))[0][1] == 0
    stranger = Caller(other.workspace_id, "Ada", Origin.GRAPHQL, member_id=world.members["Ada"])
    with pytest.raises(Denied):
        await report(other, stranger)
