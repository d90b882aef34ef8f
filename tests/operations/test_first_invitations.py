"""Whoever holds something before there is an account is invited, exactly once (C18)."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from operations import attachments, coordinators, grants, invitations
from tests.mailing import Outbox
from tests.operations.inviting import (
    PEA,
    WAYS,
    Give,
    by_attachment,
    by_grant,
    by_role_and_enrolment,
    by_rule,
    newcomer,
    set_course_state,
)
from tests.world import MONDAY, World


@pytest.fixture
def outbox(world: World) -> Outbox:
    return Outbox(world)


async def test_adding_someone_sends_nothing(world: World, outbox: Outbox) -> None:
    await newcomer(world)
    await outbox.look()

    assert await outbox.invited() == []


@pytest.mark.parametrize("give", WAYS, ids=lambda way: way.__name__)
async def test_the_first_thing_somebody_holds_sends_one_invitation(
    world: World, outbox: Outbox, sync_database: Engine, give: Give
) -> None:
    await newcomer(world)
    assert await outbox.invited() == []

    await give(world, sync_database)
    await outbox.look()
    await outbox.look()

    assert await outbox.invited() == ["Pea"]
    assert (await world.verbs()).count("invitation.sent") == 1
    assert await outbox.notes() == 0


async def test_whatever_comes_after_sends_no_other(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await by_grant(world, sync_database)
    await outbox.look()
    await by_rule(world, sync_database)
    await world.enrol("Safety", "Pea")
    await world.change("Pea", emails=["other@acme.example"])
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def test_somebody_with_an_account_is_not_invited(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await world.member("Pea", **PEA)
    await by_rule(world, sync_database)
    await by_grant(world, sync_database)
    await outbox.look()

    assert await outbox.invited() == []


async def test_an_archived_course_invites_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await by_rule(world, sync_database)
    await by_role_and_enrolment(world)
    await set_course_state(world, CourseState.ARCHIVED)
    await outbox.look()

    assert await outbox.invited() == []


async def test_what_is_gone_before_somebody_looks_invites_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await by_grant(world, sync_database)
    await by_rule(world, sync_database)
    await by_role_and_enrolment(world)
    async with world.edge.transaction() as db:
        member_ids = [world.members["Pea"]]
        course_id = world.courses["Safety"]
        await grants.take(
            db, by=world.system, member_ids=member_ids, principals=[Principal.FINANCE_MANAGER]
        )
        await coordinators.remove(
            db,
            by=world.system,
            course_id=course_id,
            role=CourseRoleKind.COORDINATOR,
            member_ids=member_ids,
        )
        await attachments.detach(
            db, by=world.system, course_id=course_id, segment_id=world.segments["Sales"]
        )
        await db.execute(text("UPDATE enrolment SET ended_at = now()"))
    await outbox.look()

    assert await outbox.invited() == []
    assert await outbox.notes() == 0


async def test_a_promise_that_has_lapsed_invites_nobody(world: World, outbox: Outbox) -> None:
    await newcomer(world)
    await world.grant("Pea", Principal.FINANCE_MANAGER)
    await outbox.look(at=MONDAY + dt.timedelta(days=30))

    assert await outbox.invited() == []


async def test_a_paused_segment_invites_for_whom_it_keeps(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await by_attachment(world, sync_database)
    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE segment SET state = 'PAUSED'"))
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def test_many_workers_who_look_at_once_invite_everybody_once(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    names = [f"P{number}" for number in range(40)]
    for name in names:
        await newcomer(world, name)
    await by_rule(world, sync_database)
    await world.enrol("Safety", *names)

    await asyncio.gather(*(outbox.look() for _ in range(6)))
    await outbox.look()

    assert sorted(await outbox.invited()) == sorted(names)
    assert (await world.verbs()).count("invitation.sent") == len(names)


async def test_who_is_being_changed_is_left_for_the_next_look(world: World, outbox: Outbox) -> None:
    await newcomer(world)
    await newcomer(world, "Quin")
    for name in ("Pea", "Quin"):
        await world.grant(name, Principal.FINANCE_MANAGER)

    async with world.edge.transaction() as db:
        await db.execute(
            text("SELECT FROM member WHERE id = :id FOR UPDATE"), {"id": world.members["Pea"]}
        )
        await asyncio.wait_for(outbox.look(), 5)
        assert await outbox.invited() == ["Quin"]
    await outbox.look()

    assert await outbox.invited() == ["Quin", "Pea"]


async def test_a_look_that_fails_at_the_last_moment_has_done_nothing(
    world: World, outbox: Outbox
) -> None:
    await newcomer(world)
    await world.grant("Pea", Principal.FINANCE_MANAGER)

    with pytest.raises(RuntimeError):
        await _look_and_fail(world, outbox)

    assert await outbox.invited() == []
    assert await outbox.notes() == 1
    await outbox.look()
    assert await outbox.invited() == ["Pea"]


async def _look_and_fail(world: World, outbox: Outbox) -> None:
    async with world.edge.transaction() as db:
        await invitations.invite_due(db, seals=outbox.seals, at=MONDAY)
        raise RuntimeError


async def test_the_code_is_readable_nowhere(world: World, outbox: Outbox) -> None:
    await newcomer(world)
    await world.grant("Pea", Principal.FINANCE_MANAGER)
    await outbox.look()
    [code] = await outbox.codes("Pea")

    async with world.edge.read() as db:
        tables = ["mail", "invitation", "journal_entry"]
        texts = [
            await db.scalar(text(f"SELECT string_agg(t::text, '') FROM {t} t")) for t in tables
        ]

    assert len(code) >= 43
    assert not any(code in str(each) for each in texts)
