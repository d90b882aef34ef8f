"""The attribute schema: who edits it, what breaks, what is forgotten (S4, S5)."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.caller import Caller
from access.permissions import Permission, Principal
from operations import attributes, members, segments
from operations.attributes import Edited
from operations.refusals import Code, Denied, Refused
from operations.schema_edits import Change
from sync_engine.rules import Attribute, AttributeType, Owner
from tests.engine import run_until_idle
from tests.furnishing import furnished
from tests.world import World

ADMIN, PROVIDER, MEMBER = Owner.ADMINISTRATOR, Owner.IDENTITY_PROVIDER, Owner.MEMBER
BADGE = Attribute("badge", AttributeType.STRING, ADMIN)


@pytest.fixture
@furnished
async def staffed(world: World) -> World:
    """Ada and Bo work in Sales and coordinate Safety by that; Mona manages the workspace."""
    await world.member("Mona")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    for name, level in (("Ada", 3), ("Bo", 5)):
        await world.member(name, department="Sales", level=level, hireDate="2025-01-01")
    await world.segment("Sales", 'department eq "Sales" and level gt 1')
    await world.segment("Country", 'country eq "SE"')
    await world.segment("Draft", "level gt 7", is_draft=True)
    await world.course("Safety", segments_attached=["Sales"])
    return world


async def edit(
    world: World,
    *,
    by: str | Caller = "Mona",
    define: Sequence[Attribute] = (),
    change: Sequence[Change] = (),
    remove: Collection[str] = (),
    dry_run: bool = False,
) -> Edited:
    caller = world.caller(by) if isinstance(by, str) else by
    async with world.edge.transaction() as db:
        return await attributes.edit(
            db, by=caller, define=define, change=change, remove=remove, dry_run=dry_run
        )


async def rows(world: World, statement: str) -> list[Any]:
    async with world.edge.read() as db:
        return [tuple(row) for row in await db.execute(text(statement))]


async def states(world: World) -> dict[str, tuple[str, str | None]]:
    found = await rows(world, "SELECT name, state, broken_reason FROM segment")
    return {name: (state, reason) for name, state, reason in found}


async def test_s4_an_attribute_is_defined_and_rules_may_follow_it(
    staffed: World, sync_database: Engine
) -> None:
    edited = await edit(staffed, define=[BADGE])
    await staffed.segment("Badges", 'badge eq "B7"')
    async with staffed.edge.transaction() as db:
        await members.change_attributes(
            db,
            by=staffed.caller("Mona"),
            member_id=staffed.members["Ada"],
            changes={"badge": "b7 "},
        )
    run_until_idle(sync_database)

    assert edited.catalog["badge"] == BADGE
    assert (edited.affected, edited.people) == ((), 0)
    found = await rows(
        staffed,
        "SELECT member_id FROM membership WHERE until IS NULL "
        f"AND segment_id = {staffed.segments['Badges']}",
    )
    assert found == [(staffed.members["Ada"],)]
    assert "attribute.defined" in await staffed.verbs()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"remove": ["level"]}, "There is no attribute level any more."),
        (
            {"change": [Change("level", AttributeType.STRING)]},
            "level was NUMBER and is STRING now.",
        ),
        (
            {"change": [Change("department", AttributeType.IDENTIFIER)]},
            "department was STRING and is IDENTIFIER now.",
        ),
        (
            {"change": [Change("level", owner=MEMBER)]},
            "Members write level themselves now; no rule may follow it.",
        ),
    ],
)
async def test_s5_a_rule_that_follows_what_goes_is_frozen_and_not_emptied(
    staffed: World, sync_database: Engine, wanted: dict[str, Any], reason: str
) -> None:
    """Frozen: it keeps Ada and Bo, whatever becomes of them, until its rule is edited."""
    run_until_idle(sync_database)
    before = await states(staffed)

    dry = await edit(staffed, **wanted, dry_run=True)
    untouched = await states(staffed)
    edited = await edit(staffed, **wanted)
    run_until_idle(sync_database)
    await staffed.change("Bo", department="Finance")
    run_until_idle(sync_database)

    assert untouched == before
    assert dry.affected[0].segment_id == staffed.segments["Sales"]
    assert dry.affected[0].breaks
    assert dry == edited
    assert {each.reason for each in edited.affected} == {reason}
    after = await states(staffed)
    assert after["Sales"] == ("BROKEN", reason)
    assert (after["Country"], after["Draft"]) == (("ACTIVE", None), ("DRAFT", None))
    assert await staffed.coordinators_of("Safety") == {"Ada", "Bo"}
    assert "segment.broken" in await staffed.verbs()


async def test_s5_a_broken_rule_is_mended_by_editing_it_and_follows_people_again(
    staffed: World, sync_database: Engine
) -> None:
    run_until_idle(sync_database)
    await edit(staffed, change=[Change("department", AttributeType.IDENTIFIER)])
    async with staffed.edge.transaction() as db:
        await segments.edit(
            db,
            by=staffed.system,
            segment_id=staffed.segments["Sales"],
            rule='department eq "Sales" and level gt 4',
        )
    run_until_idle(sync_database)

    assert (await states(staffed))["Sales"] == ("ACTIVE", None)
    assert await staffed.coordinators_of("Safety") == {"Bo"}


async def test_s4_values_are_read_anew_as_their_new_type(staffed: World) -> None:
    await edit(
        staffed,
        change=[
            Change("hireDate", AttributeType.STRING),
            Change("level", AttributeType.STRING),
        ],
    )
    as_texts = await rows(staffed, "SELECT facts FROM member WHERE display_name = 'Ada'")
    no_dates = await rows(staffed, "SELECT * FROM member_moment")
    edited = await edit(staffed, change=[Change("hireDate", AttributeType.DATE)])
    dates = await rows(staffed, "SELECT attribute, on_date::text FROM member_moment")

    assert as_texts[0][0]["hireDate"] == "2025-01-01"
    assert "level" not in as_texts[0][0]
    assert as_texts[0][0]["department"] == "sales"
    assert no_dates == []
    assert edited.people == 2
    assert dates == [("hireDate", "2025-01-01")] * 2


async def test_s4_removing_an_attribute_forgets_its_values_for_good(staffed: World) -> None:
    edited = await edit(staffed, remove=["level", "hireDate"])
    await edit(staffed, define=[Attribute("level", AttributeType.NUMBER, ADMIN)])

    known = await rows(
        staffed, "SELECT attributes, facts FROM member WHERE attributes ? 'department'"
    )
    assert edited.people == 2
    assert len(known) == 2
    for raw, facts in known:
        assert {"level", "hireDate"}.isdisjoint(raw.keys() | facts.keys())
        assert facts["department"] == "sales"
    assert await rows(staffed, "SELECT * FROM member_moment") == []


async def test_s4_what_members_wrote_themselves_never_decides_a_role_afterwards(
    staffed: World, sync_database: Engine
) -> None:
    """Ada calls herself Boss. Whichever way the attribute leaves her hands, that is forgotten."""
    for way in ("owner", "again"):
        async with staffed.edge.transaction() as db:
            await members.change_attributes(
                db,
                by=staffed.caller("Ada"),
                member_id=staffed.members["Ada"],
                changes={"nickname": "Boss"},
            )
        if way == "owner":
            await edit(staffed, change=[Change("nickname", owner=ADMIN)])
        else:
            await edit(staffed, remove=["nickname"])
            await edit(staffed, define=[Attribute("nickname", AttributeType.STRING, ADMIN)])
        await staffed.segment(f"Bosses by {way}", 'nickname eq "Boss"')
        run_until_idle(sync_database)
        segment_id = staffed.segments[f"Bosses by {way}"]

        assert (
            await rows(staffed, f"SELECT * FROM membership WHERE segment_id = {segment_id}") == []
        )
        await edit(staffed, change=[Change("nickname", owner=MEMBER)])


async def test_s4_another_owner_who_is_no_member_changes_nothing_else(
    staffed: World, sync_database: Engine
) -> None:
    edited = await edit(staffed, change=[Change("level", owner=PROVIDER)])
    run_until_idle(sync_database)

    assert (edited.affected, edited.people) == ((), 0)
    assert await staffed.coordinators_of("Safety") == {"Ada", "Bo"}
    assert (await states(staffed))["Sales"] == ("ACTIVE", None)


async def test_s4_values_from_before_a_definition_are_read_when_it_comes(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        await db.execute(
            text(
                'UPDATE member SET attributes = attributes || \'{"badge": " B7"}\' '
                "WHERE display_name = 'Ada'"
            )
        )

    edited = await edit(staffed, define=[BADGE])

    assert edited.people == 1
    assert await rows(staffed, "SELECT facts ->> 'badge' FROM member WHERE facts ? 'badge'") == [
        ("b7",)
    ]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"define": [Attribute("LEVEL", AttributeType.NUMBER, ADMIN)]}, Code.NAME_TAKEN),
        ({"define": [Attribute("and", AttributeType.NUMBER, ADMIN)]}, Code.BAD_USER_INPUT),
        ({"define": [Attribute("a b", AttributeType.NUMBER, ADMIN)]}, Code.BAD_USER_INPUT),
        ({"define": [Attribute("", AttributeType.NUMBER, ADMIN)]}, Code.BAD_USER_INPUT),
        ({"define": [Attribute("x" * 65, AttributeType.NUMBER, ADMIN)]}, Code.BAD_USER_INPUT),
        ({"define": [Attribute("a\x00", AttributeType.NUMBER, ADMIN)]}, Code.BAD_USER_INPUT),
        ({"define": [BADGE, Attribute("Badge", AttributeType.DATE, ADMIN)]}, Code.BAD_USER_INPUT),
        (
            {"define": [Attribute(f"a{n}", AttributeType.DATE, ADMIN) for n in range(200)]},
            Code.LIMIT_REACHED,
        ),
        ({"remove": ["level"], "change": [Change("level")]}, Code.BAD_USER_INPUT),
        ({"remove": ["level", "level"]}, Code.BAD_USER_INPUT),
        ({"remove": ["nosuch"]}, Code.UNKNOWN_ATTRIBUTE),
        ({"remove": ["Level"]}, Code.UNKNOWN_ATTRIBUTE),
        ({"change": [Change("a\x00b", AttributeType.DATE)]}, Code.UNKNOWN_ATTRIBUTE),
        ({"remove": ["emails"]}, Code.CONFLICT),
        ({"change": [Change("userName", owner=MEMBER)]}, Code.CONFLICT),
        ({"change": [Change("groups", AttributeType.STRING)]}, Code.CONFLICT),
    ],
)
async def test_s4_what_cannot_be_is_refused_whole_and_nothing_is_stored(
    staffed: World, wanted: dict[str, Any], code: Code
) -> None:
    before = await staffed.verbs()
    schema = await rows(staffed, "SELECT * FROM attribute_definition ORDER BY name")

    with pytest.raises(Refused) as refused:
        await edit(staffed, **{"define": [Attribute("good", AttributeType.DATE, ADMIN)], **wanted})

    assert refused.value.code is code
    assert await staffed.verbs() == before
    assert await rows(staffed, "SELECT * FROM attribute_definition ORDER BY name") == schema


async def test_s4_more_values_than_can_be_read_anew_at_once_are_refused_and_can_be_removed(
    staffed: World,
) -> None:
    async with staffed.edge.transaction() as db:
        await db.execute(
            text("""INSERT INTO member (workspace_id, user_name, display_name, state, attributes)
                    SELECT :id, 'p' || n, 'p', 'ACTIVE', '{"level": 1}'
                      FROM generate_series(1, 4999) AS n"""),
            {"id": staffed.workspace_id},
        )

    with pytest.raises(Refused) as refused:
        await edit(staffed, change=[Change("level", AttributeType.STRING)], dry_run=True)
    removed = await edit(staffed, remove=["level"])

    assert refused.value.code is Code.LIMIT_REACHED
    assert refused.value.details == {"limit": 5_000, "count": 5_001}
    assert removed.people == 5_001


async def test_s4_only_workspace_managers_edit_the_schema(staffed: World) -> None:
    await staffed.grant("Ada", Principal.INVITE)
    for wanted in ({"define": [BADGE]}, {"remove": ["level"], "dry_run": True}, {}):
        with pytest.raises(Denied) as denied:
            await edit(staffed, by="Ada", **wanted)
        assert denied.value.permission is Permission.EDIT_ATTRIBUTE_SCHEMA


async def test_s4_two_who_define_the_same_attribute_at_once_define_it_once(
    staffed: World,
) -> None:
    answers = await asyncio.gather(
        edit(staffed, define=[BADGE]),
        edit(staffed, define=[Attribute("Badge", AttributeType.DATE, ADMIN)]),
        return_exceptions=True,
    )

    refused = [each for each in answers if isinstance(each, Refused)]
    assert [each.code for each in refused] == [Code.NAME_TAKEN]


async def test_s4_each_tenant_has_its_own_schema_values_and_segments(
    staffed: World, sessions: async_sessionmaker[AsyncSession], sync_database: Engine
) -> None:
    other = await World.new(sessions, "umbrella")
    await other.member("Eve", department="Sales", level=9)
    await other.segment("High", "level gt 1")
    await other.course("Secret", segments_attached=["High"])
    run_until_idle(sync_database)

    await edit(staffed, remove=["level"])
    run_until_idle(sync_database)

    assert (await states(other))["High"] == ("ACTIVE", None)
    assert await other.coordinators_of("Secret") == {"Eve"}
    assert await rows(other, "SELECT attributes -> 'level' FROM member WHERE facts ? 'level'") == [
        (9,)
    ]
