"""What can be known of the past is said exactly; what cannot is named, and never guessed (S10)."""

import datetime as dt

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller, Origin
from models.identity import Connection, ConnectionKind
from operations import attributes, explain
from operations.explain import Standing, Turn, WhyCoordinator
from operations.identity import apply_user_change
from operations.refusals import Code, Refused
from operations.statements import IdentityChange, Kind, Subject
from sync_engine.rules import Attribute, AttributeType, Owner
from tests.furnishing import furnished
from tests.tampering import unguarded_session
from tests.world import MONDAY, World, settle

pytestmark = pytest.mark.spec("S10")

LEA = Subject(user_name="lea@acme.example")


async def why(world: World, **when: int | dt.datetime) -> WhyCoordinator:
    """Lea and Safety."""
    async with world.edge.read() as db:
        return await explain.membership(
            db,
            by=world.system,
            course_id=world.courses["Safety"],
            member_id=world.members["Lea"],
            **when,  # type: ignore[arg-type]
        )


async def head(world: World) -> int:
    async with world.edge.read() as db:
        found = await db.scalar(
            text("SELECT head FROM workspace_stream WHERE workspace_id = :id"),
            {"id": world.workspace_id},
        )
        return int(found or 0)


@pytest.fixture
@furnished
async def sellers(world: World, sync_database: Engine) -> World:
    await world.member("Lea", department="Sales")
    await world.segment("Sellers", 'department eq "Sales"')
    await world.course("Safety", segments_attached=["Sellers"])
    settle(sync_database)
    return world


async def test_a_value_that_two_redacted_entries_hide_is_named_as_unknown(
    sellers: World, sync_database: Engine, sessions: async_sessionmaker[AsyncSession]
) -> None:
    in_sales = await head(sellers)
    await sellers.change("Lea", department="Secret")
    settle(sync_database)
    secret = await head(sellers)
    await sellers.change("Lea", department="Legal")
    settle(sync_database)
    async with unguarded_session(sessions) as db:
        await db.execute(
            text(
                "UPDATE journal_entry SET before = NULL, after = NULL, salt = NULL,"
                " redacted_at = now() WHERE verb = 'member.changed'"
            )
        )

    known, hidden, now = (
        await why(sellers, seq=in_sales),
        await why(sellers, seq=secret),
        await why(sellers),
    )

    assert (known.unknown, known.standing) == ((), Standing.DERIVED)
    assert known.segments[0].sentences == ("department is “Sales”, which equals “Sales”",)
    assert (hidden.unknown, hidden.standing) == (("department",), Standing.NO_SOURCE)
    assert hidden.segments[0].explanation is None
    assert hidden.segments[0].sentences == ("what department was then cannot be known",)
    assert now.unknown == ()
    assert now.segments[0].sentences == ("department is “Legal”, which does not equal “Sales”",)


async def test_values_forgotten_with_their_attribute_are_known_from_before(
    world: World, sync_database: Engine
) -> None:
    site = Attribute("site", AttributeType.STRING, Owner.ADMINISTRATOR)
    async with world.edge.transaction() as db:
        await attributes.edit(db, by=world.system, define=[site])
    await world.member("Lea", site="North")
    await world.segment("Northern", 'site eq "North"')
    await world.course("Safety", segments_attached=["Northern"])
    settle(sync_database)
    before = await head(world)
    async with world.edge.transaction() as db:
        await attributes.edit(db, by=world.system, remove=["site"])

    then, now = await why(world, seq=before), await why(world)

    assert (then.segments[0].state, now.segments[0].state) == ("ACTIVE", "BROKEN")
    assert then.segments[0].sentences == ("site is “North”, which equals “North”",)
    assert then.unknown == now.unknown == ()


async def test_who_was_deleted_is_explained_as_long_as_there_was_somebody(
    sellers: World, sync_database: Engine
) -> None:
    async with sellers.edge.transaction() as db:
        made = Connection(
            workspace_id=sellers.workspace_id, name="Okta", kind=ConnectionKind.SCIM, dropped={}
        )
        db.add(made)
        await db.flush()
        okta = Caller(sellers.workspace_id, "Okta", Origin.SCIM, connection_id=made.id)
    alive = 0
    for kind in (Kind.USER_CHANGED, Kind.USER_DELETED):
        said = {} if kind is Kind.USER_DELETED else {"department": "Sales"}
        change = IdentityChange(kind, LEA, attributes=said, active=None)
        async with sellers.edge.transaction() as db:
            await apply_user_change(db, by=okta, change=change, at=MONDAY)
        settle(sync_database)
        if kind is Kind.USER_CHANGED:
            alive = await head(sellers)

    then = await why(sellers, seq=alive)

    assert (then.standing, then.is_coordinator) == (Standing.DERIVED, True)
    with pytest.raises(Refused) as refused:
        await why(sellers)
    assert refused.value.code is Code.NOT_FOUND
    async with sellers.edge.read() as db:
        line = await explain.timeline(
            db,
            by=sellers.system,
            course_id=sellers.courses["Safety"],
            member_id=sellers.members["Lea"],
            limit=10,
        )
    assert line.turns[-1].turn is Turn.GAINED
    assert not line.turns[0].is_coordinator


@pytest.mark.parametrize(
    "when",
    [
        {"at": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)},
        {"seq": 1_000_000},
        {"seq": -1},
        {"seq": 1, "at": MONDAY},
    ],
)
async def test_no_time_but_one_that_has_been_is_answered(
    sellers: World, when: dict[str, int | dt.datetime]
) -> None:
    with pytest.raises(Refused) as refused:
        await why(sellers, **when)

    assert refused.value.code is Code.BAD_USER_INPUT


async def test_what_ended_a_membership_is_told_of_who_is_not_in_it(
    sellers: World, sync_database: Engine
) -> None:
    await sellers.change("Lea", department="Legal")
    settle(sync_database)

    [reason] = (await why(sellers)).segments

    assert not reason.is_member
    assert reason.ended is not None
    assert (reason.ended.verb, reason.ended.after) == ("member.changed", {"department": "Legal"})
    assert reason.changes["department"].before == {"department": "Sales"}
