"""Adding people, the report on activity, and the attribute schema, as clients ask for them."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from access.permissions import Permission, Principal, allows
from operations import activity
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.world import World

ADD = """mutation ($people: [PersonToAdd!]!, $dryRun: Boolean, $key: String) {
  addMember(people: $people, dryRun: $dryRun, idempotencyKey: $key) { cursor
    refusal { code message }
    results { index outcome member { displayName userName state attributes }
      refusal { code path message } } } }"""
PREVIEW = """query ($count: Int, $people: [PersonToAdd!]) {
  invitePreview(count: $count, people: $people) { membersNow membersAfter activeThisMonth
    possiblyActiveNow possiblyActiveAfter } }"""
REPORT = """query ($from: Date, $to: Date) { viewActiveMembersReport(from: $from, to: $to) {
  timeZone months { month activeMembers isOver } } }"""
SCHEMA = "{ attributes { name type owner isFixed isUsableInRules } }"
EDIT = """mutation ($define: [AttributeToDefine!], $change: [AttributeToChange!],
    $remove: [String!], $dryRun: Boolean) {
  editAttributeSchema(define: $define, change: $change, remove: $remove, dryRun: $dryRun) {
    cursor peopleCount attributes { name type owner }
    affectedSegments { breaks reason segment { name state brokenReason } }
    refusal { code message } } }"""
STATE = """mutation ($ids: [ID!]) { deactivateMember(memberIds: $ids) {
  changed { displayName state } refusal { code message ... on PlainRefusal { details } } } }"""


@pytest.fixture
@furnished
async def company(world: World, ask: Ask) -> World:
    for name in ("Mona", "Ivo", "Finn", "Lea"):
        await world.member(name, level=3)
    await world.grant("Mona", Principal.WORKSPACE_MANAGER)
    await world.grant("Ivo", Principal.INVITE)
    await world.grant("Finn", Principal.FINANCE_MANAGER)
    await world.segment("High", "level gt 1")
    ask.settle()
    return world


async def test_c16_each_person_of_a_call_has_a_result_with_the_path_of_what_is_wrong(
    company: World, ask: Ask
) -> None:
    people = [
        {"email": "nina@mail.example", "displayName": "Nina"},
        {"email": "nina@mail"},
        {"email": "lea@acme.example"},
        {"email": "a@mail.example\r\nBcc: b@mail.example"},
    ]

    dry = await ask.one(ADD, by="Ivo", people=people, dryRun=True)
    done = await ask.one(ADD, by="Ivo", people=people)

    outcomes = ["ADDED", "REFUSED", "ALREADY_MEMBER", "REFUSED"]
    assert [each["outcome"] for each in dry["results"]] == outcomes
    assert [each["outcome"] for each in done["results"]] == outcomes
    assert dry["results"][0]["member"] is None
    assert done["results"][0]["member"] == {
        "displayName": "Nina",
        "userName": "nina@mail.example",
        "state": "PENDING",
        "attributes": {"userName": "nina@mail.example", "emails": ["nina@mail.example"]},
    }
    assert done["results"][1]["refusal"]["path"] == ["people", "1", "email"]
    assert done["results"][2]["member"]["displayName"] == "Lea"
    assert "\n" not in done["results"][3]["refusal"]["message"]


async def test_g8_a_repeat_with_the_same_key_adds_nobody_and_tells_the_same(
    company: World, ask: Ask
) -> None:
    people = [{"email": "nina@mail.example"}, {"email": "broken"}]

    first = await ask.one(ADD, by="Ivo", people=people, key="once")
    again = await ask.one(ADD, by="Ivo", people=people, key="once")

    assert again == first
    assert first["results"][0]["outcome"] == "ADDED"
    assert (await company.verbs()).count("member.added") == 5


async def test_c16_what_inviters_may_not_say_is_denied_and_too_many_are_refused(
    company: World, ask: Ask
) -> None:
    described = [{"email": "nina@mail.example", "attributes": {"department": "Sales"}}]
    odd = [{"email": "nina@mail.example", "attributes": ["department"]}]
    before = await company.verbs()

    denied = await ask.errors(ADD, by="Ivo", people=described)
    many = await ask.one(ADD, by="Ivo", people=[{"email": f"p{n}@x.example"} for n in range(501)])
    shape = await ask.one(ADD, by="Mona", people=odd)
    nobody = await ask.code(ADD, by="Lea", people=[])

    assert denied[0]["extensions"]["code"] == "PERMISSION_DENIED"
    assert denied[0]["extensions"]["requiredAnyOf"] == [["EDIT_ATTRIBUTE_SCHEMA"]]
    assert many["refusal"]["code"] == "LIMIT_REACHED"
    assert shape["refusal"]["code"] == "BAD_USER_INPUT"
    assert nobody == "PERMISSION_DENIED"
    assert await company.verbs() == before


async def test_c16_the_preview_is_for_those_who_may_add(company: World, ask: Ask) -> None:
    seen = await ask.one(PREVIEW, by="Ivo", count=10)
    named = await ask.one(PREVIEW, by="Mona", people=[{"email": "lea@acme.example"}])

    assert seen == {
        "membersNow": 4,
        "membersAfter": 14,
        "activeThisMonth": 0,
        "possiblyActiveNow": 4,
        "possiblyActiveAfter": 14,
    }
    assert named["membersAfter"] == 4
    for name in ("Finn", "Lea"):
        assert await ask.code(PREVIEW, by=name, count=1) == "PERMISSION_DENIED"


async def test_c16_what_it_could_cost_is_shown_to_those_who_see_billing(
    company: World, ask: Ask
) -> None:
    document = """{ invitePreview(count: 2) { possiblyActiveAfter
      possiblyBilledNow { decimal currency } possiblyBilledAfter { decimal currency } } }"""

    by_manager = await ask.one(document, by="Mona")
    by_inviter = await ask.whole(document, by="Ivo")

    assert by_manager == {
        "possiblyActiveAfter": 6,
        "possiblyBilledNow": {"decimal": "20.00", "currency": "EUR"},
        "possiblyBilledAfter": {"decimal": "30.00", "currency": "EUR"},
    }
    assert by_inviter["data"]["invitePreview"] == {
        "possiblyActiveAfter": 6,
        "possiblyBilledNow": None,
        "possiblyBilledAfter": None,
    }
    assert {each["extensions"]["code"] for each in by_inviter["errors"]} == {"PERMISSION_DENIED"}


async def test_c20_finance_managers_read_the_report_and_no_person(company: World, ask: Ask) -> None:
    now = dt.datetime.now(dt.UTC)
    async with company.edge.transaction() as db:
        await activity.note(
            db, workspace_id=company.workspace_id, member_id=company.members["Lea"], at=now
        )
        month = await activity.present_month(db, workspace_id=company.workspace_id, at=now)

    by_finance = await ask.one(REPORT, by="Finn")
    asked = {"from": f"{month:%Y-%m}-17", "to": f"{month:%Y-%m}-17"}
    by_manager = await ask.one(REPORT, by="Mona", **asked)
    people = await ask.code("{ listAllMembers { totalCount } }", by="Finn")
    denied = {await ask.code(REPORT, by=name) for name in ("Ivo", "Lea")}
    backwards = await ask.code(REPORT, by="Finn", **{"from": "2026-03-01", "to": "2026-02-01"})

    assert len(by_finance["months"]) == 12
    assert by_finance["timeZone"] == "Europe/Stockholm"
    assert by_finance["months"][-1] == by_manager["months"][0]
    assert by_manager["months"] == [
        {"month": month.isoformat(), "activeMembers": 1, "isOver": False}
    ]
    assert people == "PERMISSION_DENIED"
    assert denied == {"PERMISSION_DENIED"}
    assert backwards == "BAD_USER_INPUT"
    assert not allows({Principal.INVITE}, Permission.VIEW_ACTIVE_MEMBERS_REPORT)


async def test_s4_the_schema_is_read_by_who_writes_rules_and_by_others_what_is_theirs(
    company: World, ask: Ask
) -> None:
    whole = await ask.one(SCHEMA, by="Mona")
    own = await ask.one(SCHEMA, by="Lea")

    by_name = {each["name"]: each for each in whole}
    assert by_name["emails"]["isFixed"]
    assert by_name["level"] == {
        "name": "level",
        "type": "NUMBER",
        "owner": "ADMINISTRATOR",
        "isFixed": False,
        "isUsableInRules": True,
    }
    assert [(each["name"], each["isUsableInRules"]) for each in own] == [("nickname", False)]


async def test_s5_a_dry_run_names_the_segments_that_would_break_and_breaks_none(
    company: World, ask: Ask
) -> None:
    define = [{"name": "badge", "type": "IDENTIFIER", "owner": "ADMINISTRATOR"}]

    dry = await ask.one(EDIT, by="Mona", define=define, remove=["level"], dryRun=True)
    done = await ask.one(EDIT, by="Mona", define=define, remove=["level"])
    refused = await ask.one(EDIT, by="Mona", remove=["level"])
    denied = await ask.code(EDIT, by="Ivo", define=define)

    reason = "There is no attribute level any more."
    assert dry["affectedSegments"] == [
        {
            "breaks": True,
            "reason": reason,
            "segment": {"name": "High", "state": "ACTIVE", "brokenReason": None},
        }
    ]
    assert dry["peopleCount"] == done["peopleCount"] == 4
    assert dry["attributes"] == done["attributes"]
    assert done["affectedSegments"][0]["segment"] == {
        "name": "High",
        "state": "BROKEN",
        "brokenReason": reason,
    }
    names = {each["name"] for each in done["attributes"]}
    assert "badge" in names
    assert "level" not in names
    assert refused["refusal"]["code"] == "UNKNOWN_ATTRIBUTE"
    assert denied == "PERMISSION_DENIED"


async def test_c19_several_lose_access_in_one_call_or_nobody_does(company: World, ask: Ask) -> None:
    async def end(*ids: str) -> dict[str, Any]:
        done: dict[str, Any] = await ask.one(STATE, by="Mona", ids=ids)
        return done

    lea, finn, mona = (ask.id("Member", name) for name in ("Lea", "Finn", "Mona"))

    with_missing = await end(lea, encode("Member", 999_999))
    with_last_manager = await end(lea, mona)
    done = await end(lea, finn)
    again = await end(lea, finn)
    denied = await ask.code(STATE, by="Ivo", ids=[lea])

    assert with_missing["refusal"]["code"] == "NOT_FOUND"
    assert with_last_manager["refusal"]["code"] == "CONFLICT"
    assert with_last_manager["refusal"]["details"] == {"memberIds": [mona]}
    assert {each["displayName"] for each in done["changed"]} == {"Lea", "Finn"}
    assert {each["state"] for each in done["changed"]} == {"DEACTIVATED"}
    assert again["changed"] == []
    assert denied == "PERMISSION_DENIED"


async def test_c19_people_of_another_tenant_are_missing_here(
    company: World, ask: Ask, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await World.new(sessions, "umbrella")
    eve = encode("Member", await other.member("Eve"))

    hidden = await ask.one(STATE, by="Mona", ids=[eve])
    missing = await ask.one(STATE, by="Mona", ids=[encode("Member", 999_999)])

    assert hidden["refusal"]["code"] == missing["refusal"]["code"] == "NOT_FOUND"
    assert hidden["refusal"]["message"] == missing["refusal"]["message"]
