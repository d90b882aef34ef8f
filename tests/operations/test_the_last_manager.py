"""A workspace always keeps somebody who can manage it (C3)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from access.permissions import Principal
from models.people import MemberState
from operations import grants, members
from operations.refusals import Code, Refused
from tests.furnishing import furnished
from tests.world import MONDAY, World


@pytest.fixture
@furnished
async def managed(world: World) -> World:
    for name in ("Mona", "Max"):
        await world.member(name)
        await world.grant(name, Principal.WORKSPACE_MANAGER)
    return world


async def deactivate(world: World, name: str) -> None:
    async with world.edge.transaction() as db:
        await members.deactivate(db, by=world.system, member_ids=[world.members[name]], at=MONDAY)


async def remove_grant(world: World, name: str) -> None:
    await world.take(name, Principal.WORKSPACE_MANAGER)


@pytest.mark.parametrize("end", [deactivate, remove_grant])
async def test_the_last_one_can_be_neither_removed_nor_deactivated(
    managed: World, end: Callable[[World, str], Awaitable[None]]
) -> None:
    await end(managed, "Max")

    with pytest.raises(Refused) as refused:
        await end(managed, "Mona")

    assert refused.value.code is Code.CONFLICT


async def test_one_without_an_account_does_not_count(managed: World) -> None:
    await managed.set_state("Max", MemberState.DEACTIVATED)

    with pytest.raises(Refused):
        await remove_grant(managed, "Mona")

    await remove_grant(managed, "Max")


async def test_two_cannot_leave_at_once(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await members.deactivate(
            db, by=managed.system, member_ids=[managed.members["Max"]], at=MONDAY
        )
        await db.flush()
        other = asyncio.create_task(remove_grant(managed, "Mona"))
        await asyncio.wait([other], timeout=0.3)

    with pytest.raises(Refused):
        await other


async def test_c3_the_last_two_cannot_leave_in_one_call(managed: World) -> None:
    everybody = [managed.members[name] for name in ("Mona", "Max")]

    with pytest.raises(Refused) as taken:
        async with managed.edge.transaction() as db:
            await grants.take(
                db,
                by=managed.system,
                member_ids=everybody,
                principals=[Principal.WORKSPACE_MANAGER],
            )
    with pytest.raises(Refused) as ended:
        async with managed.edge.transaction() as db:
            await members.deactivate(db, by=managed.system, member_ids=everybody, at=MONDAY)

    for refused in (taken, ended):
        assert refused.value.code is Code.CONFLICT
        assert refused.value.details["memberIds"] == sorted(everybody)


async def test_c3_two_cannot_take_the_role_from_one_another_at_once(managed: World) -> None:
    async with managed.edge.transaction() as db:
        await grants.take(
            db,
            by=managed.caller("Mona"),
            member_ids=[managed.members["Max"]],
            principals=[Principal.WORKSPACE_MANAGER],
        )
        other = asyncio.create_task(remove_grant(managed, "Mona"))
        await asyncio.wait([other], timeout=0.3)

    with pytest.raises(Refused) as refused:
        await other
    assert refused.value.code is Code.CONFLICT
