"""Whoever holds something before there is an account is invited, exactly once (C18)."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from access.permissions import Principal
from models.catalog import CourseState
from models.coordinators import CourseRoleKind
from models.people import MemberState
from operations import (
    attachments,
    coordinators,
    courses,
    grants,
    invitations,
    invitees,
    overrides,
)
from sync_engine.ticks import expire_overrides
from tests.mailing import Outbox
from tests.world import MONDAY, World, settle

PEA: dict[str, Any] = {"emails": ["pea@acme.example"], "department": "Sales"}
Give = Callable[[World, Engine], Awaitable[None]]


@pytest.fixture
def outbox(world: World) -> Outbox:
    return Outbox(world)


async def newcomer(world: World, name: str = "Pea", **attributes: Any) -> None:
    """Somebody without an account."""
    given = {**PEA, "emails": [f"{name.lower()}@acme.example"], **attributes}
    await world.member(name, state=MemberState.PENDING, **given)


async def by_grant(world: World, _: Engine) -> None:
    await world.grant("Pea", Principal.FINANCE_MANAGER)


async def by_role(world: World, _: Engine) -> None:
    await world.course("Safety", coordinators_by_hand=["Pea"])


async def by_teaching(world: World, _: Engine) -> None:
    await world.course("Safety", instructors=["Pea"])


async def by_enrolment(world: World, _: Engine) -> None:
    await world.course("Safety")
    await world.enrol("Safety", "Pea")


async def by_keeping(world: World, _: Engine) -> None:
    await world.course("Safety")
    await _override(world, overrides.keep)


async def by_rule(world: World, engine: Engine) -> None:
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"])
    settle(engine)


async def by_moving(world: World, engine: Engine) -> None:
    await world.change("Pea", department="Support")
    await by_rule(world, engine)
    await world.change("Pea", department="Sales")
    settle(engine)


async def by_attachment(world: World, engine: Engine) -> None:
    await world.segment("Sales", 'department eq "Sales"')
    settle(engine)
    await world.course("Safety")
    await world.attach("Safety", "Sales")


async def by_lifting(world: World, engine: Engine) -> None:
    await world.course("Safety")
    await _override(world, overrides.exclude)
    await world.segment("Sales", 'department eq "Sales"')
    await world.attach("Safety", "Sales")
    settle(engine)
    await Outbox(world).look()
    async with world.edge.transaction() as db:
        await overrides.lift(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members["Pea"],
        )


async def by_expiring(world: World, engine: Engine) -> None:
    await world.course("Safety")
    await _override(world, overrides.exclude, expires_at=MONDAY + dt.timedelta(days=1))
    await world.segment("Sales", 'department eq "Sales"')
    await world.attach("Safety", "Sales")
    settle(engine)
    await Outbox(world).look()
    expire_overrides(engine, now=MONDAY + dt.timedelta(days=2))


async def by_unarchiving(world: World, engine: Engine) -> None:
    await world.segment("Sales", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sales"], state=CourseState.ARCHIVED)
    settle(engine)
    await Outbox(world).look()
    await _set_state(world, CourseState.ACTIVE)


async def by_a_first_address(world: World, _: Engine) -> None:
    await world.change("Pea", emails=None)
    await world.grant("Pea", Principal.FINANCE_MANAGER)
    await Outbox(world).look()
    await world.change("Pea", emails=["pea@acme.example"])


async def by_returning(world: World, _: Engine) -> None:
    await world.set_state("Pea", MemberState.DEACTIVATED)
    async with world.edge.transaction() as db:
        await db.execute(
            text(
                "INSERT INTO access_grant (workspace_id, member_id, principal)"
                " VALUES (:workspace_id, :member_id, 'finance_manager')"
            ),
            {"workspace_id": world.workspace_id, "member_id": world.members["Pea"]},
        )
    await Outbox(world).look()
    await world.set_state("Pea", MemberState.PENDING)


async def _override(
    world: World, put: Callable[..., Awaitable[object]], expires_at: dt.datetime | None = None
) -> None:
    async with world.edge.transaction() as db:
        await put(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members["Pea"],
            reason="As agreed",
            expires_at=expires_at,
            at=MONDAY,
        )


async def _set_state(world: World, state: CourseState) -> None:
    async with world.edge.transaction() as db:
        await courses.edit(
            db, by=world.system, course_id=world.courses["Safety"], changes={"state": state}
        )


WAYS: tuple[Give, ...] = (
    by_grant,
    by_role,
    by_teaching,
    by_enrolment,
    by_keeping,
    by_rule,
    by_moving,
    by_attachment,
    by_lifting,
    by_expiring,
    by_unarchiving,
    by_a_first_address,
    by_returning,
)


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


async def test_the_engine_asks_nothing_more_where_everybody_has_an_account(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await world.member("Pea", **PEA)
    await world.segment("Sales", 'department eq "Sales"')
    settle(sync_database)

    assert await outbox.notes() == 0


async def test_an_archived_course_invites_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await by_rule(world, sync_database)
    await by_role_and_enrolment(world)
    await _set_state(world, CourseState.ARCHIVED)
    await outbox.look()

    assert await outbox.invited() == []


async def by_role_and_enrolment(world: World) -> None:
    await world.enrol("Safety", "Pea")
    async with world.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            coordinators=[world.members["Pea"]],
        )


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


async def test_a_segment_of_many_is_noted_by_one_row_and_looked_through_in_passes(
    world: World, outbox: Outbox, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitees, "NOTED_A_PASS", 3)
    for number in range(8):
        await newcomer(world, f"P{number}")
    await world.member("Old", **PEA)
    await by_attachment(world, sync_database)
    async with world.edge.transaction() as db:
        await db.execute(text("DELETE FROM invitation_due"))

    assert await outbox.notes() == 1
    await outbox.look()

    assert sorted(await outbox.invited()) == [f"P{number}" for number in range(8)]


async def test_a_segment_attached_again_while_it_is_looked_through_is_begun_anew(
    world: World, outbox: Outbox, sync_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitees, "NOTED_A_PASS", 3)
    names = [f"P{number}" for number in range(5)]
    for name in names:
        await newcomer(world, name)
    await world.segment("Sales", 'department eq "Sales"')
    settle(sync_database)
    await outbox.look()
    await world.course("Old", segments_attached=["Sales"], state=CourseState.ARCHIVED)
    async with world.edge.transaction() as db:
        assert await invitees.expand_segment(db)
    async with world.edge.transaction() as db:
        await invitations.invite_due(db, seals=outbox.seals, at=MONDAY)
    assert await outbox.invited() == []

    await world.course("Safety", segments_attached=["Sales"])
    await outbox.look()

    assert sorted(await outbox.invited()) == names


async def test_an_attachment_and_a_drain_that_do_not_see_each_other_miss_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await world.course("Safety")
    await world.segment("Sales", 'department eq "Sales"')

    async with world.edge.transaction() as attaching:
        await attachments.attach(
            attaching,
            by=world.system,
            course_id=world.courses["Safety"],
            segment_id=world.segments["Sales"],
        )
        settle(sync_database)
        await outbox.look()
        assert await outbox.invited() == []
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def test_a_drain_that_commits_after_the_segment_was_looked_through_misses_nobody(
    world: World, outbox: Outbox, sync_database: Engine
) -> None:
    await newcomer(world)
    await world.course("Safety")
    await world.segment("Sales", 'department eq "Sales"')

    async with world.edge.transaction() as holding:
        # The engine has written everything and waits for its number in the journal.
        await holding.execute(text("SELECT FROM workspace_stream FOR UPDATE"))
        draining = asyncio.create_task(asyncio.to_thread(settle, sync_database))
        await _until_somebody_waits(world)
        async with world.edge.transaction() as attaching:
            await attaching.execute(
                text(
                    "INSERT INTO course_segment (course_id, segment_id, workspace_id, place)"
                    " VALUES (:course, :segment, :workspace, 1)"
                ),
                {
                    "course": world.courses["Safety"],
                    "segment": world.segments["Sales"],
                    "workspace": world.workspace_id,
                },
            )
            await invitees.consider_segments(
                attaching, workspace_id=world.workspace_id, segment_ids=world.segments.values()
            )
        await outbox.look()
        assert await outbox.invited() == []
        assert await outbox.notes() == 0
    await draining
    await outbox.look()

    assert await outbox.invited() == ["Pea"]


async def _until_somebody_waits(world: World) -> None:
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock')"
    )
    async with asyncio.timeout(10):
        while True:
            async with world.edge.sessions() as db:
                if await db.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


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
