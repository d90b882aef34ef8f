"""Ending people's access and giving it back (C3, C5, C19)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal
from models.people import Member, MemberState
from operations import members
from operations.refusals import Code, Denied, Refused
from tests.engine import run_until_idle
from tests.furnishing import furnished
from tests.world import MONDAY, World


@pytest.fixture
@furnished
async def staffed(world: World) -> World:
    for name in ("Mona", "Max", "Lea"):
        await world.member(name)
    for name in ("Mona", "Max"):
        await world.grant(name, Principal.WORKSPACE_MANAGER)
    return world


async def end(world: World, *names: str, by: str = "Mona") -> list[Member]:
    async with world.edge.transaction() as db:
        return await members.deactivate(
            db, by=world.caller(by), member_ids=_ids(world, names), at=MONDAY
        )


async def give_back(world: World, *names: str, by: str = "Mona") -> list[Member]:
    async with world.edge.transaction() as db:
        return await members.reactivate(
            db, by=world.caller(by), member_ids=_ids(world, names), at=MONDAY
        )


def _ids(world: World, names: Sequence[str]) -> list[int]:
    return [world.members[name] for name in names]


async def scalar(world: World, statement: str) -> Any:
    async with world.edge.read() as db:
        return await db.scalar(text(statement))


async def test_c19_deactivation_moves_the_access_epoch_and_comes_back(staffed: World) -> None:
    [gone] = await end(staffed, "Lea")
    [back] = await give_back(staffed, "Lea")

    assert (gone.access_epoch, back.access_epoch) == (2, 3)
    assert back.state is MemberState.ACTIVE
    assert (await staffed.verbs())[-2:] == ["member.deactivated", "member.reactivated"]


async def test_c19_ending_what_has_ended_changes_nothing(staffed: World) -> None:
    await end(staffed, "Lea")
    before = await staffed.verbs()

    assert await end(staffed, "Lea") == []
    assert await give_back(staffed, "Mona") == []
    assert await staffed.verbs() == before


async def test_c5_reactivating_gives_nobody_an_account(staffed: World) -> None:
    """Pia was added and never came. Ended and given back, she still has not come."""
    await staffed.member("Pia", state=MemberState.PENDING)
    unchanged = await give_back(staffed, "Pia")
    await end(staffed, "Pia")

    [back] = await give_back(staffed, "Pia")

    assert unchanged == []
    assert back.state is MemberState.PENDING
    assert await scalar(staffed, "SELECT count(*) FROM sign_in_month") == 0


async def test_c5_what_waits_for_an_account_waits_on_through_deactivation(
    staffed: World,
) -> None:
    await staffed.member("Pia", state=MemberState.PENDING)
    async with staffed.edge.transaction() as db:
        await db.execute(
            text("""INSERT INTO access_grant (workspace_id, member_id, principal, pending_until)
                    VALUES (:w, :m, 'invite', CAST('2026-03-20' AS timestamptz))"""),
            {"w": staffed.workspace_id, "m": staffed.members["Pia"]},
        )
    await end(staffed, "Pia")
    await give_back(staffed, "Pia")

    waits = "SELECT count(*) FROM access_grant WHERE pending_until IS NOT NULL"
    assert await scalar(staffed, waits) == 1
    await staffed.set_state("Pia", MemberState.ACTIVE)
    assert await scalar(staffed, waits) == 0


async def test_c3_the_last_managers_cannot_leave_one_by_one_nor_together(staffed: World) -> None:
    with pytest.raises(Refused) as together:
        await end(staffed, "Lea", "Mona", "Max")
    await end(staffed, "Mona", "Lea")
    with pytest.raises(Refused) as alone:
        await end(staffed, "Max", by="Max")

    assert together.value.code is alone.value.code is Code.CONFLICT
    assert together.value.details == {"memberIds": _ids(staffed, ["Mona", "Max"])}
    assert alone.value.details == {"memberIds": _ids(staffed, ["Max"])}
    assert await scalar(staffed, "SELECT count(*) FROM member WHERE state = 'ACTIVE'") == 1


async def test_c3_two_managers_who_end_each_other_at_once_leave_one(staffed: World) -> None:
    await staffed.member("Bo")

    answers = await asyncio.gather(
        end(staffed, "Lea", "Max", by="Mona"),
        end(staffed, "Mona", "Bo", by="Max"),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Refused | Denied) for each in answers) == 1
    left = """SELECT count(*) FROM member m JOIN access_grant g ON g.member_id = m.id
               WHERE m.state = 'ACTIVE' AND g.principal = 'workspace_manager'"""
    assert await scalar(staffed, left) == 1


async def test_c3_a_manager_who_is_not_the_last_may_leave_by_their_own_hand(
    staffed: World,
) -> None:
    [gone] = await end(staffed, "Mona", by="Mona")

    assert gone.state is MemberState.DEACTIVATED


async def test_c19_only_workspace_managers_end_and_give_back_access(staffed: World) -> None:
    await staffed.grant("Lea", Principal.INVITE)
    await staffed.grant("Lea", Principal.DEPARTMENT_MANAGER, department="Training")
    before = await staffed.verbs()

    for ask in (end, give_back):
        for name in ("Max", "Lea"):
            with pytest.raises(Denied) as denied:
                await ask(staffed, name, by="Lea")
            assert denied.value.permission is Permission.DEACTIVATE_MEMBER
    assert await staffed.verbs() == before


async def test_c19_an_unknown_person_keeps_everybody_s_access(
    staffed: World, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    staffed.members["Eve"] = await other.member("Eve")
    staffed.members["Nobody"] = 999_999

    for name in ("Eve", "Nobody"):
        with pytest.raises(Refused) as refused:
            await end(staffed, "Lea", name)
        assert refused.value.code is Code.NOT_FOUND
        assert refused.value.message == "1 of these members do not exist."
    assert await scalar(staffed, "SELECT count(*) FROM member WHERE state <> 'ACTIVE'") == 0


async def test_c19_501_people_are_too_many_and_many_cost_as_much_as_one(
    staffed: World, statements: list[str]
) -> None:
    for n in range(30):
        await staffed.member(f"P{n}")
    with pytest.raises(Refused) as refused:
        async with staffed.edge.transaction() as db:
            await members.deactivate(
                db, by=staffed.system, member_ids=list(range(1, 502)), at=MONDAY
            )
    costs = []
    for names in (["P0"], [f"P{n}" for n in range(1, 30)]):
        for change in (end, give_back):
            statements.clear()
            await change(staffed, *names)
            costs.append(len(statements))

    assert refused.value.code is Code.LIMIT_REACHED
    assert costs[:2] == costs[2:]


async def test_c19_those_without_access_do_not_count_in_a_static_segment(
    staffed: World, sync_database: Engine
) -> None:
    await staffed.segment("Named", people_named=["Lea", "Max"])
    run_until_idle(sync_database)
    counts = []
    for change in (end, give_back):
        counts.append(await scalar(staffed, "SELECT member_count FROM segment"))
        await change(staffed, "Lea")
        run_until_idle(sync_database)
    counts.append(await scalar(staffed, "SELECT member_count FROM segment"))

    assert counts == [2, 1, 2]
    assert await scalar(staffed, "SELECT count(*) FROM segment_person") == 2
