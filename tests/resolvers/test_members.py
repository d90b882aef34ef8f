"""People: looking them up, changing what is known of them, ending and giving back access."""

from typing import Any

import pytest

from access.permissions import Principal
from models.people import MemberState
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

MEMBERS = """query ($search: String, $state: [MemberState!]) {
  members(search: $search, state: $state) { totalCount nodes { displayName userName } } }"""
MEMBER = """query ($id: ID!) { member(id: $id) {
  displayName userName email state attributes lastSignInAt isSyncPending } }"""
CHANGE = """mutation ($id: ID!, $changes: JSON!) {
  changeMemberAttributes(memberId: $id, changes: $changes) {
    cursor member { displayName isSyncPending } refusal { code message } } }"""
STATE = """mutation ($id: ID!) { deactivateMember(memberId: $id) {
  member { state } refusal { code message } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Ivo", "Cora", "Lea"):
        await world.member(name)
    await world.member("100%_Ok", emails=["Percy@Example.org"])
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    await world.course("Safety", coordinators_by_hand=["Cora"])
    ask.settle()
    return world


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("%", ["100%_Ok"]),
        ("_", ["100%_Ok"]),
        ("%_o", ["100%_Ok"]),
        ("MON", ["Mona"]),
        ("percy@example", ["100%_Ok"]),
        ("lea@acme", ["Lea"]),
        ("\\", []),
        ("' OR 1=1 --", []),
    ],
)
async def test_people_are_found_by_name_user_name_or_e_mail_and_percent_means_percent(
    company: World, ask: Ask, piece: str, expected: list[str]
) -> None:
    found = await ask.one(MEMBERS, by="Mona", search=piece)

    assert [each["displayName"] for each in found["nodes"]] == expected
    assert found["totalCount"] == len(expected)


async def test_who_may_not_look_others_up_finds_only_oneself(company: World, ask: Ask) -> None:
    everybody = await ask.one(MEMBERS, by="Ivo")
    picker = await ask.one(MEMBERS, by="Cora")
    oneself = await ask.one(MEMBERS, by="Lea")
    others = await ask.one(MEMBERS, by="Lea", search="mona")

    assert everybody["totalCount"] == picker["totalCount"] == 5
    assert oneself == {
        "totalCount": 1,
        "nodes": [{"displayName": "Lea", "userName": "lea@acme.example"}],
    }
    assert others == {"totalCount": 0, "nodes": []}


async def test_what_is_known_of_a_person_is_shown_by_right(company: World, ask: Ask) -> None:
    lea = ask.id("Member", "Lea")

    by_manager = await ask.whole(MEMBER, by="Mona", id=lea)
    by_coordinator = await ask.whole(MEMBER, by="Cora", id=lea)
    by_oneself = await ask.whole(MEMBER, by="Lea", id=lea)

    assert by_manager == by_oneself
    assert "errors" not in by_manager
    shown = by_coordinator["data"]["member"]
    assert (shown["userName"], shown["attributes"]) == ("lea@acme.example", None)
    assert {each["path"][-1] for each in by_coordinator["errors"]} == {
        "attributes",
        "lastSignInAt",
    }


async def test_members_are_narrowed_by_state(company: World, ask: Ask) -> None:
    await company.set_state("Lea", MemberState.DEACTIVATED)

    gone = await ask.one(MEMBERS, by="Mona", state=["DEACTIVATED"])

    assert [each["displayName"] for each in gone["nodes"]] == ["Lea"]


async def test_attributes_are_changed_by_hand_and_wait_for_the_engine(
    company: World, ask: Ask
) -> None:
    lea = ask.id("Member", "Lea")

    done = await ask.one(CHANGE, by="Mona", id=lea, changes={"department": "Sales"})
    ask.settle()
    cleared = await ask.one(CHANGE, by="Mona", id=lea, changes={"department": None})
    known = await ask.one(MEMBER, by="Mona", id=lea)

    assert done["refusal"] is None
    assert done["member"]["isSyncPending"]
    assert cleared["refusal"] is None
    assert "department" not in known["attributes"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nosuch": 1}, "UNKNOWN_ATTRIBUTE"),
        ({"__class__": 1}, "UNKNOWN_ATTRIBUTE"),
        ({"groups": ["x"]}, "WRONG_OWNER"),
        ([1], "BAD_USER_INPUT"),
        ("text", "BAD_USER_INPUT"),
        ({"userName": "mona@acme.example"}, "NAME_TAKEN"),
        ({"userName": ""}, "BAD_USER_INPUT"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_nothing_is_stored(
    company: World, ask: Ask, changes: Any, code: str
) -> None:
    before = await company.verbs()

    done = await ask.one(CHANGE, by="Mona", id=ask.id("Member", "Lea"), changes=changes)

    assert done["refusal"]["code"] == code
    assert await company.verbs() == before


async def test_people_do_not_change_what_others_own(company: World, ask: Ask) -> None:
    before = await company.verbs()

    oneself = await ask.code(
        CHANGE, by="Lea", id=ask.id("Member", "Lea"), changes={"department": "Sales"}
    )
    another = await ask.code(
        CHANGE, by="Cora", id=ask.id("Member", "Lea"), changes={"department": "Sales"}
    )

    assert oneself == another == "PERMISSION_DENIED"
    assert await company.verbs() == before


async def test_access_is_ended_and_given_back_by_those_who_may(company: World, ask: Ask) -> None:
    cora = ask.id("Member", "Cora")

    denied = await ask.code(STATE, by="Ivo", id=cora)
    ended = await ask.one(STATE, by="Mona", id=cora)
    meanwhile = await company.coordinators_of("Safety")
    back = await ask.one(STATE.replace("deactivate", "reactivate"), by="Mona", id=cora)

    assert denied == "PERMISSION_DENIED"
    assert ended["member"]["state"] == "DEACTIVATED"
    assert meanwhile == set()
    assert back["member"]["state"] == "ACTIVE"
    assert await company.coordinators_of("Safety") == {"Cora"}
