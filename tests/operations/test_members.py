"""Attributes by hand, and who may write which (S4, C19)."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal
from models.identity import Connection, ConnectionKind, DirectoryPerson
from models.people import Member, MemberState
from operations import members, people
from operations.refusals import Code, Denied, Refused
from tests.world import MONDAY, World


@pytest.fixture
async def staffed(world: World) -> World:
    await world.member("Mona")
    await world.member("Lea", department="Sales", hireDate="2025-12-01")
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await drop_markers(world)
    return world


async def drop_markers(world: World) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text("DELETE FROM dirty_member"))


async def marked(world: World) -> list[int]:
    async with world.edge.read() as db:
        return list(await db.scalars(text("SELECT member_id FROM dirty_member")))


async def change(world: World, by: str, of: str, **changes: object) -> Member:
    async with world.edge.transaction() as db:
        return await members.change_attributes(
            db, by=world.caller(by), member_id=world.members[of], changes=changes
        )


async def test_a_change_is_kept_folded_recorded_and_marked(staffed: World) -> None:
    member = await change(staffed, "Mona", "Lea", department=" SALES  ", level=3)

    assert member.attributes["department"] == " SALES  "
    assert member.facts["department"] == "sales"
    assert member.facts["level"] == "3"
    assert await marked(staffed) == [staffed.members["Lea"]]
    assert (await staffed.verbs())[-1] == "member.changed"


async def test_what_changes_nothing_is_not_written_nor_told(staffed: World) -> None:
    before = await staffed.verbs()

    await change(staffed, "Mona", "Lea", department="Sales", title=None, skills=[])

    assert await staffed.verbs() == before
    assert await marked(staffed) == []


async def test_dates_of_people_follow_their_attributes(staffed: World) -> None:
    await change(staffed, "Mona", "Lea", hireDate="2026-02-01")
    async with staffed.edge.read() as db:
        moments = (await db.execute(text("SELECT attribute, on_date FROM member_moment"))).all()
    await change(staffed, "Mona", "Lea", hireDate=None)
    async with staffed.edge.read() as db:
        left = (await db.execute(text("SELECT * FROM member_moment"))).all()

    assert [(name, day.isoformat()) for name, day in moments] == [("hireDate", "2026-02-01")]
    assert left == []


async def test_members_write_what_is_theirs_and_nobody_else_does(staffed: World) -> None:
    member = await change(staffed, "Lea", "Lea", nickname="Leo")

    assert member.attributes["nickname"] == "Leo"
    with pytest.raises(Refused) as refused:
        await change(staffed, "Mona", "Lea", nickname="Lulu")
    assert refused.value.code is Code.WRONG_OWNER


async def test_a_limited_token_writes_nothing_about_its_own_member(staffed: World) -> None:
    by = replace(staffed.caller("Lea"), limited_to=frozenset({Permission.VIEW_COURSE_INFO}))

    with pytest.raises(Denied):
        async with staffed.edge.transaction() as db:
            await members.change_attributes(
                db, by=by, member_id=staffed.members["Lea"], changes={"nickname": "Leo"}
            )


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"groups": ["Trainers"]}, Code.WRONG_OWNER),
        ({"shoeSize": 42}, Code.UNKNOWN_ATTRIBUTE),
        ({"department": "a\x00b"}, Code.BAD_USER_INPUT),
    ],
)
async def test_who_is_added_is_given_only_what_can_be_known_of_people(
    staffed: World, attributes: dict[str, object], code: Code
) -> None:
    async with staffed.edge.transaction() as db:
        catalog = await people.catalog_of(db, staffed.workspace_id)
        with pytest.raises(Refused) as refused:
            await members.add(
                db,
                by=staffed.caller("Mona"),
                user_name="new@acme.example",
                attributes=attributes,
                state=MemberState.PENDING,
                catalog=catalog,
            )

    assert refused.value.code is code


async def test_nobody_changes_their_own_department(staffed: World) -> None:
    with pytest.raises(Denied):
        await change(staffed, "Lea", "Lea", department="Board")


async def test_a_stranger_to_administration_does_not_learn_who_exists(staffed: World) -> None:
    for member_id in (staffed.members["Mona"], 987_654):
        with pytest.raises(Denied) as refusal:
            async with staffed.edge.transaction() as db:
                await members.change_attributes(
                    db, by=staffed.caller("Lea"), member_id=member_id, changes={}
                )
        assert refusal.value.permission is Permission.EDIT_ATTRIBUTE_SCHEMA


async def test_what_a_provider_owns_is_not_written_by_hand_for_its_people(staffed: World) -> None:
    async with staffed.edge.transaction() as db:
        connection = Connection(
            workspace_id=staffed.workspace_id, name="Directory", kind=ConnectionKind.SCIM
        )
        db.add(connection)
        await db.flush()
        db.add(
            DirectoryPerson(
                workspace_id=staffed.workspace_id,
                connection_id=connection.id,
                member_id=staffed.members["Lea"],
                user_name="lea",
            )
        )

    with pytest.raises(Refused) as refused:
        await change(staffed, "Mona", "Lea", department="Finance")
    member = await change(staffed, "Mona", "Lea", level=2)

    assert refused.value.code is Code.WRONG_OWNER
    assert member.attributes["department"] == "Sales"


async def test_unknown_attributes_are_named(staffed: World) -> None:
    with pytest.raises(Refused) as refused:
        await change(staffed, "Mona", "Lea", shoeSize=42)

    assert refused.value.code is Code.UNKNOWN_ATTRIBUTE
    assert refused.value.details["attributes"] == ["shoeSize"]


async def test_a_user_name_is_taken_in_any_case(staffed: World) -> None:
    with pytest.raises(Refused) as refused:
        await change(staffed, "Mona", "Lea", userName="MONA@acme.example")

    assert refused.value.code is Code.NAME_TAKEN


async def test_deactivation_moves_the_access_epoch_and_comes_back(staffed: World) -> None:
    by, lea = staffed.caller("Mona"), staffed.members["Lea"]
    async with staffed.edge.transaction() as db:
        gone = await members.deactivate(db, by=by, member_id=lea, at=MONDAY)
    async with staffed.edge.transaction() as db:
        back = await members.reactivate(db, by=by, member_id=lea, at=MONDAY)

    assert (gone.access_epoch, back.access_epoch) == (2, 3)
    assert back.state is MemberState.ACTIVE
    assert (await staffed.verbs())[-2:] == ["member.deactivated", "member.reactivated"]


async def test_reactivating_gives_nobody_an_account(staffed: World) -> None:
    pending = await staffed.member("Pia", state=MemberState.PENDING)
    before = await staffed.verbs()

    async with staffed.edge.transaction() as db:
        member = await members.reactivate(
            db, by=staffed.caller("Mona"), member_id=pending, at=MONDAY
        )

    assert member.state is MemberState.PENDING
    assert await staffed.verbs() == before


async def test_only_workspace_managers_deactivate(staffed: World) -> None:
    with pytest.raises(Denied):
        async with staffed.edge.transaction() as db:
            await members.deactivate(
                db, by=staffed.caller("Lea"), member_id=staffed.members["Mona"], at=MONDAY
            )


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", {"of": 1}, [["a"]], float("nan"), "x" * 1001]
)
async def test_values_that_no_attribute_can_hold_are_refused(staffed: World, value: object) -> None:
    before = await staffed.verbs()

    with pytest.raises(Refused) as refused:
        await change(staffed, "Lea", "Lea", nickname=value)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert await staffed.verbs() == before
