"""People without an account, and all the ways in which they come to hold something."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Engine, text

from access.permissions import Principal
from models.catalog import CourseState
from models.people import MemberState
from operations import coordinators, courses, invitations, overrides
from operations.invitations import Opened
from operations.sign_in_identities import Identity
from sync_engine.ticks import expire_overrides
from tests.mailing import Outbox
from tests.world import MONDAY, World, settle

PEA: dict[str, Any] = {"emails": ["pea@acme.example"], "department": "Sales"}
LATER = MONDAY + dt.timedelta(minutes=2)
Give = Callable[[World, Engine], Awaitable[None]]


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
    await set_course_state(world, CourseState.ACTIVE)


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


async def by_role_and_enrolment(world: World) -> None:
    await world.enrol("Safety", "Pea")
    async with world.edge.transaction() as db:
        await coordinators.assign(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            coordinators=[world.members["Pea"]],
        )


async def set_course_state(world: World, state: CourseState) -> None:
    async with world.edge.transaction() as db:
        await courses.edit(
            db, by=world.system, course_id=world.courses["Safety"], changes={"state": state}
        )


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


async def accept(
    outbox: Outbox, code: str, *, at: dt.datetime = LATER, identity: Identity | None = None
) -> Opened:
    async with outbox.world.edge.transaction() as db:
        return await invitations.accept(db, code=code, at=at, identity=identity)
