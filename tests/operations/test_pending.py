"""What is given to people without an account waits for it, or lapses after 30 days (C5)."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin
from access.permissions import Permission, Principal
from app.actors import OPERATIONS, lapse_pending_grants
from models.identity import ConnectionKind
from models.people import MemberState
from operations import connections, grants, members, pending, sign_in
from operations.identity import apply_user_change
from operations.refusals import Code, Refused
from operations.statements import IdentityChange, Kind, Subject
from operations.team import DepartmentPermission
from tests.furnishing import furnished
from tests.operations.giving import (
    IN_30_DAYS,
    give,
    manage,
    may,
    open_office,
    stored,
    take,
    team_of,
    told,
    waiting_until,
)
from tests.world import MONDAY, World

FINANCE = Principal.FINANCE_MANAGER
A_MOMENT = dt.timedelta(microseconds=1)
SOON = MONDAY + dt.timedelta(days=2)


@pytest.fixture
@furnished
async def office(world: World) -> World:
    await open_office(world)
    return world


async def signs_in(world: World, name: str, at: dt.datetime) -> None:
    async with world.edge.transaction() as db:
        await sign_in.note(db, by=world.caller(name), member_id=world.members[name], at=at)


async def is_provided(world: World, name: str, at: dt.datetime) -> None:
    """An identity provider says that the person is there."""
    async with world.edge.transaction() as db:
        connection, _ = await connections.create(
            db, by=world.system, name="Directory", kind=ConnectionKind.SCIM, at=at
        )
        user_name = f"{name.lower()}@{world.slug}.example"
        await apply_user_change(
            db,
            by=Caller(world.workspace_id, "Directory", Origin.SCIM, connection_id=connection.id),
            change=IdentityChange(
                kind=Kind.USER_CHANGED,
                subject=Subject(user_name=user_name),
                attributes={"userName": user_name, "displayName": name},
                active=True,
            ),
            at=at,
        )


async def comes_back(world: World, name: str, at: dt.datetime) -> None:
    """Ended before there was an account, let in again, and then signing in."""
    ids = [world.members[name]]
    async with world.edge.transaction() as db:
        await members.deactivate(db, by=world.system, member_ids=ids, at=at)
    async with world.edge.transaction() as db:
        await members.reactivate(db, by=world.system, member_ids=ids, at=at)
    await signs_in(world, name, at)


DOORS = [signs_in, is_provided, comes_back]
Door = Callable[[World, str, dt.datetime], Awaitable[None]]


async def sweep(world: World, at: dt.datetime, limit: int = 100) -> int:
    async with world.edge.transaction() as db:
        return await pending.lapse(db, at=at, limit=limit)


async def test_c5_somebody_without_an_account_holds_nothing_yet(office: World) -> None:
    done = await give(office, "Pia", "Tom", what=[FINANCE])

    assert told(office, done.given) == {("Pia", FINANCE), ("Tom", FINANCE)}
    assert await waiting_until(office, "Pia") == [IN_30_DAYS]
    assert await waiting_until(office, "Tom") == [None]
    assert not await may(office, "Pia", Permission.VIEW_BILLING)


async def test_c18_whoever_has_no_account_is_considered_for_an_invitation(office: World) -> None:
    await give(office, "Pia", "Tom", what=[FINANCE])

    async with office.edge.read() as db:
        noted = list(await db.scalars(text("SELECT member_id FROM invitation_due")))
    assert noted == [office.members["Pia"]]


@pytest.mark.parametrize("door", DOORS)
async def test_c5_it_takes_effect_with_the_account_through_whichever_door_it_comes(
    office: World, door: Door
) -> None:
    await give(office, "Pia", what=[FINANCE])
    await manage(office, "Pia", give=[DepartmentPermission.TEACH])

    await door(office, "Pia", IN_30_DAYS - A_MOMENT)

    assert await waiting_until(office, "Pia") == [None, None]
    assert await may(office, "Pia", Permission.VIEW_BILLING)
    assert await may(office, "Pia", Permission.GRADE_ANSWERS, course="Safety")


@pytest.mark.parametrize("door", DOORS)
async def test_c5_after_30_days_it_is_gone_through_whichever_door_the_account_comes(
    office: World, door: Door
) -> None:
    await give(office, "Pia", what=[FINANCE])
    await give(office, "Pia", what=[Principal.INVITE], at=SOON)

    await door(office, "Pia", IN_30_DAYS)

    assert await stored(office, "Pia") == {("Pia", "invite")}
    assert await waiting_until(office, "Pia") == [None]
    assert not await may(office, "Pia", Permission.VIEW_BILLING)
    assert (await office.verbs()).count("grant.lapsed") == 1


async def test_c5_waking_somebody_up_does_not_touch_the_promises_of_others(office: World) -> None:
    await office.member("Pio", state=MemberState.PENDING)
    await give(office, "Pia", "Pio", what=[FINANCE])

    await signs_in(office, "Pia", SOON)

    assert await waiting_until(office, "Pio") == [IN_30_DAYS]


async def test_c5_what_has_waited_too_long_is_swept_away_and_recorded_by_the_product(
    office: World,
) -> None:
    await office.module("Ladders")
    await give(office, "Pia", what=[FINANCE])
    await give(office, "Pia", what=[Principal.MODULE_EDIT], module="Ladders")
    await manage(office, "Pia", give=[DepartmentPermission.TEACH])
    await give(office, "Pia", what=[Principal.COURSE_EDIT], course="Safety")

    early, late = await sweep(office, IN_30_DAYS - A_MOMENT), await sweep(office, IN_30_DAYS)

    assert (early, late) == (0, 4)
    assert await stored(office, "Pia") == set()
    async with office.edge.read() as db:
        rows = await db.execute(
            text(
                "SELECT before ->> 'principal', by_member_id, department_id, course_id"
                " FROM journal_entry WHERE verb = 'grant.lapsed' AND member_id = :pia"
            ),
            {"pia": office.members["Pia"]},
        )
        said = {tuple(row) for row in rows}
    training, safety = office.departments["Training"], office.courses["Safety"]
    assert said == {
        ("finance_manager", None, None, None),
        ("module_edit", None, training, None),
        ("dept_teach", None, training, None),
        ("course_edit", None, training, safety),
    }


async def test_c5_who_never_came_loses_what_was_promised_and_nothing_else(office: World) -> None:
    await manage(office, "Pia", give=[DepartmentPermission.TEACH])

    await sweep(office, IN_30_DAYS)

    assert "Pia" in await team_of(office)
    async with office.edge.read() as db:
        state = await db.scalar(
            text("SELECT state FROM member WHERE id = :id"), {"id": office.members["Pia"]}
        )
    assert state == "PENDING"


async def test_c5_a_sweep_takes_no_more_than_its_limit_and_goes_on_next_time(
    office: World,
) -> None:
    names = [f"P{n}" for n in range(5)]
    for name in names:
        await office.member(name, state=MemberState.PENDING)
    await give(office, *names, what=[FINANCE])

    assert [await sweep(office, IN_30_DAYS, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_c5_the_sweeper_finds_and_takes_away_what_lapsed_in_every_workspace(
    office: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    rival = await World.new(sessions, "rival")
    await rival.member("Rita", state=MemberState.PENDING)
    await rival.grant("Rita", FINANCE)
    await give(office, "Pia", what=[FINANCE])
    asked = text(f"SELECT {lapse_pending_grants.pending}")

    async with office.edge.read() as db:
        before = await db.scalar(asked)
    look = lapse_pending_grants.look(office.edge)
    assert not isinstance(look, bool)
    more = await look
    async with office.edge.read() as db:
        after = await db.scalar(asked)

    assert (before, more, after) == (True, False, False)
    assert lapse_pending_grants in OPERATIONS
    for world, name in ((office, "Pia"), (rival, "Rita")):
        assert await stored(world, name) == set()
        assert (await world.verbs())[-1] == "grant.lapsed"


async def test_c5_what_is_given_while_somebody_signs_in_takes_effect_whoever_is_first(
    office: World,
) -> None:
    await office.member("Pio", state=MemberState.PENDING)
    async with office.edge.transaction() as db:
        await grants.give(
            db,
            by=office.caller("Mona"),
            member_ids=[office.members["Pia"]],
            principals=[FINANCE],
            at=MONDAY,
        )
        arriving = asyncio.create_task(signs_in(office, "Pia", SOON))
        assert not (await asyncio.wait([arriving], timeout=0.3))[0]
    await arriving
    async with office.edge.transaction() as db:
        await sign_in.note(db, by=office.caller("Pio"), member_id=office.members["Pio"], at=SOON)
        await db.flush()
        giving = asyncio.create_task(give(office, "Pio", what=[FINANCE]))
        assert not (await asyncio.wait([giving], timeout=0.3))[0]
    await giving

    for name in ("Pia", "Pio"):
        assert await waiting_until(office, name) == [None]
        assert await may(office, name, Permission.VIEW_BILLING)


async def test_c5_giving_again_what_waits_does_not_prolong_it(office: World) -> None:
    await give(office, "Pia", what=[FINANCE])

    done = await give(office, "Pia", what=[FINANCE], at=SOON)

    assert told(office, done.already) == {("Pia", FINANCE)}
    assert await waiting_until(office, "Pia") == [IN_30_DAYS]


async def test_c5_sending_the_invitation_again_prolongs_what_waits(office: World) -> None:
    await give(office, "Pia", what=[FINANCE])
    await give(office, "Pia", what=[Principal.INVITE], at=SOON)

    async with office.edge.transaction() as db:
        renewed = await pending.renew(
            db,
            workspace_id=office.workspace_id,
            member_id=office.members["Pia"],
            at=IN_30_DAYS,
        )

    assert renewed == 1
    assert await waiting_until(office, "Pia") == [IN_30_DAYS, IN_30_DAYS + pending.WAITS]


async def test_c5_what_has_lapsed_can_be_given_anew_before_it_is_swept_away(
    office: World,
) -> None:
    await give(office, "Pia", what=[FINANCE])

    done = await give(office, "Pia", what=[FINANCE], at=IN_30_DAYS)

    assert told(office, done.given) == {("Pia", FINANCE)}
    assert await waiting_until(office, "Pia") == [IN_30_DAYS + pending.WAITS]
    assert await sweep(office, IN_30_DAYS) == 0


async def test_what_waits_can_be_taken_back(office: World) -> None:
    await give(office, "Pia", what=[FINANCE])

    done = await take(office, "Pia", what=[FINANCE])

    assert told(office, done.taken) == {("Pia", FINANCE)}
    assert await stored(office, "Pia") == set()


async def test_c3_a_manager_without_an_account_is_not_the_one_who_remains(office: World) -> None:
    await give(office, "Pia", what=[Principal.WORKSPACE_MANAGER])

    with pytest.raises(Refused) as refused:
        await take(office, "Mona", what=[Principal.WORKSPACE_MANAGER])

    assert refused.value.code is Code.CONFLICT
    await signs_in(office, "Pia", SOON)
    await take(office, "Mona", what=[Principal.WORKSPACE_MANAGER])
    assert await may(office, "Pia", Permission.GRANT_WORKSPACE_MANAGER)


async def test_c3_a_manager_whose_grant_lapsed_before_the_account_came_is_none(
    office: World,
) -> None:
    await give(office, "Pia", what=[Principal.WORKSPACE_MANAGER])
    await signs_in(office, "Pia", IN_30_DAYS)

    with pytest.raises(Refused) as refused:
        await take(office, "Mona", what=[Principal.WORKSPACE_MANAGER])

    assert refused.value.code is Code.CONFLICT
