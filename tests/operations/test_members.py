"""Attributes by hand, and who may write which (S4)."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from access.permissions import Permission, Principal
from models.identity import Connection, ConnectionKind, DirectoryPerson
from models.people import Member
from operations import members
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.world import World


@pytest.fixture
@furnished
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


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", {"of": 1}, [["a"]], float("nan"), "x" * 1001]
)
async def test_values_that_no_attribute_can_hold_are_refused(staffed: World, value: object) -> None:
    before = await staffed.verbs()

    with pytest.raises(Refused) as refused:
        await change(staffed, "Lea", "Lea", nickname=value)

    assert refused.value.code is Code.BAD_USER_INPUT
    assert await staffed.verbs() == before
